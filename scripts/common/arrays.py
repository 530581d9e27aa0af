"""Named arrays as safetensors files: no pickle, the same arrays give the same bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import IntegrityError
from scripts.common.files import atomic_file


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write arrays as safetensors, atomically."""
    from safetensors.numpy import save_file

    with atomic_file(path) as partial:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, partial)


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read named arrays from a safetensors file.

    Raises:
        IntegrityError: the file is missing or incomplete, or an array is not in it.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run the step that makes it again") from None
    except (SafetensorError, OSError) as error:
        raise IntegrityError(
            f"{path} is no complete safetensors file with {', '.join(names)}; delete it and run "
            "again"
        ) from error
