"""Writes the split rows as a `datasets` folder with ClassLabel features, and as Parquet.

In: the rows that survived the filter, their splits, the registry of labels. Out: a folder that
`datasets.load_from_disk` opens as a DatasetDict (row, text, label, whose names are the registry's),
a folder of one Parquet file for each split with the same columns and features, and a manifest with
the SHA-256 of every file. Rows stand in the order they came. The bytes depend on the rows alone.
"""

from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from scripts.classification.label_map import LabelMap
from scripts.classification.tables import EXAMPLES, KEPT, SPLIT_NAMES, SPLITS
from scripts.common.arrow_dataset import SplitWriter, describe_files
from scripts.common.entry import entry
from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import atomic_folder, manifest_entry, sha256_file, write_json
from scripts.common.progress import Progress
from scripts.common.tables import TableWriter, count_rows, iterate_batches, table_writer

_PACKAGES = ("datasets", "pyarrow")


def run(
    kept: Path,
    splits: Path,
    label_map: Path,
    dataset: Path,
    parquet: Path,
    manifest: Path,
    *,
    rows_per_file: int = 500_000,
    batch_rows: int = 20_000,
) -> None:
    """Write the datasets and their manifest.

    Args:
        kept: rows that survived the filter.
        splits: the split of each of them, in the same order.
        label_map: the registry of labels.
        dataset: folder of the `datasets` files.
        parquet: folder of train.parquet, validation.parquet and test.parquet.
        manifest: JSON to write: rows of each split, files with their SHA-256.
        rows_per_file: rows of one Arrow file at most.
        batch_rows: rows that are read at a time.
    """
    for name, value in (("rows_per_file", rows_per_file), ("batch_rows", batch_rows)):
        if value < 1:
            raise ConfigError(f"{name} is {value}; give 1 or more")
    registry = LabelMap.read(label_map)
    schema = labelled_schema(registry)
    with atomic_folder(dataset) as folder, atomic_folder(parquet) as tables:
        rows = _write(kept, splits, registry, schema, folder, tables, rows_per_file, batch_rows)
        empty = [name for name, count in rows.items() if not count]
        if empty:
            raise IntegrityError(f"{splits} has no row for {', '.join(empty)}; split again")
        content = {
            "rows": rows,
            "classes": len(registry),
            "label_map_sha256": sha256_file(label_map),
            "dataset": describe_files(folder),
            "parquet": [
                manifest_entry(_table(tables, name), rows=rows[name], name=f"{name}.parquet")
                for name in SPLIT_NAMES
            ],
            "package_versions": {name: version(name) for name in _PACKAGES},
        }
    write_json(manifest, content)


def labelled_schema(registry: LabelMap) -> pa.Schema:
    """Return the columns of an example, with the features that `datasets` reads from a schema."""
    from datasets import ClassLabel, Features, Value

    features = Features(
        {
            "row": Value("int64"),
            "text": Value("string"),
            "label": ClassLabel(names=list(registry.labels)),
        }
    )
    return EXAMPLES.with_metadata(features.arrow_schema.metadata)


def _write(
    kept: Path,
    splits: Path,
    registry: LabelMap,
    schema: pa.Schema,
    folder: Path,
    tables: Path,
    rows_per_file: int,
    batch_rows: int,
) -> dict[str, int]:
    """Write both forms while the rows and their splits go by; return the rows of each split."""
    total = count_rows(kept, KEPT)
    if count_rows(splits, SPLITS) != total:
        raise IntegrityError(f"{splits} and {kept} have different numbers of rows; split again")
    progress = Progress("serialize_dataset", total=total, unit="rows")
    with ExitStack() as stack:
        writer = stack.enter_context(SplitWriter(folder, schema, SPLIT_NAMES, rows_per_file))
        writers: dict[str, TableWriter] = {
            name: stack.enter_context(table_writer(_table(tables, name), schema))
            for name in SPLIT_NAMES
        }
        for rows, where in zip(
            iterate_batches(kept, KEPT, rows=batch_rows),
            iterate_batches(splits, SPLITS, rows=batch_rows),
            strict=True,
        ):
            _check_same_rows(rows, where, registry, kept, splits)
            examples = pa.record_batch(
                [rows["row"], rows["text"], rows["label_id"].cast(pa.int64())], schema=schema
            )
            for name in SPLIT_NAMES:
                mine = examples.filter(pc.equal(where["split"], name))
                writer.add_batch(name, mine)
                writers[name].write_table(pa.Table.from_batches([mine]))
            progress.advance(rows.num_rows)
    progress.finish()
    return writer.rows


def _table(folder: Path, split: str) -> Path:
    return folder / f"{split}.parquet"


def _check_same_rows(
    rows: pa.RecordBatch, where: pa.RecordBatch, registry: LabelMap, kept: Path, splits: Path
) -> None:
    """Refuse rows and splits that were not made from each other, or ids of another registry."""
    for column in ("row", "label_id"):
        if not rows[column].equals(where[column]):
            raise IntegrityError(f"{splits} and {kept} differ in {column}; split again")
    unknown = pc.invert(pc.is_in(where["split"], value_set=pa.array(SPLIT_NAMES)))
    if pc.any(unknown).as_py():
        raise IntegrityError(f"{splits} has a split other than {', '.join(SPLIT_NAMES)}")
    named = pa.array(registry.labels, pa.string())
    if not pc.index_in(rows["label"], value_set=named).equals(rows["label_id"]):
        raise IntegrityError(f"{kept} has other label ids than the label map; filter again")


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
