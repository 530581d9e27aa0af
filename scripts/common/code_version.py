"""The version of a step's code: what must change for its results to be stale.

Snakemake sees a script's modification time and none of the modules that it imports. `code_version`
hashes the syntax trees of the script and of every module of the project that it imports,
transitively, without docstrings, together with the versions of named packages and the contents of
named files. Comments, formatting, docstrings and touches leave it as it is.
"""

import hashlib
import importlib.metadata
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.common.files import sha256_file
from scripts.common.module_text import read_text

PROJECT_PACKAGE = "scripts"

# Modules that shape what a person sees while a step runs, or decide whether it begins, never what
# it writes.
EXEMPT_MODULES = frozenset(
    {
        "scripts.common.logs",
        "scripts.common.progress",
        "scripts.common.job_record",
        "scripts.common.checksums",
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
        version = _installed_version(package, importlib.metadata.version)
        digest.update(f"{package}=={version}\n".encode())
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
    text = read_text(path)
    package = path.relative_to(root).parent.parts
    names = {
        name
        for level, written in text.imported
        if (name := _absolute(level, written, package)).split(".")[0] == PROJECT_PACKAGE
        and name not in EXEMPT_MODULES
    }
    return _Module(
        logic=text.logic,
        imported=tuple({file for name in names for file in _files_of_module(name, root)}),
    )


def _absolute(level: int, name: str, package: Sequence[str]) -> str:
    """Return the full name of an import from `level` packages up, 0 where it is not relative."""
    if not level:
        return name
    parents = package[: len(package) - level + 1]
    return ".".join([*parents, *([name] if name else [])])


def _files_of_module(name: str, root: Path) -> Iterator[Path]:
    """Yield the file of a module and the `__init__.py` of its packages, where they exist."""
    # Thousands of questions at every start: strings take a tenth of the time of paths.
    folder = str(root)
    for part in name.split("."):
        folder = f"{folder}/{part}"
        if os.path.isfile(f"{folder}/__init__.py"):  # noqa: PTH113
            yield Path(f"{folder}/__init__.py")
    if os.path.isfile(f"{folder}.py"):  # noqa: PTH113
        yield Path(f"{folder}.py")


@cache
def _installed_version(package: str, ask: Callable[[str], str]) -> str:
    return ask(package)
