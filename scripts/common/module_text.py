"""What the text of a module says: a hash of its logic, and the names that it imports.

Every start of Snakemake asks for the versions of all scripts, and each job starts one. Walking the
trees of the whole project takes a second, so what a text comes to is kept in a file, under the
digest of that text and of this one: an entry cannot be stale, only of no use.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.common.errors import OutputError
from scripts.common.files import sha256_file, write_text

_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class ModuleText:
    """What the text of one module comes to.

    Attributes:
        logic: hash of its syntax tree without docstrings.
        imported: names of modules, or of what is in them, each behind the number of dots that a
            relative import begins with.
    """

    logic: str
    imported: tuple[tuple[int, str], ...]


# By the digest of a text: what is known from earlier starts, and what this one has read.
_recalled: dict[str, ModuleText] = {}
_read: dict[str, ModuleText] = {}


def read_text(path: Path) -> ModuleText:
    """Return what a module's text comes to.

    Raises:
        SyntaxError: it is no Python.
    """
    source = path.read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    if digest not in _read:
        _read[digest] = _recalled.get(digest) or _parse(source, path)
    return _read[digest]


def recall_texts(kept: Path) -> None:
    """Take over what an earlier start kept; what is damaged or of another version is passed by."""
    try:
        content = json.loads(kept.read_text(encoding="utf-8"))
        texts = content["texts"] if content["version"] == _version() else {}
        for digest, (logic, imported) in texts.items():
            _recalled[digest] = ModuleText(
                str(logic), tuple((int(level), str(name)) for level, name in imported)
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        _recalled.clear()


def keep_texts(kept: Path) -> None:
    """Keep what this start has read for the next one, unless that is known already."""
    if _read.keys() == _recalled.keys():
        return
    texts = {digest: (text.logic, text.imported) for digest, text in sorted(_read.items())}
    # Nothing but time is lost where the folder takes no file; what needs it says so itself.
    with suppress(OSError, OutputError):
        write_text(kept, json.dumps({"version": _version(), "texts": texts}))


def _version() -> str:
    return f"{sys.implementation.cache_tag} {sha256_file(Path(__file__))}"


def _parse(source: bytes, path: Path) -> ModuleText:
    logic: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    _walk(ast.parse(source, filename=str(path)), logic, imports)
    return ModuleText(
        logic=hashlib.sha256("\0".join(logic).encode()).hexdigest(),
        imported=tuple(dict.fromkeys(_imported_names(imports))),
    )


def _walk(node: ast.AST, logic: list[str], imports: list[ast.Import | ast.ImportFrom]) -> None:
    """Add what a tree says to `logic`, so that equal lists are equal trees, and its imports.

    Docstrings are left out, and whether a name is read or written, which its place says already.
    """
    logic.append(type(node).__name__)
    if isinstance(node, ast.Import | ast.ImportFrom):
        imports.append(node)
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            if field == "body" and isinstance(node, _WITH_DOCSTRING):
                value = _without_docstring(value)
            logic.append(f"[{len(value)}")
            for part in value:
                if isinstance(part, ast.AST):
                    _walk(part, logic, imports)
                else:
                    logic.append(repr(part))
        elif not isinstance(value, ast.AST):
            logic.append(repr(value))
        elif not isinstance(value, ast.expr_context):
            _walk(value, logic, imports)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    is_docstring = (
        body
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    )
    return body[1:] if is_docstring else body


def _imported_names(imports: list[ast.Import | ast.ImportFrom]) -> Iterator[tuple[int, str]]:
    for node in imports:
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        else:
            base = node.module or ""
            yield node.level, base
            yield from (
                (node.level, f"{base}.{alias.name}" if base else alias.name) for alias in node.names
            )
