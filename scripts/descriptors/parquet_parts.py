"""Parquet parts of a descriptor table: opening them and reading numbers out of them."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.errors import ExpectedError

# The folder below the results in which `compute_descriptors` leaves the parts that it makes.
_COMPUTED = ("descriptors", "computed")
_READ_BYTES = 256 << 10  # of each column that is read
# Every value of these is a float32. ASSUME whole numbers of 64 bits that are not exact in float64
# are identifiers, which are declared as metadata.
_NARROW = (
    pa.types.is_float16, pa.types.is_float32, pa.types.is_boolean, pa.types.is_null,
    pa.types.is_int8, pa.types.is_int16, pa.types.is_uint8, pa.types.is_uint16,
)  # fmt: skip
_WIDE = (pa.types.is_float64, pa.types.is_integer)


def is_narrow(kind: pa.DataType) -> bool:
    """Return whether float32 holds every value of an Arrow type."""
    return any(test(kind) for test in _NARROW)


def is_number(kind: pa.DataType) -> bool:
    """Return whether an Arrow type can be a descriptor: floats, whole numbers, bools, all null."""
    return is_narrow(kind) or any(test(kind) for test in _WIDE)


@contextmanager
def open_part(path: Path, failure: type[ExpectedError]) -> Iterator[pq.ParquetFile]:
    """Yield a Parquet part; damage, now or while it is read, is raised as `failure`."""
    try:
        # Pre-buffering, the library's default, keeps all that was read until the file is closed.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES) as file:
            yield file
    except FileNotFoundError:
        remedy = remedy_of_part(path, "put it back or correct the path")
        raise failure(f"part {path} is missing; {remedy}") from None
    except PermissionError as error:
        raise failure(f"part {path} cannot be read: {error.strerror}; allow it") from error
    except (pa.ArrowException, OSError) as error:
        raise failure(
            f"part {path} is damaged or no complete Parquet file ({_first_line(error)}); "
            + remedy_of_part(path, "replace it")
        ) from error


def is_computed(path: Path) -> bool:
    """Whether a part stands where `compute_descriptors` leaves its own."""
    return path.parts[-3:-1] == _COMPUTED


def remedy_of_part(path: Path, otherwise: str) -> str:
    """Return what mends a part: the command that computes it again, `otherwise` for a given one."""
    if not is_computed(path):
        return otherwise
    return f"compute it again: snakemake --force {shlex.quote(str(path))}"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def values_of(column: pa.Array) -> npt.NDArray[Any]:
    """Return a column's values as numbers, NaN where they are missing or infinite."""
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan, np.float32)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    values = column.to_numpy(zero_copy_only=False)
    if pa.types.is_floating(column.type):
        infinite = np.isinf(values)
        if infinite.any():
            values = np.where(infinite, np.nan, values)
    return np.asarray(values)
