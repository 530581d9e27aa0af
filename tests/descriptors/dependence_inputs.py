"""Files that pass 4 reads, made from an array."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.tables import table_of_rows, write_table
from scripts.descriptors.describe_table import run as describe_table
from scripts.descriptors.tables import EVENTS, STATISTICS


def write_inputs(
    folder: Path,
    columns: dict[str, np.ndarray],
    *,
    part_rows: list[int] | None = None,
    rejected: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Write parts, manifest, statistics and events; return them as arguments of the step."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = pa.table(columns)
    parts, start = [], 0
    for number, rows in enumerate(part_rows or [whole.num_rows]):
        parts.append(folder / f"{number:03d}.parquet")
        pq.write_table(whole.slice(start, rows), parts[-1])
        start += rows
    no_columns: dict[str, list[str]] = {"metadata": [], "labels": [], "protected": []}
    manifest, converted = folder / "table.json", folder / "converted"
    describe_table(parts, manifest, converted, force_drop=[], **no_columns)
    rows_of_statistics = [
        {
            "name": name,
            "valid": int(np.isfinite(values).sum()),
            "survives": name not in rejected,
            "reason": "zero_range" if name in rejected else None,
        }
        for name, values in sorted(columns.items())
    ]
    statistics = folder / "statistics.parquet"
    write_table(statistics, table_of_rows(rows_of_statistics, STATISTICS), STATISTICS)
    events = []
    for number, names in enumerate((rejected, removed, ()), start=1):
        rows_of_events = [{"removed": name, "pass": number} for name in names]
        events.append(folder / f"events{number}.parquet")
        write_table(events[-1], table_of_rows(rows_of_events, EVENTS), EVENTS)
    return {
        "table": manifest,
        "converted": converted,
        "statistics": statistics,
        "events_before": events,
        "dependence": folder / "dependence.safetensors",
        "null": folder / "null.json",
        "memory": folder / "memory.parquet",
        "tmpdir": folder / "tmp",
    }
