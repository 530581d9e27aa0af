"""A descriptor table of any number of rows, made from the rows of a real one.

Rows are drawn with replacement, and every value of a continuous column is multiplied by
1 + 1e-3 · noise, so that rows differ while distributions, missing values and correlations stay.
Columns of whole numbers are left as they are, so that their ties stay. Draws are keyed by part; the
table does not depend on the number of workers. Parts that stand already are kept.
"""

import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scripts.common.hashing import keyed_hash
from scripts.descriptors.parquet_parts import is_number

JITTER = 1e-3


def make_table(
    sources: Sequence[Path],
    folder: Path,
    *,
    rows: int,
    columns: int,
    part_rows: int,
    seed: int,
    workers: int,
) -> list[Path]:
    """Write the table's parts, as many at a time as there are workers; return their paths.

    Args:
        sources: Parquet parts of the real table; columns that are no numbers are left out.
        folder: where the parts go, 4 bytes a value before compression.
        rows: rows of the table.
        columns: columns to choose, of those that have a value.
        part_rows: rows of a part, each one row group.
        seed: of the choice of columns and of the draws.
        workers: parts that are made at a time; each holds one in memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "sources": [[str(path), path.stat().st_size] for path in sources],
        **{"rows": rows, "columns": columns, "part_rows": part_rows, "seed": seed},
    }
    facts = folder / "made_from.json"
    if not facts.exists() or json.loads(facts.read_text(encoding="utf-8")) != about:
        for old in folder.glob("*.parquet"):
            old.unlink()
        # In a process of its own, so that this one stays small.
        with _pool(1) as pool:
            pool.submit(_write_source, sources, folder, columns, seed).result()
        facts.write_text(json.dumps(about), encoding="utf-8")
    starts = range(0, rows, part_rows)
    paths = [folder / f"{number:04d}.parquet" for number in range(len(starts))]
    sizes = [min(part_rows, rows - start) for start in starts]
    with _pool(workers) as pool:
        work = pool.map(partial(_write_part, folder, seed), range(len(paths)), paths, sizes)
        list(work)
    return paths


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def _write_source(sources: Sequence[Path], folder: Path, columns: int, seed: int) -> None:
    """Write the chosen columns of the real table as float32, with their names and kinds."""
    table = pa.concat_tables([pq.read_table(path) for path in sources], promote_options="default")
    found: dict[str, NDArray[np.float64]] = {}
    for field in table.schema:
        if is_number(field.type):
            values = table[field.name].cast(pa.float64()).to_numpy()
            with np.errstate(over="ignore"):
                narrow = values.astype(np.float32)
            narrow[~np.isfinite(narrow)] = np.nan
            if not np.isnan(narrow).all():
                found[field.name] = narrow
    if len(found) < columns:
        raise SystemExit(f"the table has {len(found)} columns with a value, not {columns}")
    order = sorted(found, key=lambda name: keyed_hash(seed, "million columns", name))
    names = sorted(order[:columns])
    whole = [bool((np.rint(v) == v)[~np.isnan(v)].all()) for v in (found[name] for name in names)]
    np.save(folder / "source.npy", np.stack([found[name] for name in names]))
    (folder / "columns.json").write_text(json.dumps([names, whole]), encoding="utf-8")


def _write_part(folder: Path, seed: int, number: int, path: Path, rows: int) -> None:
    if path.exists():
        return
    names, whole = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
    source = np.load(folder / "source.npy", mmap_mode="r")
    key = keyed_hash(seed, "million rows", str(number))
    generator = np.random.Generator(np.random.Philox(key=key))
    drawn = generator.integers(0, source.shape[1], rows)
    arrays = []
    for values, stays in zip(source, whole, strict=True):
        column = values[drawn]
        if not stays:
            noise = generator.standard_normal(rows, np.float32)
            column *= 1 + np.float32(JITTER) * noise
        arrays.append(pa.array(column))
    partial_path = path.with_suffix(".partial")
    pq.write_table(
        pa.table(arrays, names=names),
        partial_path,
        compression="zstd",
        compression_level=1,
        row_group_size=rows,
        use_dictionary=[name for name, stays in zip(names, whole, strict=True) if stays],
    )
    partial_path.replace(path)
