"""Settles what each column of a descriptor table is, and which parts hold its rows.

In: parts, Parquet or CSV, and the names or patterns of the columns that are no descriptors. Out:
table.json (columns with their roles, parts with rows, bytes, SHA-256 and the columns that they
lack) and a folder with a Parquet file for each CSV part. Every other column must be numeric.
"""

import hashlib
import logging
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import atomic_folder, sha256_file, write_json
from scripts.common.progress import Progress
from scripts.descriptors.csv_parts import convert_csv, csv_names, csv_types, is_csv
from scripts.descriptors.parquet_parts import is_computed, is_narrow, is_number, open_part
from scripts.descriptors.roles import DESCRIPTOR, FORCE_DROP, LABEL, METADATA, PROTECTED, roles_of

_logger = logging.getLogger(__name__)
# The name under which pandas stores a row index that has none.
_ROW_INDEX = re.compile(r"__index_level_\d+__")
_SHOWN = 5


@dataclass(frozen=True)
class Part:
    """A file of the table.

    Attributes:
        path: the Parquet file, below the folder of converted parts where `converted`.
        source: the file that was given.
        rows, bytes: of the Parquet file.
        sha256: of the file that was given.
        types: types of its columns by name.
        converted: whether it was made from CSV.
    """

    path: str
    source: Path
    rows: int
    bytes: int
    sha256: str
    types: dict[str, pa.DataType]
    converted: bool


def run(
    parts: list[Path],
    manifest: Path,
    converted: Path,
    *,
    metadata: list[str],
    labels: list[str],
    protected: list[str],
    force_drop: list[str],
) -> None:
    """Write the table's manifest and its converted parts.

    Args:
        parts: Parquet or CSV files; their order does not matter.
        manifest: JSON to write.
        converted: folder to write; empty where no part is CSV.
        metadata: names or patterns of columns that say what a row is.
        labels: of columns that are to be predicted.
        protected: of columns that are kept beside the selection.
        force_drop: of descriptors that are rejected before the passes.
    """
    paths = _checked_paths(parts)
    names = {path: _names_of(path) for path in paths}
    _refuse_unlike_computed(names)
    every = sorted(set().union(*names.values()))
    indexes = [name for name in every if _ROW_INDEX.fullmatch(name)]
    if indexes:
        _logger.warning("row index of pandas, taken as metadata: %s", ", ".join(indexes))
    roles = roles_of(
        every,
        {
            METADATA: [*metadata, *indexes],
            LABEL: labels,
            PROTECTED: protected,
            FORCE_DROP: force_drop,
        },
    )
    descriptors = {name for name, role in roles.items() if role == DESCRIPTOR}
    if not descriptors:
        raise InputError(
            f"none of the {len(every)} columns is a descriptor; all are declared otherwise"
        )
    progress = Progress("describe_table", total=len(paths), unit="parts")
    found = []
    with atomic_folder(converted) as folder:
        for number, path in enumerate(paths):
            found.append(_described(path, folder / f"{number:06d}.parquet", descriptors))
            progress.advance(1)
        if not any(part.rows for part in found):
            raise InputError(f"the table has no row: {_listed(paths)} are empty")
    progress.finish()
    write_json(manifest, manifest_of(found, roles))


def _checked_paths(parts: Sequence[Path]) -> list[Path]:
    """Return the parts in the order of their rows."""
    if not parts:
        raise InputError("the table has no part; name at least one Parquet or CSV file")
    for path, times in Counter(parts).items():
        if times > 1:
            raise InputError(f"part {path} is named {times} times; name it once")
        if not (is_csv(path) or path.suffix.lower() == ".parquet"):
            raise InputError(f"part {path} is neither .parquet, .csv nor .csv.gz; convert it")
    return sorted(parts, key=str)


def _refuse_unlike_computed(names: Mapping[Path, Sequence[str]]) -> None:
    """Refuse parts of unlike columns that one step computed; a person's own may lack some."""
    computed = [path for path in names if is_computed(path)]
    for one, other in pairwise(computed):
        if names[one] != names[other]:
            raise InputError(
                f"parts {one} and {other} hold different columns, though one step computes both; "
                f"compute them again: snakemake --force {shlex.join(map(str, (one, other)))}"
            )


def _names_of(path: Path) -> list[str]:
    if is_csv(path):
        names = csv_names(path)
    else:
        with open_part(path, InputError) as file:
            names = list(file.schema_arrow.names)
    for name, times in Counter(names).items():
        if times > 1:
            raise InputError(f"part {path} has {times} columns called {name}; give each its own")
    if "" in names:
        raise InputError(
            f"part {path}: column {names.index('') + 1} has no name (a saved row index?); name it "
            "and declare it as metadata, or drop it"
        )
    return names


def _described(path: Path, target: Path, descriptors: set[str]) -> Part:
    """Describe a part; write it to `target` first where it is CSV."""
    converted, source = is_csv(path), path
    if converted:
        convert_csv(path, target, csv_types(path, descriptors))
        path = target
    with open_part(path, InputError) as file:
        rows, schema = int(file.metadata.num_rows), file.schema_arrow
    types = {field.name: field.type for field in schema}
    strange = [n for n in types if n in descriptors and not is_number(types[n])]
    if strange:
        shown = ", ".join(f"{name} ({types[name]})" for name in strange[:_SHOWN])
        more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
        raise InputError(
            f"part {source}: no numbers in {shown}{more}; declare such columns as metadata, label, "
            "protected or force_drop"
        )
    return Part(
        path=target.name if converted else str(path),
        source=source,
        rows=rows,
        bytes=path.stat().st_size,
        sha256=sha256_file(source),
        types=types,
        converted=converted,
    )


def manifest_of(parts: Sequence[Part], roles: dict[str, str]) -> dict[str, Any]:
    """Return what table.json holds; columns that parts lack are reported in the log."""
    columns = []
    for name, role in sorted(roles.items()):
        types = [part.types[name] for part in parts if name in part.types]
        absent = len(parts) - len(types)
        if absent:
            _logger.warning("column %s is missing in %d of %d parts", name, absent, len(parts))
        columns.append(
            {
                "name": name,
                "role": role,
                "types": sorted({str(kind) for kind in types}),
                "narrow": all(is_narrow(kind) for kind in types),
                "absent_parts": absent,
            }
        )
    lines = "".join(f"{part.rows} {part.sha256}\n" for part in parts)
    return {
        "rows": sum(part.rows for part in parts),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "roles": dict(sorted(Counter(roles.values()).items())),
        "columns": columns,
        "parts": [
            {
                "path": part.path,
                "source": str(part.source),
                "converted": part.converted,
                "rows": part.rows,
                "bytes": part.bytes,
                "sha256": part.sha256,
                "absent": sorted(roles.keys() - part.types.keys()),
            }
            for part in parts
        ],
    }


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths[:_SHOWN])) + (" ..." if len(paths) > _SHOWN else "")


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
