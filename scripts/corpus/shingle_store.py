"""The shingle hashes of many texts in one file on local disk, read back one text at a time."""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from scripts.common.files import private_folder
from scripts.common.shingles import Hashes

_CACHED_BYTES = 48 << 20
_ITEM_BYTES = 4
_OVERHEAD_BYTES = 300  # of a small array in the cache, measured


class ShingleStore:
    """Arrays of 32-bit hashes by number, 12 bytes of memory each beside the file.

    Attributes:
        sizes: length of each array; 0 where none was added.
    """

    def __init__(self, file: BinaryIO, texts: int) -> None:
        self._file = file
        self._end = 0
        self._starts: npt.NDArray[np.int64] = np.zeros(texts, dtype=np.int64)
        self.sizes: npt.NDArray[np.uint32] = np.zeros(texts, dtype=np.uint32)
        self._cache: OrderedDict[int, Hashes] = OrderedDict()
        self._cached = 0

    def add(self, text: int, hashes: Hashes) -> None:
        """Append the array of a text."""
        self._starts[text], self.sizes[text] = self._end, hashes.size
        self._file.write(hashes.data)
        self._end += hashes.nbytes

    def flush(self) -> None:
        """Make what was added readable."""
        self._file.flush()

    def read(self, text: int) -> Hashes:
        """Return the array of a text; recently read ones are kept, up to 48 MB of them."""
        if (known := self._cache.get(text)) is not None:
            self._cache.move_to_end(text)
            return known
        size = int(self.sizes[text]) * _ITEM_BYTES
        data = os.pread(self._file.fileno(), size, int(self._starts[text]))
        hashes: Hashes = np.frombuffer(data, dtype=np.uint32)
        self._cache[text] = hashes
        self._cached += size + _OVERHEAD_BYTES
        while self._cached > _CACHED_BYTES:
            self._cached -= self._cache.popitem(last=False)[1].nbytes + _OVERHEAD_BYTES
        return hashes


@contextmanager
def shingle_store(folder: Path, texts: int) -> Iterator[ShingleStore]:
    """Yield an empty store for `texts` texts, its file below `folder` removed afterwards."""
    with private_folder(folder) as place, (place / "shingles.bin").open("w+b") as file:
        yield ShingleStore(file, texts)
