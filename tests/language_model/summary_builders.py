"""A planted track: runs of known accuracy, written as all inputs of the summary."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.files import write_json
from scripts.common.tables import write_table
from scripts.language_model import select_checkpoint, summarize_language_model
from scripts.language_model.composite import DEFAULT_WEIGHTS
from scripts.language_model.tables import BASELINE_SCORES, ITEM_SCORES
from tests.language_model.score_builders import (
    planted_rows,
    score_table,
    write_heldout,
    write_scores,
    write_steps,
)

STEPS_A_SEGMENT = 10
OUTPUTS = {
    "metrics_parquet": "metrics.parquet",
    "metrics_table": "metrics.tsv",
    "runs_table": "runs.tsv",
    "differences": "differences.tsv",
    "targets_table": "targets.tsv",
    "seeds": "seeds.tsv",
    "losses": "losses.tsv",
    "advice": "advice.tsv",
    "summary": "summary.json",
}


def run_row(name: str, kind: str, **given: Any) -> dict[str, Any]:
    """Return a row of the checked table of runs."""
    return (
        {
            "run": name,
            "group": name,
            "kind": kind,
            "length": 128,
            "init": "base",
            "epochs": "1.0",
            "eval_every": "0.5",
            "schedule_epochs": "2.0",
            "lr": 1e-3,
            "warmup_ratio": 0.1,
            "weight_decay": 0.01,
            "mask_min": 0.15,
            "mask_max": 0.3,
            "whole_word": False,
            "entity_supervision": True,
            "extra_masking": 0.15,
            "batch": 8,
            "grad_accumulation": 1,
            "max_grad_norm": 0.5,
            "precision": "fp32",
            "seed": 42,
        }
        | ({"entity_share": 0.5} if kind == "combined" else {})
        | given
    )


def write_track(
    folder: Path,
    runs: Mapping[str, dict[str, Any]],
    levels: Mapping[str, Mapping[str, float]],
    *,
    documents: int = 80,
    baseline: float = 0.3,
    unseen_drop: float = 0.0,
) -> dict[str, Any]:
    """Write all inputs of `summarize_language_model`.

    Args:
        folder: where the files go.
        runs: rows of the table of runs, by run.
        levels: planted accuracy by run and epoch, "0.0" included.
        documents: documents of the evaluation sets.
        baseline: accuracy of the one baseline, on the real set alone.
        unseen_drop: how much harder unseen entities are.

    Returns:
        The arguments of the step, outputs included.
    """
    evaluated, trained = [], []
    items, heldout, metrics, steps, bests = [], [], [], [], []
    for run, curve in levels.items():
        files: dict[str, list[Path]] = {
            name: [] for name in ("scores", "metrics", "models", "configs", "steps")
        }
        for place, (epoch, level) in enumerate(curve.items()):
            home = folder / "evaluation" / run / f"epoch-{epoch}"
            rows = planted_rows(
                {"real_coref": level, "lambada": level},
                documents=documents,
                unseen_drop=unseen_drop,
            )
            evaluated.append(f"{run}@{epoch}")
            items.append(write_scores(home / "items.parquet", rows))
            heldout.append(write_heldout(home / "heldout.parquet", 6.0 - level))
            metrics.append(home / "metrics.json")
            write_json(
                metrics[-1],
                {
                    "definitions": {"strict": "exact form", "lenient": "substring"},
                    "package_versions": {"torch": "2.13.0"},
                    "model_sha256": sha256(b"model.safetensors").hexdigest(),
                    "config_sha256": sha256(b"config.json").hexdigest(),
                },
            )
            if epoch == "0.0":
                continue
            trained.append(f"{run}@{epoch}")
            train = folder / "train" / run / f"epoch-{epoch}"
            first = (place - 1) * STEPS_A_SEGMENT + 1
            steps.append(write_steps(train / "steps.parquet", first, first + STEPS_A_SEGMENT - 1))
            for name, kind in (("model.safetensors", "models"), ("config.json", "configs")):
                (train / name).write_text(name)
                files[kind].append(train / name)
            files["scores"].append(items[-1])
            files["metrics"].append(metrics[-1])
            files["steps"].append(steps[-1])
        bests.append(folder / "train" / run / "best.json")
        select_checkpoint.run(
            **files,
            best=bests[-1],
            model=folder / "train" / run / "best" / "model.safetensors",
            config=folder / "train" / run / "best" / "config.json",
            run=run,
            epochs=[epoch for epoch in curve if epoch != "0.0"],
            weights=DEFAULT_WEIGHTS,
            seed=42,
            resamples=200,
        )
    real = [
        row
        for row in planted_rows({"real_coref": baseline, "lambada": 0.5}, documents=documents)
        if row["set"] == "real_coref"
    ]
    named = score_table(real).add_column(
        0, "baseline", pa.array(["nearest_noun"] * len(real), pa.string())
    )
    write_table(folder / "baselines.parquet", named, BASELINE_SCORES)
    sets = [folder / "evaluation_sets" / f"{name}.json" for name in ("real_coref", "lambada")]
    for path in sets:
        write_json(path, {"sha256": "ab" * 32, "items": 3 * documents, "left_out": {"too_near": 5}})
    write_json(
        folder / "evaluation_sets" / "contamination.json",
        {
            "items": 6 * documents,
            "contaminated_items": {
                name: {"doc_id": 0, "shared_text": 0} for name in ("real_coref", "lambada")
            },
        },
    )
    assert ITEM_SCORES.names == BASELINE_SCORES.names[1:]
    return {
        "scores": items,
        "heldout_scores": heldout,
        "metrics": metrics,
        "steps": steps,
        "bests": bests,
        "baselines": folder / "baselines.parquet",
        "evaluation_sets": sets,
        "contamination": folder / "evaluation_sets" / "contamination.json",
        **{name: folder / "tables" / file for name, file in OUTPUTS.items()},
        "runs": dict(runs),
        "evaluated": evaluated,
        "trained": trained,
        "weights": DEFAULT_WEIGHTS,
        "targets": {"real_1": 0.68, "real_5": 0.83},
        "expected": {"mlm": {"real_1": [0.4, 0.6]}},
        "patience": 2,
        "stop_patience": None,
        "results_folder": "results",
        "resamples": 400,
        "seed": 42,
        "code_hash": "0123456789abcdef",
    }


def demo_track(folder: Path, *, documents: int = 120) -> dict[str, Any]:
    """Write and summarize a track like the embedded default's, with planted accuracies.

    The plain run rises and then falls, the supervised fine-tuning beats its control, and the longer
    inputs change nothing.
    """
    runs = {
        "mlm_128": run_row("mlm_128", "mlm", epochs="2.0"),
        "mlm_256": run_row("mlm_256", "mlm", length=256, epochs="2.0"),
        "combined_128": run_row("combined_128", "combined"),
        "ft_mlm": run_row("ft_mlm", "entity_ft", init="mlm_128@best"),
        "ft_mlm_control": run_row(
            "ft_mlm_control", "entity_ft", init="mlm_128@best", entity_supervision=False
        ),
        "ft_combined": run_row("ft_combined", "entity_ft", init="combined_128@1.0"),
    }
    rising = {"0.0": 0.10, "0.5": 0.30, "1.0": 0.55, "1.5": 0.52, "2.0": 0.35}
    levels = {
        "mlm_128": rising,
        "mlm_256": rising,
        "combined_128": {"0.0": 0.10, "0.5": 0.40, "1.0": 0.60},
        "ft_mlm": {"0.0": 0.55, "0.5": 0.75, "1.0": 0.85},
        "ft_mlm_control": {"0.0": 0.55, "0.5": 0.55, "1.0": 0.56},
        "ft_combined": {"0.0": 0.60, "0.5": 0.84, "1.0": 0.85},
    }
    arguments = write_track(folder, runs, levels, documents=documents, unseen_drop=0.1)
    summarize_language_model.run(**arguments)
    return arguments
