"""Figures inside a page: an SVG file is checked, stripped and given identifiers of its own."""

import re
from pathlib import Path
from xml.etree import ElementTree

from markupsafe import Markup

from scripts.common.errors import IntegrityError

# Shapes only: no text that needs a font, no script, no link, no picture but one held inside.
_SHAPES = {"svg", "g", "defs", "path", "use", "clipPath", "rect", "pattern", "image"}
_PICTURE = "data:image/png;base64,"
_DROPPED = {"style", "metadata"}
_REFERENCE = re.compile(r"url\(#([^)]*)\)")


def inline_svg(path: Path, prefix: str) -> Markup:
    """Return a figure as an element for HTML, its identifiers prefixed.

    Raises:
        IntegrityError: the file is missing, is not XML, or holds more than shapes.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run the step that makes it again") from None
    except ElementTree.ParseError as error:
        raise IntegrityError(
            f"{path} is not an SVG figure ({error}); delete it and run again"
        ) from error
    for parent in list(root.iter()):
        for child in [c for c in parent if _local(c.tag) in _DROPPED]:
            parent.remove(child)
    for element in root.iter():
        _clean(element, prefix, path)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("aria-hidden", "true")  # the figure's caption and table say the same
    return Markup(ElementTree.tostring(root, encoding="unicode", short_empty_elements=True))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _clean(element: ElementTree.Element, prefix: str, path: Path) -> None:
    element.tag = _local(element.tag)
    if element.tag not in _SHAPES:
        raise IntegrityError(
            f"{path} holds <{element.tag}>, which is no plain shape; delete it and run again"
        )
    attributes = {_local(name): value for name, value in element.attrib.items()}
    element.attrib.clear()
    for name, value in attributes.items():
        if name == "id":
            value = f"{prefix}-{value}"
        elif name == "href" and value.startswith("#"):
            value = f"#{prefix}-{value[1:]}"
        elif name == "href" and element.tag == "image" and value.startswith(_PICTURE):
            value = "".join(value.split())  # matplotlib breaks it into lines
        elif name == "href" or name.startswith("on"):
            raise IntegrityError(
                f"{path} holds the attribute {name}='{value[:80]}'; delete it and run again"
            )
        else:
            value = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)
        element.set(name, value)
