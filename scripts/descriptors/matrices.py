"""Matrices over pairs of descriptors as safetensors, with the names of rows and columns."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import IntegrityError
from scripts.common.files import atomic_file

_ABOUT = "about"


@dataclass(frozen=True)
class Matrices:
    """Matrices of one pass.

    Attributes:
        names: (p,) descriptors, sorted.
        arrays: (p, p) each, by name.
        facts: what the writer noted, as text.
    """

    names: list[str]
    arrays: dict[str, NDArray[Any]]
    facts: dict[str, str]


def write_matrices(
    path: Path, names: Sequence[str], arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, str]
) -> None:
    """Write matrices, atomically.

    Args:
        path: file to write.
        names: (p,) descriptors, sorted and distinct.
        arrays: (p, p) each, by name.
        facts: further metadata, e.g. the number of rows.

    Raises:
        ValueError: names are not sorted and distinct, or an array has another shape.
    """
    from safetensors.numpy import save_file

    flaw = _flaw(names, arrays)
    if flaw is not None:
        raise ValueError(flaw)
    # One entry: the library writes several in any order.
    about = json.dumps(
        {"names": list(names), "facts": dict(facts)}, sort_keys=True, ensure_ascii=False
    )
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with atomic_file(path) as partial:
        save_file(contiguous, partial, metadata={_ABOUT: about})


def read_matrices(path: Path) -> Matrices:
    """Read matrices and check their shapes and names.

    Raises:
        IntegrityError: the file is missing, incomplete, or does not hold what it should.
    """
    from safetensors import SafetensorError, safe_open

    remedy = "delete it and run again"
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})[_ABOUT])
            arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run the step that makes it again") from None
    except (SafetensorError, OSError) as error:
        raise IntegrityError(f"{path} is no complete safetensors file; {remedy}") from error
    except (KeyError, json.JSONDecodeError):
        raise IntegrityError(f"{path} does not name its descriptors; {remedy}") from None
    flaw = _flaw(about["names"], arrays)
    if flaw is not None:
        raise IntegrityError(f"{path}: {flaw}; {remedy}")
    return Matrices(about["names"], arrays, about["facts"])


def _flaw(names: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> str | None:
    if list(names) != sorted(set(names)):
        return "the names of its descriptors are not sorted and distinct"
    for name, array in arrays.items():
        if array.shape != (len(names), len(names)):
            return f"'{name}' has shape {array.shape} for {len(names)} descriptors"
    return None
