"""Descriptor tables for the benchmarks: real parts read whole, or a synthetic one like them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.descriptors.column_statistics import column_statistics
from scripts.descriptors.parquet_parts import is_number, values_of
from scripts.descriptors.variance_criteria import Criteria

# The limits of config/schema.yaml.
LIMITS = Criteria(
    max_missing_ratio=0.5,
    required=100,
    min_distinct=2,
    max_mode_share=0.99,
    variance_threshold=0.002,
    range_mode="trimmed",
)
_COPIES, _ROUNDED, _HOLED = 4, 3, 3


@dataclass
class Sample:
    """Descriptors that pass 1 leaves, in memory.

    Attributes:
        names: (p,) sorted.
        values: (n, p) float64 in Fortran order, NaN where missing.
        rows: number of items.
        source: what they are, for the table of results.
    """

    names: list[str]
    values: np.ndarray
    source: str
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        self.rows = len(self.values)

    @property
    def complete(self) -> np.ndarray:
        """Places of the descriptors without a missing value."""
        return np.flatnonzero(~np.isnan(self.values).any(axis=0))

    def filled(self, *, seed: int = 0) -> "Sample":
        """Return the same with each missing value replaced by one drawn from its column."""
        generator, values = np.random.default_rng(seed), self.values.copy(order="F")
        for column in values.T:
            missing = np.isnan(column)
            column[missing] = generator.choice(column[~missing], np.count_nonzero(missing))
        return Sample(self.names, values, self.source)

    def drawn(self, number: int, *, seed: int = 0) -> "Sample":
        """Return `number` descriptors, drawn without replacement, or all where there are fewer."""
        places = np.random.default_rng(seed).permutation(len(self.names))[:number]
        return self.chosen(np.sort(places))

    def chosen(self, places: np.ndarray) -> "Sample":
        """Return the descriptors at `places`."""
        values = np.asfortranarray(self.values[:, places])
        return Sample([self.names[place] for place in places], values, self.source)

    def blocks(
        self, names: Sequence[str], width: int
    ) -> Iterator[tuple[list[str], npt.NDArray[np.floating[Any]]]]:
        """Yield all descriptors in blocks of at most `width`, as the passes read them."""
        if list(names) != self.names:
            raise ValueError("a sample is read whole")
        for start in range(0, len(self.names), width):
            yield self.names[start : start + width], self.values[:, start : start + width]

    def dtype(self, names: Sequence[str]) -> np.dtype[Any]:
        """Return the type of the values."""
        return self.values.dtype


def real_sample(pattern: str) -> Sample:
    """Read the numeric columns of Parquet parts, and keep those that pass 1 leaves.

    Raises:
        SystemExit: no file matches.
    """
    paths = sorted(glob(pattern))
    if not paths:
        raise SystemExit(f"--table: no file matches {pattern}")
    table = pa.concat_tables([pq.read_table(path) for path in paths], promote_options="default")
    columns = {
        field.name: values_of(table[field.name].combine_chunks()).astype(np.float64)
        for field in table.schema
        if is_number(field.type)
    }
    return _passed(columns, f"{table.num_rows:,} real molecules")


def synthetic_sample(rows: int, columns: int, *, seed: int = 0) -> Sample:
    """Make columns with ties, near copies and missing values.

    Groups of four are one column and three near copies of it. Every third column is rounded. Every
    third has holes: half of these share one of eight patterns, the others have their own.
    """
    generator = np.random.default_rng(seed)
    factors = generator.standard_normal((rows, max(2, columns // 10)))
    loadings = generator.standard_normal((factors.shape[1], -(-columns // _COPIES)))
    heads = factors @ loadings / np.sqrt(factors.shape[1])
    values = np.repeat(heads, _COPIES, axis=1)[:, :columns]
    noise = generator.uniform(0, 0.6, columns) * (np.arange(columns) % _COPIES > 0)
    values = np.exp(0.5 * (values + noise * generator.standard_normal(values.shape)))
    values[:, ::_ROUNDED] = np.round(2 * values[:, ::_ROUNDED])
    patterns = generator.random((8, rows)) < generator.uniform(0.01, 0.2, (8, 1))
    for place in range(1, columns, _HOLED):
        own = generator.random(rows) < generator.uniform(0.001, 0.2)
        values[patterns[place % 8] if place % 2 else own, place] = np.nan
    named = {f"column.{place:05d}": values[:, place] for place in range(columns)}
    return _passed(named, f"{rows:,} synthetic rows")


def _passed(columns: Mapping[str, np.ndarray], source: str) -> Sample:
    names = [
        name
        for name in sorted(columns)
        if not any(LIMITS.failures(column_statistics(columns[name], range_mode=LIMITS.range_mode)))
    ]
    values = np.asfortranarray(np.stack([columns[name] for name in names], axis=1))
    return Sample(names, values, source)
