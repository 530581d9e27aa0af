"""Some items of a table, held in memory and read like the table itself."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.descriptors.columns import DescriptorTable, Values, columns_per_block


class DrawnTable:
    """Descriptors of drawn items.

    Args:
        names: (p,) descriptors, sorted.
        values: (rows, p) values in Fortran order, NaN where missing.
    """

    def __init__(self, names: Sequence[str], values: Values) -> None:
        self.names, self.rows = list(names), len(values)
        self._values = values
        self._places = {name: place for place, name in enumerate(names)}

    def dtype(self, names: Sequence[str]) -> np.dtype[Any]:
        """Return the type of the values, one for all descriptors."""
        return self._values.dtype

    def blocks(self, names: Sequence[str], width: int) -> Iterator[tuple[list[str], Values]]:
        """Yield `names` and their values in blocks of at most `width` descriptors."""
        for start in range(0, len(names), width):
            block = list(names[start : start + width])
            yield block, self._values[:, [self._places[name] for name in block]]


def draw_table(
    source: DescriptorTable, items: npt.NDArray[np.int64], *, memory_mb: float
) -> DrawnTable:
    """Read drawn items of a table.

    Args:
        source: the table.
        items: (rows,) numbers of its rows, in the order wanted, with repetitions.
        memory_mb: memory for blocks of columns, beside the drawn values.
    """
    dtype = source.dtype(source.names)
    values = np.empty((len(items), len(source.names)), dtype, order="F")
    width = columns_per_block(source.rows, memory_mb=memory_mb, bytes_per_value=dtype.itemsize)
    first = 0
    for block, found in source.blocks(source.names, width):
        values[:, first : first + len(block)] = found[items]
        first += len(block)
    return DrawnTable(source.names, values)
