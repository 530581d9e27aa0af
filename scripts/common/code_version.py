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
from functools import cache
from pathlib import Path

from scripts.common.files import sha256_file

PROJECT_PACKAGE = "scripts"

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
        digest.update(f"{name}\0{_logic(module_path, module_path.stat().st_mtime_ns)}\n".encode())
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
        waiting.extend(_imported_files(path, path.stat().st_mtime_ns, root))
    return sorted(seen)


@cache
def _logic(path: Path, _mtime_ns: int) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = _without_docstring(node.body)
    return ast.dump(tree, annotate_fields=False)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    is_docstring = (
        body
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    )
    return body[1:] if is_docstring else body


@cache
def _imported_files(path: Path, _mtime_ns: int, root: Path) -> tuple[Path, ...]:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    package = ".".join(path.relative_to(root).parent.parts)
    return tuple(
        file
        for name in _imported_names(tree, package)
        if name.split(".")[0] == PROJECT_PACKAGE and name not in EXEMPT_MODULES
        for file in _files_of_module(name, root)
    )


def _imported_names(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
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
