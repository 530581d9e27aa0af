"""Hangul without installed fonts: NanumGothic for matplotlib, and as a subset inside a page."""

import base64
import dataclasses
import importlib.util
import io
import logging
from collections.abc import Iterable
from pathlib import Path

from scripts.common.errors import InputError

_logger = logging.getLogger(__name__)
_PACKAGE = "koreanize_matplotlib"
FAMILY = "dure Nanum Gothic"  # a name of its own: an installed NanumGothic may be another version
FILES = {400: "NanumGothic.ttf", 700: "NanumGothicBold.ttf"}


@dataclasses.dataclass(frozen=True)
class EmbeddedFont:
    """A font inside a page: its CSS weight, and a WOFF file as base64."""

    weight: int
    woff_base64: str


def font_path(weight: int) -> Path:
    """Return the file of the regular (400) or bold (700) NanumGothic.

    The package is looked up, never imported: its import changes matplotlib's settings and needs
    `distutils`, which Python 3.12 dropped.

    Raises:
        InputError: the font package is not installed or lacks the file.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    folders = (spec.submodule_search_locations if spec else None) or []
    for folder in folders:
        path = Path(folder) / "fonts" / FILES[weight]
        if path.is_file():
            return path
    raise InputError(f"{FILES[weight]} of the package {_PACKAGE} is not here; install the package")


def register_fonts() -> None:
    """Make `FAMILY` known to matplotlib; calling it again changes nothing."""
    from matplotlib import font_manager

    known = {entry.fname for entry in font_manager.fontManager.ttflist if entry.name == FAMILY}
    for weight in FILES:
        path = str(font_path(weight))
        if path not in known:
            entry = font_manager.FontEntry(fname=path, name=FAMILY, weight=weight, size="scalable")
            font_manager.fontManager.ttflist.append(entry)


def embed_fonts(characters: Iterable[str]) -> list[EmbeddedFont]:
    """Return the regular and the bold font, cut down to the given characters.

    Characters that the font does not have are left to the reader's own fonts and are logged.

    Raises:
        InputError: the font package is not installed.
    """
    wanted = {ord(character) for character in characters}
    return [EmbeddedFont(weight, _subset(font_path(weight), wanted)) for weight in FILES]


def _subset(path: Path, wanted: set[int]) -> str:
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.hinting = False
    options.name_IDs = [0, 1, 2, 7, 13, 14]  # the owner's notices travel with the font
    options.drop_tables += ["TSI0", "TSI1", "TSI2", "TSI3", "TSI5"]  # sources of the hinting
    font = TTFont(path, recalcTimestamp=False, lazy=True)
    missing = sorted(code for code in wanted - font.getBestCmap().keys() if chr(code).isprintable())
    if missing:
        shown = " ".join(f"U+{code:04X}" for code in missing[:10])
        _logger.info("%s lacks %d characters of the page: %s", path.name, len(missing), shown)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=sorted(wanted))
    subsetter.subset(font)
    font.flavor = "woff"  # zlib only; WOFF2 would need brotli
    stream = io.BytesIO()
    font.save(stream)
    return base64.b64encode(stream.getvalue()).decode("ascii")
