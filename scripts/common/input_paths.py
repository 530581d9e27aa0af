"""Paths of a person's own files: found by path or glob, as rules may take them for inputs."""

import os
import re
from collections.abc import Mapping, Sequence
from glob import escape, glob
from pathlib import Path
from types import MappingProxyType

from scripts.common.errors import ConfigError

# Braces are wildcards and angles path variables to Snakemake, in inputs of whatever form; control
# characters would break the lines of its log.
_UNFIT = re.compile(r"[{}<>\x00-\x1f\x7f]")


def named_paths(
    key: str,
    location: str,
    basedir: Path,
    *,
    folders: bool = True,
    marks: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Return what a path or glob names in the working directory, else below `basedir`, sorted.

    A path that is there is taken as it stands, also where its name reads as a glob.

    Args:
        key: the config key that holds the location, for the message.
        location: path or glob; `~` is the home folder.
        basedir: folder of the Snakefile.
        folders: whether folders count. A link to nothing always does: Snakemake names it.
        marks: what stands in for `{name}` in the location, by name.

    Raises:
        ConfigError: there is none in either place, or one of an unfit name.
    """
    filled = location
    for name, value in marks.items():
        filled = filled.replace(f"{{{name}}}", value)
    for folder in (Path(), basedir):
        if found := paths_below(folder, filled, folders=folders):
            return plain_paths(f"config key {key}", found)
    whose = "".join(f" for {name} {value}" for name, value in marks.items())
    raise ConfigError(
        f"config key {key} = {location} names no file{whose}; correct the path or the glob"
    )


def paths_below(folder: Path, location: str, *, folders: bool) -> list[str]:
    """Return what a path or glob names in a folder, sorted; what is there as it stands comes first.

    Args:
        folder: where relative locations are looked up.
        location: path or glob; `~` is the home folder.
        folders: whether folders count. A link to nothing always does.
    """
    path = at_home(location)

    def counts(found: Path | str) -> bool:
        return os.path.lexists(found) and (folders or not Path(found).is_dir())

    if counts(folder / path):
        return [str(folder / path)]
    pattern = Path(escape(str(folder))) / path
    return sorted(filter(counts, glob(str(pattern), recursive=True)))


def at_home(name: str) -> Path:
    """Return a path whose `~` is the home folder; a `~name` that is nobody's stays as it is."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


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
