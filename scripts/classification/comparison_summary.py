"""What a comparison of strategies came to: counts, checks, verdicts, provenance."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from scripts.classification.drawn_groups import DrawnGroups
from scripts.classification.finished_runs import FinishedRun, JudgedRows
from scripts.classification.scopes import INPUT, SURVIVING, Scope
from scripts.classification.scoring import BUCKETS
from scripts.classification.strategy_differences import reference_of
from scripts.common.errors import IntegrityError
from scripts.common.files import sha256_file

_PACKAGES = ("numpy", "scipy")
_Runs = Mapping[str, Mapping[str, Sequence[FinishedRun]]]


def summarize(
    found: _Runs,
    *,
    split: JudgedRows,
    buckets: Sequence[str],
    units: DrawnGroups,
    scopes: Sequence[Scope],
    verdicts: list[dict[str, Any]],
    filtered: dict[str, Any],
    imbalance: dict[str, Any],
    strategies: Mapping[str, Any],
    settings: dict[str, Any],
    seed: int,
    code: str,
    sources: Sequence[Path],
) -> dict[str, Any]:
    """Return the content of summary.json.

    Raises:
        IntegrityError: trainings of a model rest on different data.
    """
    runs = [run for of_model in found.values() for same in of_model.values() for run in same]
    supported = split.support > 0
    by_name = {scope.name: scope for scope in scopes}
    return {
        "items": filtered["before"]["rows"],
        "classes": {
            "input": filtered["before"]["classes"],
            "surviving": len(buckets),
            "supported": int(supported.sum()),
            "missing": by_name[INPUT].missing,
            "without_test_row": by_name[SURVIVING].silent,
            "buckets": {bucket: buckets.count(bucket) for bucket in BUCKETS},
            "supported_buckets": {
                bucket: int((supported & (np.array(buckets) == bucket)).sum()) for bucket in BUCKETS
            },
        },
        "rows": split.rows_of_splits,
        "filter": {
            key: filtered[key] for key in ("rare_policy", "threshold", "before", "after", "removed")
        },
        "imbalance": {name: imbalance[name] for name in ("before", "after")},
        "draws": {
            **settings,
            "level": 0.95,
            "groups": units.units,
            "lone_classes": int(units.lone.sum()),
            "groups_of_several_classes": units.shared_groups,
            "missing_rows": by_name[INPUT].missing_rows,
        },
        "runs": len(runs),
        "models": {model: _model_facts(model, of_model) for model, of_model in found.items()},
        "initial": {
            "runs": len(runs),
            "wrong": sum(not run.facts["initial"]["ok"] for run in runs),
            "verdicts": sorted(
                {
                    f"{run.model} / {run.strategy} / {run.seed}: {run.facts['initial']['verdict']}"
                    for run in runs
                    if not run.facts["initial"]["ok"]
                }
            ),
        },
        "verdicts": verdicts,
        "strategies": dict(strategies),
        "seed": seed,
        "versions": {package: version(package) for package in _PACKAGES},
        "code": code,
        "data_sha256": _sources_sha256(sources),
    }


def _model_facts(model: str, of_model: Mapping[str, Sequence[FinishedRun]]) -> dict[str, Any]:
    runs = [run for same in of_model.values() for run in same]
    data = sorted({str(run.facts["data_sha256"]) for run in runs})
    if len(data) > 1:
        raise IntegrityError(
            f"trainings of {model} rest on different data (sha256 {data[0]}, {data[1]}); run them "
            "again"
        )
    return {
        "runs": len(runs),
        "strategies": list(of_model),
        "reference": reference_of(list(of_model)),
        "seeds": [run.seed for run in next(iter(of_model.values()))],
        "ln_classes": runs[0].facts["initial"]["ln_classes"],
        "prior_only_loss": runs[0].facts["prior_only_loss"],
        "curves": {name: _curve_facts(same) for name, same in of_model.items()},
        "versions": runs[0].facts["versions"],
        "code": sorted({str(run.facts["code"]) for run in runs}),
        "data_sha256": data[0],
    }


def _curve_facts(same: Sequence[FinishedRun]) -> dict[str, Any]:
    """Return means over seeds; None where not every run has the figure."""

    def mean(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if len(known) == len(values) else None

    return {
        "initial_loss": mean([run.facts["initial"]["cross_entropy"] for run in same]),
        "loss_at_200": mean([run.facts["loss_at_200"] for run in same]),
        "steps_to_prior_only": mean([run.facts["steps_to"]["steps"] for run in same]),
        "steps": mean([run.facts["steps"] for run in same]),
    }


def _sources_sha256(sources: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in sources:
        digest.update(f"{sha256_file(path)}\n".encode())
    return digest.hexdigest()
