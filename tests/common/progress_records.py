"""Hand-made results folders: records, manifests and tables as jobs leave them."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

NOW = 1_800_000_000.0


def write_record(
    results: Path,
    name: str,
    *,
    rule: str = "score_shard",
    track: str = "corpus",
    state: str = "running",
    start: float,
    last: float,
    done: int | None = None,
    total: int | None = None,
    passed: int = 0,
    batch_size: int | None = None,
    unit: str = "documents",
    taken_over: int = 0,
    step: str | None = None,
) -> Path:
    """Write the record of a job; `start` and `last` are seconds relative to NOW.

    The folder of its log is named after the rule, or after `step` where that is another.
    """
    parts = name.split("/")
    wildcards = dict(zip(("source", "shard"), parts, strict=False)) if rule != "x" else {}
    stages = []
    if done is not None:
        batch = batches = None
        if batch_size is not None and total is not None:
            batch, batches = done // batch_size, -(-total // batch_size)
        stages.append(
            {
                "label": name,
                "unit": unit,
                "done": done,
                "total": total,
                "passed": passed,
                "batch": batch,
                "batches": batches,
                "seconds": last - start,
                "batch_size": batch_size,
                "taken_over": taken_over,
            }
        )
    path = results / "logs" / track / (step or rule) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "rule": rule,
        "wildcards": wildcards,
        "threads": 1,
        "pid": 1,
        "started": NOW + start,
        "updated": NOW + last,
        "state": state,
        "peak_mb": 321.0 if state == "finished" else None,
        "stages": stages,
    }
    path.write_text(json.dumps(record))
    return path


def write_manifest(results: Path, source: str, rows: list[int]) -> None:
    """Write the manifest of a source's shards."""
    shards = [{"path": f"{number:03d}.parquet", "rows": n} for number, n in enumerate(rows)]
    folder = results / "corpus" / "sources" / source
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shards.json").write_text(json.dumps({"source": source, "shards": shards}))


def write_scores(results: Path, source: str, shard: int, *, rows: int, analysed: int) -> Path:
    """Write the scores of a finished shard."""
    states = ["analysed"] * analysed + ["outside"] * (rows - analysed)
    path = results / "corpus" / "scores" / source / f"{shard:03d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"analysis": pa.array(states, pa.string())}), path)
    return path


def write_selection(results: Path, dataset: str, *, rows: int, kept: int) -> Path:
    """Write the selection of a dataset."""
    reasons = ["kept"] * kept + ["too_short"] * (rows - kept)
    path = results / "corpus" / "selection" / f"{dataset}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"reason": pa.array(reasons, pa.string())}), path)
    return path


def write_summary(results: Path, at: float, *, track: str = "corpus") -> None:
    """Write the last table of a track, at a time relative to NOW."""
    path = results / track / "tables" / "summary.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    os.utime(path, (NOW + at, NOW + at))
