"""Paths of a person's own files, as rules may take them for inputs."""

import re
from collections.abc import Sequence

from scripts.common.errors import ConfigError

# Braces are wildcards and angles path variables to Snakemake, in inputs of whatever form; control
# characters would break the lines of its log.
_UNFIT = re.compile(r"[{}<>\x00-\x1f\x7f]")


def plain_paths(key: str, paths: Sequence[str]) -> list[str]:
    """Return the paths of input files, if Snakemake takes each for what it is.

    Args:
        key: what names them in the configuration, for the message.
        paths: the paths.

    Raises:
        ConfigError: one holds a character that Snakemake reads as a mark of its own.
    """
    for path in paths:
        if found := _UNFIT.search(path):
            raise ConfigError(
                f"{key} names {path!r}, which holds {found[0]!r}; Snakemake reads {{ }} < > in "
                "paths as marks of its own: rename the file or its folder"
            )
    return list(paths)
