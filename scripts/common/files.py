"""Atomic writes, checksums and manifests: a reader never sees half a file."""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from scripts.common.errors import IntegrityError, MissingKeyError, OutputError

_BLOCK_BYTES = 1 << 20
_FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NUMBER_IN_TEXT = re.compile(r"\(os error (\d+)\)")
DEFAULT_TMPDIR = Path(tempfile.gettempdir())


def want_of_space(error: BaseException, path: Path | str) -> OutputError | None:
    """Return what to tell when `path` could not be written for want of space, else None.

    Libraries in Rust (safetensors, tokenizers) have errors of their own classes, which state the
    system's number in their text alone.
    """
    if isinstance(error, OSError):
        number = error.errno
    else:
        stated = _NUMBER_IN_TEXT.search(str(error))
        number = int(stated[1]) if stated else None
    if number not in _FULL_DISK:
        return None
    return OutputError(
        f"{path} cannot be written ({os.strerror(number)}); free space on its disk, or take "
        "another one (--directory for results, TMPDIR for temporary files), and run again"
    )


class _FullDiskNamed:
    """Looks at what ends a block, of whatever class, and lets all but a want of space pass."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and (explained := want_of_space(error, self._path)) is not None:
            raise explained from error


def full_disk_named(path: Path) -> AbstractContextManager[None]:
    """Turn the failure of a write for want of space into a line that names `path`.

    Raises:
        OutputError: the disk is full, or a quota or a limit on file sizes is reached.
    """
    return _FullDiskNamed(path)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` when the block succeeds.

    On failure the temporary file is removed and `path` is left as it was. What a killed writer of
    `path` left is removed first.

    Raises:
        OutputError: the disk is full.
    """
    with full_disk_named(path):
        partial = _fresh_name(path)
        try:
            yield partial
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`; it takes the place of `path` when the block succeeds.

    Raises:
        OutputError: the disk is full.
    """
    with full_disk_named(path):
        partial = _fresh_name(path)
        partial.mkdir()
        try:
            yield partial
            if path.exists():
                shutil.rmtree(path)
            os.replace(partial, path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _fresh_name(path: Path) -> Path:
    """Return a hidden name beside `path` that is nobody else's, after removing older ones.

    A writer whose Snakemake was killed may still be at work. Its file loses its name here, so that
    it can neither write into the new one nor put its own in its place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    older = re.compile(rf"\.part\.[0-9a-f]{{16}}\.{re.escape(path.name)}")
    for left in path.parent.iterdir():
        if older.fullmatch(left.name):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
    return path.with_name(f".part.{secrets.token_hex(8)}.{path.name}")


@contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """Yield a fresh folder in `parent` that no other job uses, removed afterwards.

    Raises:
        OutputError: the disk is full.
    """
    with full_disk_named(parent):
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix="dure-") as folder:
            yield Path(folder)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys (the same value gives the same bytes)."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; an object tells of a key that it lacks which file it is.

    Raises:
        IntegrityError: the file is missing or is not valid JSON.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run the step that makes it again") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise IntegrityError(
            f"{path} is not valid JSON ({error}); delete it and run again"
        ) from error
    if not isinstance(value, dict):
        return value
    named = _ObjectOfFile(value)
    named.path = path
    return named


class _ObjectOfFile(dict[str, Any]):
    """A JSON object that knows its file, so that one of another form is named.

    Attributes:
        path: the file.
    """

    path: Path

    def __missing__(self, key: str) -> Any:
        raise MissingKeyError(
            f"{self.path} has no {key!r}, so it is another file than this step reads; delete it "
            "and run again"
        )


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits, in constant memory."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def folder_sha256(folder: Path, names: Iterable[Path]) -> str:
    """Return one SHA-256 over the relative names and the contents of `names` in `folder`."""
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(f"{name.relative_to(folder).as_posix()}\0{sha256_file(name)}\n".encode())
    return digest.hexdigest()


def manifest_entry(path: Path, *, rows: int | None, name: str | None = None) -> dict[str, Any]:
    """Describe a file: path (or `name`), rows, bytes, sha256."""
    return {
        "path": name if name is not None else str(path),
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": sha256_file(path),
    }
