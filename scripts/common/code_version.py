"""The version of a step's code: what must change for its results to be stale.

Snakemake sees a script's modification time and none of the modules that it imports. `code_version`
hashes the syntax trees of the script and of every module of the project that it imports,
transitively, without docstrings, together with the versions of named packages and the contents of
named files. Comments, formatting, docstrings and touches leave it as it is.
"""

import ast
import hashlib
import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.common.files import sha256_file

PROJECT_PACKAGE = "scripts"
_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

# Modules that shape what a person sees while a step runs, never what it writes.
EXEMPT_MODULES = frozenset(
    {
        "scripts.common.logs",
        "scripts.common.progress",
        "scripts.common.job_record",
        "scripts.common.errors",
        "scripts.language_model.training_progress",
    }
)


def code_version(
    script: str, *, root: Path, packages: Sequence[str] = (), files: Sequence[str] = ()
) -> str:
    """Return 16 hexadecimal digits that change when the logic behind `script` changes.

    Args:
        script: path of the entry, relative to `root`.
        root: the folder that holds the project's package.
        packages: installed distributions whose upgrade changes the step's results.
        files: templates or data files, relative to `root`, that the step reads.

    Raises:
        FileNotFoundError: the script or one of `files` does not exist.
        importlib.metadata.PackageNotFoundError: a named package is not installed.
    """
    digest = hashlib.sha256()
    for module_path in module_closure(root / script, root):
        name = module_path.relative_to(root).as_posix()
        digest.update(f"{name}\0{_module(module_path, root).logic}\n".encode())
    for package in sorted(packages):
        digest.update(f"{package}=={importlib.metadata.version(package)}\n".encode())
    for file in sorted(files):
        digest.update(f"{file}\0{sha256_file(root / file)}\n".encode())
    return digest.hexdigest()[:16]


def module_closure(script: Path, root: Path) -> list[Path]:
    """Return the files of `script` and of all project modules it imports, sorted."""
    seen: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        waiting.extend(_module(path, root).imported)
    return sorted(seen)


@dataclass(frozen=True)
class _Module:
    """What one file adds to the versions of the scripts that import it.

    Attributes:
        logic: hash of its syntax tree.
        imported: files of the project's modules that it imports.
    """

    logic: str
    imported: tuple[Path, ...]


def _module(path: Path, root: Path) -> _Module:
    return _read_module(path, path.stat().st_mtime_ns, root)


@cache
def _read_module(path: Path, _mtime_ns: int, root: Path) -> _Module:
    # Every start of Snakemake reads the whole project, every job on a cluster included, so a file
    # is parsed once and its tree walked once.
    logic: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    _walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)), logic, imports)
    package = ".".join(path.relative_to(root).parent.parts)
    names = {
        name
        for name in _imported_names(imports, package)
        if name.split(".")[0] == PROJECT_PACKAGE and name not in EXEMPT_MODULES
    }
    return _Module(
        logic=hashlib.sha256("\0".join(logic).encode()).hexdigest(),
        imported=tuple({file for name in names for file in _files_of_module(name, root)}),
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


def _imported_names(imports: list[ast.Import | ast.ImportFrom], package: str) -> Iterator[str]:
    for node in imports:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _files_of_module(name: str, root: Path) -> Iterator[Path]:
    """Yield the file of a module and the `__init__.py` of its packages, where they exist."""
    parts = name.split(".")
    candidates = [root.joinpath(*parts[:end], "__init__.py") for end in range(1, len(parts) + 1)]
    candidates.append(root.joinpath(*parts).with_suffix(".py"))
    yield from (candidate for candidate in candidates if candidate.is_file())
