"""Small inputs of labelled rows, and the step run on them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.classification.read_rows import run
from scripts.classification.tables import ROWS
from scripts.common.tables import read_table


@dataclass
class Read:
    """What the step wrote."""

    rows: list[dict[str, Any]]
    report: dict[str, Any]

    def column(self, name):
        return [row[name] for row in self.rows]


def read(folder: Path, inputs, **options) -> Read:
    """Run read_rows with the label in column `label`, the text in column `text`."""
    settings = {"label_column": "label", "text_columns": ["text"], "tmpdir": folder, **options}
    inputs = inputs if isinstance(inputs, list) else [inputs]
    run(inputs, folder / "rows.parquet", folder / "report.json", **settings)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return Read(read_table(folder / "rows.parquet", ROWS).to_pylist(), report)


def parquet(path: Path, columns: dict[str, Any], **options) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def text_file(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path
