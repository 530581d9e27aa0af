"""Reads the manifest of a fetched source, which names its files with sizes and digests."""

from pathlib import Path

from scripts.common.errors import IntegrityError
from scripts.common.files import read_json


def manifest_files(manifest: Path) -> list[tuple[Path, str]]:
    """Return the files of a source with their sha256, sorted by name as in the manifest.

    The paths of a local source are as its user gave them (relative ones start at the working
    directory); those of other kinds are resolved against the manifest's folder.

    Raises:
        IntegrityError: the manifest is broken, or a file is missing or has another size.
    """
    content = read_json(manifest)
    try:
        base = Path() if content["kind"] == "local" else manifest.parent
        entries = [
            (base / entry["path"], int(entry["bytes"]), str(entry["sha256"]))
            for entry in content["files"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(
            f"{manifest} is not the manifest of a source ({error!r}); delete it and run again"
        ) from error
    for path, size, _ in entries:
        if not path.is_file():
            raise IntegrityError(f"{path} is missing; delete {manifest} and run again to fetch it")
        found = path.stat().st_size
        if found != size:
            raise IntegrityError(
                f"{path} has {found} bytes, not {size}; delete {manifest} and run again"
            )
    return [(path, sha256) for path, _, sha256 in entries]
