"""Whether a run can write where it has to, asked before Snakemake itself stumbles over it."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from scripts.common.errors import OutputError
from scripts.common.logs import refusal

# Snakemake's log, its locks and the plan of thousands of jobs.
_NEEDED_BYTES = 1 << 20


def require_room(folders: Iterable[Path]) -> None:
    """Write a nameless file of 1 MB into each folder, or into the nearest above it that exists.

    Raises:
        OutputError: a folder cannot be written, or its disk is full.
    """
    for folder in folders:
        whole = folder.absolute()
        place = next(path for path in (whole, *whole.parents) if path.is_dir())
        try:
            with tempfile.TemporaryFile(dir=place) as probe:
                probe.write(bytes(_NEEDED_BYTES))
        except OSError as error:
            told = refusal(error, place)
            if told is None:
                raise
            raise OutputError(told) from error
