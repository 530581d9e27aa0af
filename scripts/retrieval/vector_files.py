"""Vectors of a session's texts as one safetensors file, written and read in blocks."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import IntegrityError
from scripts.common.files import atomic_file

DOCUMENTS, QUERIES = "documents", "queries"
BLOCK_ROWS = 65_536
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Rows:
    """A tensor to be written: its number of rows, and the rows in blocks of any size."""

    number: int
    blocks: Iterable[Vectors]


def write_vectors(
    path: Path, tensors: Mapping[str, Rows], *, dimension: int, metadata: Mapping[str, str]
) -> None:
    """Write (rows, dimension) float32 tensors, holding one block at a time.

    The library's writer takes whole tensors; the format is a length, a JSON header and the numbers
    (github.com/huggingface/safetensors, section Format).

    Raises:
        ValueError: the blocks have another number of rows than was said, or another dimension.
    """
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name, rows in tensors.items():
        start, end = end, end + rows.number * dimension * 4
        header[name] = {
            "dtype": "F32",
            "shape": [rows.number, dimension],
            "data_offsets": [start, end],
        }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with atomic_file(path) as partial, partial.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name, rows in tensors.items():
            written = 0
            for block in rows.blocks:
                if block.shape[1] != dimension:
                    raise ValueError(f"{name} has dimension {block.shape[1]}, not {dimension}")
                stream.write(np.ascontiguousarray(block, "<f4").tobytes())
                written += len(block)
            if written != rows.number:
                raise ValueError(f"{name} has {written} rows, not {rows.number}")


def read_metadata(path: Path) -> dict[str, str]:
    """Return what was written beside the tensors.

    Raises:
        IntegrityError: the file is missing or damaged.
    """
    with _opened(path) as file:
        return dict(file.metadata() or {})


def read_vectors(path: Path, name: str) -> Vectors:
    """Return one tensor (n, d)."""
    with _opened(path) as file:
        return np.asarray(file.get_tensor(name), np.float32)


def mapped_vectors(path: Path, name: str) -> Vectors:
    """Return one tensor (n, d) mapped from the file, so that memory holds only what is read."""
    rows, dimension = shape_of(path, name)
    if not rows:
        return np.zeros((0, dimension), np.float32)
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        first, _ = json.loads(stream.read(length))[name]["data_offsets"]
    return np.memmap(path, "<f4", "r", offset=8 + length + first, shape=(rows, dimension))


def shape_of(path: Path, name: str) -> tuple[int, int]:
    """Return rows and dimension of a tensor."""
    with _opened(path) as file:
        rows, dimension = file.get_slice(name).get_shape()
        return int(rows), int(dimension)


def vector_blocks(
    path: Path, name: str, *, rows: int = BLOCK_ROWS
) -> Iterator[tuple[int, Vectors]]:
    """Yield (first row, block of at most `rows` rows) of a tensor."""
    with _opened(path) as file:
        tensor = file.get_slice(name)
        total = tensor.get_shape()[0]
        for start in range(0, total, rows):
            yield start, np.asarray(tensor[start : min(total, start + rows)], np.float32)


def _opened(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, framework="numpy")
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run the step that makes it again") from None
    except SafetensorError as error:
        raise IntegrityError(
            f"{path} is no complete vector file ({error}); delete it and run again"
        ) from error
