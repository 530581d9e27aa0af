"""Checksums of what each step left: a file that changed since is refused by whoever reads it next.

Formats notice that a file is cut off or of another kind, not that a whole one of the same kind took
its place. So `entry` notes the checksums of a step's outputs in Snakemake's own folder, and looks
them up before the next step begins. A file that no step here made, a person's own, has no note and
is taken as it is.

ASSUME: of a file above 16 MiB the size and 16 blocks from its first byte to its last tell it from
another one. Single bytes that rot between them are for the format to find (pages of Parquet files
carry checksums). This bounds the time for each file to some 10 ms, whatever its size.
"""

import hashlib
import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from scripts.common.errors import IntegrityError
from scripts.common.files import write_json
from scripts.common.json_objects import read_object

NOTES = Path(".snakemake/dure_checksums")
BLOCK_BYTES = 1 << 20
BLOCKS = 16


def checksum(path: Path) -> str:
    """Return a file's size in bytes and, behind a colon, the SHA-256 of its blocks.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        for start in _starts(size):
            stream.seek(start)
            digest.update(stream.read(BLOCK_BYTES))
    return f"{size}:{digest.hexdigest()}"


def note_outputs(rule: str, outputs: Iterable[str]) -> None:
    """Note the checksums of what a rule has made; what is not there is for Snakemake to miss.

    Args:
        rule: name of the rule.
        outputs: its files and folders, as they stand in the rule.

    Raises:
        OutputError: the disk is full.
    """
    for output in outputs:
        path = Path(output)
        if path.exists():
            files = {name: checksum(path / name) for name in _files(path)}
            write_json(note_path(output), {"rule": rule, "files": files})


def check_inputs(inputs: Iterable[str]) -> None:
    """Refuse a file that is not as its step left it.

    Args:
        inputs: files and folders, as they stand in the rule.

    Raises:
        IntegrityError: names the first such file, and what makes it again.
    """
    for given in dict.fromkeys(inputs):
        note = note_path(given)
        if note.exists():
            _check(given, read_object(note, ("rule", "files"), step="the step"), note)


def note_path(output: str) -> Path:
    """Return where the checksums of an output are noted, relative to the working directory."""
    parts = ["%2E%2E" if part == ".." else part for part in Path(output).parts if part != "/"]
    return NOTES.joinpath(*parts[:-1], f"{parts[-1]}.json")


def _starts(size: int) -> Iterable[int]:
    if size <= BLOCKS * BLOCK_BYTES:
        return range(0, size, BLOCK_BYTES)
    return [block * (size - BLOCK_BYTES) // (BLOCKS - 1) for block in range(BLOCKS)]


def _files(path: Path) -> Iterator[str]:
    """Yield the names of a folder's files, below it and sorted; of a file the empty name."""
    if not path.is_dir():
        yield ""
        return
    names = (entry.relative_to(path) for entry in path.rglob("*") if entry.is_file())
    # Hidden files are Snakemake's own time stamp, and what a killed step left.
    yield from sorted(
        name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)
    )


def _check(given: str, noted: dict[str, Any], note: Path) -> None:
    path = Path(given)
    left: dict[str, str] = noted["files"]
    found = set(_files(path)) if path.exists() else set()
    for name in sorted(left.keys() | found):
        changed = _change(path / name, left.get(name), name in found)
        if changed is not None:
            again, keep = (shlex.quote(str(one)) for one in (given, note))
            raise IntegrityError(
                f"{path / name} {changed} since {noted['rule']} made it"
                + (
                    f" (if that was meant: rm {keep})"  # `entry` adds what makes a folder again
                    if name
                    else f"; make it again (snakemake --force {again}) or, if that was meant, "
                    f"rm {keep}"
                )
            )


def _change(path: Path, left: str | None, there: bool) -> str | None:
    """Return what became of a file, None if it is as it was left."""
    if left is None:
        return "was added"
    if not there:
        return "was removed"
    try:
        found = checksum(path)
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read ({error.strerror}); see to it") from error
    if found == left:
        return None
    before, now = left.partition(":")[0], found.partition(":")[0]
    sizes = "" if before == now else f" from {int(before):,} to {int(now):,} bytes"
    return f"was changed{sizes}"
