"""JSON objects that an earlier step wrote: one of another form is named."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.common.errors import IntegrityError
from scripts.common.files import read_json

_ITS_STEP = "the step that makes it"


def read_object(path: Path, keys: Sequence[str], *, step: str = _ITS_STEP) -> dict[str, Any]:
    """Read a JSON object that has these keys, and maybe others.

    Args:
        path: the file.
        keys: keys that it must have.
        step: the step that makes it, for the message.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    found = read_json(path)
    if not isinstance(found, dict):
        raise IntegrityError(f"{path} is not a JSON object; run {step} again")
    require_keys(path, found, keys, step=step)
    return found


def require_keys(
    path: Path, found: Mapping[str, Any], keys: Sequence[str], *, step: str = _ITS_STEP
) -> None:
    """Refuse an object that lacks a key.

    Raises:
        IntegrityError: names the file and the first key that is lacking.
    """
    for key in keys:
        if key not in found:
            raise IntegrityError(f"{path} has no key '{key}'; run {step} again")
