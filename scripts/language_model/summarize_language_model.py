"""Tables of all runs: metrics, verdicts, differences, targets, advice.

In: scores of items and of held-out documents and metrics of every evaluated checkpoint, the choice
of each run's best one, item scores of the model-free baselines, training steps, descriptions of the
evaluation sets with the contamination check, the table of runs. Out: metrics (Parquet and TSV),
runs, differences, targets, spread over seeds, loss curves, advised runs (TSV) and summary.json.
Intervals are 95 %, by bootstrap over documents; differences are paired
(`scripts.language_model.bootstrap`).
"""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.common.entry import entry
from scripts.common.errors import IntegrityError
from scripts.common.files import read_json, sha256_file, write_json
from scripts.common.json_objects import read_object
from scripts.common.progress import Progress
from scripts.common.tables import read_table, table_of_rows, write_table
from scripts.common.tsv import write_tsv
from scripts.language_model.checkpoint_metrics import measure
from scripts.language_model.comparisons import planned_pairs
from scripts.language_model.composite import PARTS, checked_weights, require_items
from scripts.language_model.heldout_scores import read_heldout
from scripts.language_model.run_advice import RUN_COLUMNS, Advice, advised_runs
from scripts.language_model.run_facts import RunBook
from scripts.language_model.run_verdicts import RunVerdict, verdicts
from scripts.language_model.score_table import (
    BASELINE,
    ScoreTable,
    read_scores,
    with_baselines,
)
from scripts.language_model.summary_tables import (
    DIFFERENCE_COLUMNS,
    LOSS_COLUMNS,
    RUN_SUMMARY_COLUMNS,
    SEED_COLUMNS,
    TARGET_COLUMNS,
    difference_row,
    metric_rows,
    run_row,
    seed_rows,
    target_row,
    target_verdicts,
    written_metric,
)
from scripts.language_model.tables import BASELINE_SCORES, METRICS
from scripts.language_model.training_record import loss_points, read_training, segments_by_name


def run(
    scores: list[Path],
    heldout_scores: list[Path],
    metrics: list[Path],
    steps: list[Path],
    bests: list[Path],
    baselines: Path,
    evaluation_sets: list[Path],
    contamination: Path,
    metrics_parquet: Path,
    metrics_table: Path,
    runs_table: Path,
    differences: Path,
    targets_table: Path,
    seeds: Path,
    losses: Path,
    advice: Path,
    summary: Path,
    *,
    runs: dict[str, dict[str, Any]],
    evaluated: list[str],
    trained: list[str],
    weights: dict[str, float],
    targets: dict[str, float],
    expected: dict[str, dict[str, list[float]]] | None,
    patience: int | None,
    stop_patience: int | None,
    results_folder: str,
    resamples: int,
    seed: int,
    code_hash: str,
) -> None:
    """Write the track's tables.

    Args:
        scores: item scores of each evaluated checkpoint, in the order of `evaluated`.
        heldout_scores: sums over the held-out documents of each, in the same order.
        metrics: metrics.json of each, in the same order.
        steps: training steps of each segment, in the order of `trained`.
        bests: best.json of each run.
        baselines: item scores of the model-free baselines.
        evaluation_sets: description of each evaluation set.
        contamination: the check of the evaluation sets against the training sets.
        metrics_parquet: Parquet to write: every metric of every checkpoint (METRICS).
        metrics_table: TSV to write: the same.
        runs_table: TSV to write: a verdict on each run.
        differences: TSV to write: paired differences.
        targets_table: TSV to write: targets and expected ranges against what was reached.
        seeds: TSV to write: spread over seeds.
        losses: TSV to write: loss curves.
        advice: TSV to write: advised runs, as rows of the table of runs.
        summary: JSON to write: sizes, definitions, verdicts in words, versions, hashes.
        runs: the table of runs, by run.
        evaluated: evaluated checkpoints as "run@epoch", starts ("0.0") included.
        trained: trained checkpoints as "run@epoch".
        weights: weights of the composite's parts.
        targets: lowest wanted value by part of the composite.
        expected: expected range [low, high] by kind of run and part of the composite.
        patience: checkpoints without a better validation composite after which to advise a stop.
        stop_patience: those after which a run was stopped, so that `evaluated` and `trained` end
            there; None where all planned ones were trained.
        results_folder: the results folder, as the advised commands name it.
        resamples: resamples over documents.
        seed: seed of the resampling.
        code_hash: version of this step's code.
    """
    book = RunBook(runs, evaluated)
    training, curves = read_training(book, segments_by_name(trained, steps))
    chosen = _bests(book, bests)
    reports = {
        name: read_object(path, ("definitions", "package_versions"))
        for name, path in segments_by_name(evaluated, metrics).items()
    }
    table = read_scores(list(segments_by_name(evaluated, scores).values()), evaluated)
    for half in ("validation", "test"):
        require_items(table, half, weights)
    table = with_baselines(table, read_table(baselines, BASELINE_SCORES))
    heldout = read_heldout(heldout_scores, evaluated)
    progress = Progress("summarize_language_model", total=len(evaluated), unit="checkpoints")
    baseline_columns = [name for name in table.names if name.startswith(BASELINE)]
    results = measure(
        table,
        heldout,
        planned_pairs(book, chosen, baseline_columns),
        weights=weights,
        resamples=resamples,
        seed=seed,
    )
    progress.advance(len(evaluated))
    found = verdicts(
        book, results, chosen, training, patience=patience, stops=stop_patience is not None
    )
    advised = advised_runs(book, found, results=results_folder)

    rows = list(metric_rows(results, training))
    write_table(metrics_parquet, table_of_rows(rows, METRICS), METRICS)
    write_tsv(metrics_table, METRICS.names, map(written_metric, rows))
    write_tsv(runs_table, RUN_SUMMARY_COLUMNS, map(run_row, found))
    write_tsv(differences, DIFFERENCE_COLUMNS, map(difference_row, results.compared))
    held = target_verdicts(found, results, targets, expected or {})
    write_tsv(targets_table, TARGET_COLUMNS, (target_row(kind, one) for kind, one in held))
    write_tsv(seeds, SEED_COLUMNS, seed_rows(found, results))
    points = (point for name, columns in curves.items() for point in loss_points(name, columns))
    write_tsv(losses, LOSS_COLUMNS, points)
    write_tsv(advice, RUN_COLUMNS, (one.cells for one in advised))
    write_json(
        summary,
        {
            **_measured_on(table),
            "evaluation_sets": {
                path.stem: read_object(path, ("items", "sha256")) for path in evaluation_sets
            },
            "contamination": read_object(contamination, ("contaminated_items",)),
            "definitions": next(iter(reports.values()))["definitions"],
            "weights": checked_weights(weights),
            "composite_parts": {name: f"{p.set}@{p.cutoff}" for name, p in PARTS.items()},
            "targets": targets,
            "patience": patience,
            "stopping": _stopping(found, stop_patience),
            "resamples": resamples,
            "runs": len(book.runs),
            "checkpoints": len(evaluated),
            "advice": [_advice_as_json(one) for one in advised],
            "seed": seed,
            "code": code_hash,
            "data_sha256": _digest(evaluated, scores, heldout_scores, baselines),
            "versions": _versions(reports.values()),
        },
    )
    progress.finish()


def _bests(book: RunBook, paths: Sequence[Path]) -> dict[str, str]:
    """Return the epoch of each run's best checkpoint, in the order of the runs."""
    found = {}
    for path in paths:
        best = read_json(path)
        run, epoch = best["run"], best["epoch"]
        if run not in book.runs or epoch not in book.trained(run):
            raise IntegrityError(
                f"{path} chooses {run}@{epoch}, which was not evaluated; delete it and run again"
            )
        found[run] = epoch
    missing = [run for run in book.runs if run not in found]
    if missing:
        raise IntegrityError(f"run {missing[0]} has no chosen checkpoint; run select_checkpoint")
    return {run: found[run] for run in book.runs}


def _measured_on(table: ScoreTable) -> dict[str, Any]:
    """Return sizes of the sets, mean number of candidates, and chance level of a hit."""
    checkpoints = [place for place, name in enumerate(table.names) if not name.startswith(BASELINE)]
    sizes, chance = {}, {}
    for name in sorted(set(table.sets.tolist())):
        part = table.chosen(set=name)
        sizes[name] = {
            half: {
                "items": of_half.items,
                "documents": int(np.unique(of_half.documents).size),
                "unseen": int(of_half.unseen.sum()),
            }
            for half in ("all", "validation", "test")
            for of_half in [part.chosen(half=half)]
        }
        candidates = part.values["candidates"][:, checkpoints]
        known = candidates[candidates > 0]
        chance[name] = {
            "candidates": float(known.mean()) if known.size else None,
            "chance_at_1": float((1 / known).mean()) if known.size else None,
            "chance_at_5": float(np.minimum(1, 5 / known).mean()) if known.size else None,
        }
    return {
        "items": table.items,
        "documents": int(np.unique(table.documents).size),
        "sets": sizes,
        "chance": chance,
    }


def _advice_as_json(one: Advice) -> dict[str, Any]:
    return {
        "run": one.row["run"],
        "replaces": one.replaces,
        "reason": one.reason,
        "reason_korean": one.reason_korean,
        "columns": list(RUN_COLUMNS),
        "row": dict(zip(RUN_COLUMNS, one.cells, strict=True)),
        "command": one.command,
    }


def _stopping(found: Sequence[RunVerdict], patience: int | None) -> dict[str, Any] | None:
    """Return by which patience runs were stopped, and what was left out; None where none is."""
    if patience is None:
        return None
    left_out = {one.run: list(one.left_out) for one in found if one.left_out}
    return {"patience": patience, "left_out": left_out}


def _digest(
    evaluated: Sequence[str], scores: Sequence[Path], heldout: Sequence[Path], baselines: Path
) -> str:
    digest = hashlib.sha256()
    named = [*zip(evaluated, scores, strict=True), *zip(evaluated, heldout, strict=True)]
    for name, path in [*named, ("baselines", baselines)]:
        digest.update(f"{name}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def _versions(reports: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for report in reports:
        found |= report["package_versions"]
    return {**found, "numpy": version("numpy"), "pyarrow": pa.__version__}


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
