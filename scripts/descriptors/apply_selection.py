r"""Applies a fitted selection to new tables.

In: the folder of a finished reduction and parts of a new table, Parquet or CSV. Out: a Parquet file
of the selection's columns in its order, all rows, and a report of what was done. A survivor that no
part holds is replaced by its most similar alternative at hand; the column keeps the place of the
survivor and its own name, since its values are its own. Identifiers and other columns that the
reduction did not treat are carried along. Null, NaN and infinite values become null, and are
counted.

    python -m scripts.descriptors.apply_selection --selection results/descriptors \
        --parts new/*.parquet --output selected.parquet --report selected.json
"""

import logging
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.code_version import code_version
from scripts.common.entry import entry
from scripts.common.errors import ConfigError, InputError
from scripts.common.files import sha256_file, write_json
from scripts.common.progress import Progress
from scripts.common.tables import table_writer
from scripts.descriptors.lineage import Origin, read_lineage, treated_fates
from scripts.descriptors.new_parts import Part, as_numbers, as_type, describe_part, read_batches
from scripts.descriptors.results_folder import ResultsFolder, read_final
from scripts.descriptors.selection import Choice, choose_columns

_logger = logging.getLogger(__name__)
_SCRIPT = "scripts/descriptors/apply_selection.py"
_NAMED = 5  # names that a message lists


def run(
    selection: Path,
    parts: list[Path],
    output: Path,
    report: Path,
    *,
    carry: tuple[str, ...] | None = None,
    min_similarity: float = 0.0,
    without_substitute: Literal["error", "null"] = "error",
    batch_rows: int = 10_000,
) -> None:
    """Write the columns of a fitted selection from new tables.

    Args:
        selection: folder of the reduction's results.
        parts: Parquet or CSV files of the new table; their rows follow in order of sorted paths.
        output: Parquet file to write.
        report: JSON to write: column by column what was taken, and what was left out.
        carry: further columns to carry along; by default those that the reduction did not treat,
            such as identifiers and labels, where the new table has them.
        min_similarity: least similarity of a substitute to its survivor.
        without_substitute: what to do where a survivor and all its alternatives are missing: end
            with an error, or write a column of nulls.
        batch_rows: rows that are read at a time.
    """
    described = described_parts(parts, output, batch_rows)
    folder = ResultsFolder(selection)
    folder.require([folder.final, folder.lineage])
    origins = read_lineage(folder.lineage)
    available = {name for part in described for name in part.types}
    choices = choose_columns(
        read_final(folder.final), origins, available, min_similarity=min_similarity
    )
    require_all(choices, without_substitute, min_similarity)
    carried = carried_names(carry, origins, described, choices)
    schema = output_schema(carried, choices, described)
    counts = Counts(schema, len(carried))
    progress = Progress(
        "apply_selection", total=sum(part.rows or 0 for part in described) or None, unit="rows"
    )
    with table_writer(output, schema) as writer:
        for batch in selected_batches(described, schema, len(carried), batch_rows, counts):
            writer.write_table(pa.Table.from_batches([batch]))
            progress.advance(batch.num_rows)
    progress.finish()
    write_json(
        report,
        {
            "rows": counts.rows,
            "parts": [str(part.path) for part in described],
            "columns": [
                column_report(choice, described, counts, _name(choice)) for choice in choices
            ],
            "carried": list(carried),
            "left_out": left_out(origins, available, [*carried, *map(_name, choices)]),
            "settings": {
                "min_similarity": min_similarity,
                "without_substitute": without_substitute,
            },
            "package_versions": {"pyarrow": version("pyarrow")},
            "hashes": {
                "code": code_version(_SCRIPT, root=Path(__file__).resolve().parents[2]),
                "selection": sha256_file(folder.final),
                "lineage": sha256_file(folder.lineage),
            },
        },
    )
    for line in summary_lines(choices, described, counts):
        _logger.info("%s", line)


def described_parts(parts: Sequence[Path], output: Path, batch_rows: int) -> list[Part]:
    """Return the parts in order of their paths.

    Raises:
        ConfigError: there is none, one is given twice, or the output is one of them.
        InputError: one cannot be read.
    """
    if batch_rows < 1:
        raise ConfigError(f"batch_rows {batch_rows}: allowed is 1 and more")
    ordered = sorted(parts)
    if not ordered:
        raise ConfigError("parts: no file is given; name the files of the new table")
    resolved = [path.resolve() for path in ordered]
    if len(set(resolved)) < len(resolved):
        raise ConfigError("parts: a file is given twice; give each once")
    if output.resolve() in resolved:
        raise ConfigError(f"{output} is a part of the new table; write to another file")
    return [describe_part(path) for path in ordered]


def require_all(choices: Sequence[Choice], policy: str, min_similarity: float) -> None:
    """Check that every survivor has a column.

    Raises:
        InputError: some have none, and no nulls are wanted; the message names them.
    """
    bare = [choice.survivor for choice in choices if choice.column is None]
    if bare and policy == "error":
        more = f" and {len(bare) - _NAMED} more" if len(bare) > _NAMED else ""
        raise InputError(
            f"the new table lacks {', '.join(bare[:_NAMED])}{more}, and every alternative with a "
            f"similarity of {min_similarity:g} or more; compute one of them, or pass "
            "--without-substitute null for columns of nulls"
        )


def carried_names(
    carry: Sequence[str] | None,
    origins: Sequence[Origin],
    parts: Sequence[Part],
    choices: Sequence[Choice],
) -> list[str]:
    """Return the columns that are carried along, in the order of the parts that hold them.

    Raises:
        InputError: a named one is in no part, or belongs to the selection.
    """
    held = list(dict.fromkeys(name for part in parts for name in part.types))
    if carry is None:
        untreated = {origin.name for origin in origins if origin.fate not in treated_fates()}
        return [name for name in held if name in untreated]
    taken = {_name(choice) for choice in choices}
    for name in carry:
        if name not in held:
            raise InputError(f"carry: no part has a column {name}; name one that is there")
        if name in taken:
            raise InputError(f"carry: {name} belongs to the selection; leave it out")
    return list(dict.fromkeys(carry))


def output_schema(
    carried: Sequence[str], choices: Sequence[Choice], parts: Sequence[Part]
) -> pa.Schema:
    """Return the schema: carried columns as they are, then the selection's as float32 or float64.

    A column is float32 where every part that holds it stores it no wider.
    """
    fields = [(name, _carried_type(name, parts)) for name in carried]
    for choice in choices:
        stored = [part.types[_name(choice)] for part in parts if _name(choice) in part.types]
        narrow = bool(stored) and all(kind in (pa.float16(), pa.float32()) for kind in stored)
        fields.append((_name(choice), pa.float32() if narrow else pa.float64()))
    return pa.schema(fields)


def _carried_type(name: str, parts: Sequence[Part]) -> pa.DataType:
    kinds = {part.types[name] for part in parts if name in part.types}
    return kinds.pop() if len(kinds) == 1 else pa.string()


def _name(choice: Choice) -> str:
    return choice.survivor if choice.column is None else choice.column


class Counts:
    """Rows, and missing and infinite values of each number column."""

    def __init__(self, schema: pa.Schema, first: int) -> None:
        self.rows = 0
        self.missing = dict.fromkeys(schema.names[first:], 0)
        self.infinite = dict.fromkeys(schema.names[first:], 0)

    def add(self, name: str, given: pa.Array, kept: pa.Array) -> None:
        """Count what a batch of a column has, before and after infinities became null."""
        self.missing[name] += kept.null_count
        self.infinite[name] += pc.sum(pc.is_inf(given)).as_py() or 0


def selected_batches(
    parts: Sequence[Part], schema: pa.Schema, carried: int, batch_rows: int, counts: Counts
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all parts with the columns of `schema`, the first `carried` as they are."""
    for part in parts:
        wanted = [name for name in schema.names if name in part.types]
        for batch in read_batches(part, wanted, batch_rows):
            arrays = []
            for place, field in enumerate(schema):
                if field.name not in part.types:
                    array = pa.nulls(batch.num_rows, field.type)
                    if place >= carried:
                        counts.missing[field.name] += batch.num_rows
                elif place < carried:
                    array = as_type(batch[field.name], field.type, part, field.name)
                else:
                    given = as_numbers(batch[field.name], field.type, part, field.name)
                    array = pc.if_else(pc.is_finite(given), given, pa.scalar(None, field.type))
                    counts.add(field.name, given, array)
                arrays.append(array)
            counts.rows += batch.num_rows
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def column_report(
    choice: Choice, parts: Sequence[Part], counts: Counts, name: str
) -> dict[str, Any]:
    """Return what was taken for a survivor, and what it lacks."""
    return {
        "survivor": choice.survivor,
        "column": choice.column,
        "substituted": choice.substituted,
        "similarity": choice.similarity,
        "measure": choice.measure,
        "weak": choice.weak,
        "missing": counts.missing[name],
        "infinite": counts.infinite[name],
        "absent_in": [str(part.path) for part in parts if name not in part.types],
    }


def left_out(
    origins: Sequence[Origin], available: set[str], taken: Sequence[str]
) -> dict[str, list[str]]:
    """Return the columns of the new table that are not written, by what they were when fitted."""
    fates = {origin.name: origin.fate for origin in origins}
    by_fate: dict[str, list[str]] = {}
    for name in sorted(available - set(taken)):
        by_fate.setdefault(fates.get(name, "unknown"), []).append(name)
    return by_fate


def summary_lines(choices: Sequence[Choice], parts: Sequence[Part], counts: Counts) -> list[str]:
    """Return in words what was taken, with a line for each thing that a person should look at."""
    own = sum(choice.column == choice.survivor for choice in choices)
    lines = [f"{counts.rows:,} rows, {own:,} of {len(choices):,} survivors as they are"]
    for choice in choices:
        name = _name(choice)
        if choice.column is None:
            lines.append(f"{name}: no substitute, a column of nulls")
            continue
        if choice.substituted:
            value = "unknown" if choice.similarity is None else f"{choice.similarity:.3f}"
            weak = ", weak" if choice.weak else ""
            lines.append(f"{choice.survivor}: replaced by {name} (similarity {value}{weak})")
        absent = [part.path.name for part in parts if name not in part.types]
        if absent:
            lines.append(f"{name}: null in {', '.join(absent[:_NAMED])}, which lack it")
        elif counts.rows and counts.missing[name] == counts.rows:
            lines.append(f"{name}: missing in every row")
    return lines


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
