"""What the files of a workflow say about its rules without Snakemake: parts and wildcards."""

import re
from dataclasses import dataclass
from pathlib import Path

from scripts.common.errors import InputError

_INCLUDE = re.compile(r"""^\s*include:\s*["']([^"']+)["']""", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:rule|checkpoint)[ \t]+(\w+)[ \t]*:", re.MULTILINE)
_DERIVED = re.compile(r"^[ \t]*use[ \t]+rule[ \t]+(\w+)[ \t]+as[ \t]+(\w+)", re.MULTILINE)
_LOG = re.compile(r"""^[ \t]*log:\s*["']([^"']+)["']""", re.MULTILINE)
_WILDCARD = re.compile(r"\{(\w+)[^}]*\}")


@dataclass(frozen=True)
class Rules:
    """The rules of the files that a Snakefile includes, in the order of inclusion.

    Attributes:
        parts: for each rule the stem of the file that it stands in.
        wildcards: for each rule the names of its wildcards.
    """

    parts: dict[str, str]
    wildcards: dict[str, tuple[str, ...]]


def read_rules(snakefile: Path) -> Rules:
    """Return the rules of the files that a Snakefile includes; its own have no part.

    Raises:
        InputError: the Snakefile or a file that it includes is not there.
    """
    found = Rules({}, {})
    for name in _INCLUDE.findall(_text(snakefile)):
        path = snakefile.parent / name
        text = _text(path)
        starts = list(_RULE.finditer(text))
        ends = [*(one.start() for one in starts[1:]), len(text)]
        for start, end in zip(starts, ends, strict=False):
            found.parts[start[1]] = path.stem
            # Snakemake demands of a log that it has the wildcards of the outputs.
            log = _LOG.search(text[start.end() : end])
            found.wildcards[start[1]] = tuple(_WILDCARD.findall(log[1])) if log else ()
        for base, derived in _DERIVED.findall(text):
            found.parts[derived] = path.stem
            found.wildcards[derived] = found.wildcards.get(base, ())
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} is not there; name the workflow's own Snakefile") from None
