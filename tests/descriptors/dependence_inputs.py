"""Files that pass 4 reads, made from an array."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.files import write_json
from scripts.common.tables import table_of_rows, write_table
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
        path = folder / f"{number:03d}.parquet"
        pq.write_table(whole.slice(start, rows), path)
        size = path.stat().st_size
        parts.append(
            {"path": str(path), "rows": rows, "bytes": size, "converted": False, "absent": []}
        )
        start += rows
    roles = [{"name": name, "role": "descriptor", "narrow": False} for name in columns]
    facts = {"rows": whole.num_rows, "sha256": "0" * 64, "columns": roles, "parts": parts}
    write_json(folder / "table.json", facts)
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
        "table": folder / "table.json",
        "converted": folder / "converted",
        "statistics": statistics,
        "events_before": events,
        "dependence": folder / "dependence.safetensors",
        "null": folder / "null.json",
        "memory": folder / "memory.parquet",
        "tmpdir": folder / "tmp",
    }
