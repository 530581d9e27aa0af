"""The environment files pin what the locked environment has, and all that the scripts import."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
# What starts Snakemake or is imported by its rules runs where Snakemake is installed, and in no
# rule's environment.
BESIDE_SNAKEMAKE = {"plan", "prepare_entity_coref"}
TRACKS = sorted(path.stem for path in (ROOT / "envs").glob("*.yaml"))


def normalized(name: str) -> str:
    """Return a distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: list[str]) -> dict[str, str]:
    return {normalized(name): version for name, version in (line.split("==") for line in lines)}


def locked() -> dict[str, str]:
    return pins((ROOT / "requirements.lock").read_text("utf-8").split())


def environment(track: str) -> dict:
    return yaml.safe_load((ROOT / "envs" / f"{track}.yaml").read_text("utf-8"))


def pip_pins(track: str) -> dict[str, str]:
    (pip,) = [part["pip"] for part in environment(track)["dependencies"] if isinstance(part, dict)]
    return pins(pip)


def imports(script: Path) -> Iterator[str]:
    """Yield the full names of the modules that a script imports, anywhere in it."""
    for node in ast.walk(ast.parse(script.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_scripts(track: str) -> set[Path]:
    """Return the track's scripts and the project's modules that they import, transitively."""
    found: set[Path] = set()
    queue = [
        path
        for path in (ROOT / "scripts" / track).rglob("*.py")
        if path.stem not in BESIDE_SNAKEMAKE
    ]
    while queue:
        script = queue.pop()
        if script not in found:
            found.add(script)
            paths = (ROOT / f"{name.replace('.', '/')}.py" for name in imports(script))
            queue.extend(path for path in paths if path.is_file())
    return found


@cache
def distributions_of_modules() -> dict[str, list[str]]:
    return {
        module: [normalized(name) for name in names]
        for module, names in packages_distributions().items()
    }


def imported_distributions(track: str) -> dict[str, str]:
    """Return the distribution of each third-party module that the track imports."""
    modules = {name.split(".")[0] for script in imported_scripts(track) for name in imports(script)}
    foreign = modules - sys.stdlib_module_names - {"scripts"}
    unknown = foreign - distributions_of_modules().keys()
    assert not unknown, f"{track} imports {sorted(unknown)}, which requirements.lock does not bring"
    return {module: distributions_of_modules()[module][0] for module in foreign}


def test_there_is_an_environment_for_each_track_with_scripts():
    tracks = {path.parent.name for path in (ROOT / "scripts").glob("*/*.py")} - {"common"}
    assert set(TRACKS) == tracks


def test_lock_pins_exact_versions_and_no_addresses():
    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*", line), line
    assert locked()["torch"] == "2.13.0"


def test_lock_holds_every_direct_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    names = {normalized(re.split(r"[<>=~! ]", requirement)[0]) for requirement in wanted}
    assert names <= locked().keys()
    direct = {name for track in TRACKS for name in imported_distributions(track).values()}
    assert direct <= names, "imported, but no dependency in pyproject.toml"


@pytest.mark.parametrize("track", TRACKS)
def test_pins_equal_the_lock(track):
    assert pip_pins(track).items() <= locked().items()


@pytest.mark.parametrize("track", TRACKS)
def test_python_and_channel(track):
    assert environment(track)["channels"] == ["conda-forge"]
    plain = [part for part in environment(track)["dependencies"] if isinstance(part, str)]
    assert plain == ["python=3.11", "pip"]


@pytest.mark.parametrize("track", TRACKS)
def test_every_import_of_the_track_is_pinned(track):
    missing = set(imported_distributions(track).values()) - pip_pins(track).keys()
    assert not missing
