"""What readers raise on a damaged file, as one line that names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from scripts.common.errors import InputError

_SHOWN = 160


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn the failure of a reader into an InputError.

    Raises:
        InputError: the file is missing, may not be read, is truncated or no such file at all.
    """
    try:
        yield
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; allow it") from error
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        hint = "; save it as UTF-8 (is it CP949?)" if "UTF8" in str(error) else ""
        raise InputError(
            f"{path} cannot be read to its end ({one_line(str(error))}){hint}; correct it or copy "
            "it again"
        ) from error


def one_line(text: str) -> str:
    """Return the beginning of a foreign text, printable and without line ends."""
    shown = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
