"""Runs and dry-runs of the workflow for tests: real runs as processes, checks through the API.

A staleness check edits a copy of the sources and asks for a dry-run on the results of a finished
run; it takes about a second in the fork of a process that has Snakemake loaded already.
"""

import atexit
import importlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TARGETS = (
    "all",
    "corpus",
    "language_model",
    "classification",
    "descriptors",
    "retrieval",
    "report",
)
SOURCES = ("Snakefile", "rules", "scripts", "config", "envs", "profiles", "tests/config")
# What a plan loads besides the project's own modules.
_LOADED_BEFORE = (
    *("snakemake.api", "snakemake.settings.enums", "snakemake.settings.types"),
    *("jsonschema", "nbformat", "requests"),
)


def copy_sources(target: Path) -> Path:
    """Copy what a run reads from the checkout."""
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    return target


def snakemake(
    *arguments: str,
    directory: Path,
    profile: str = "ci",
    hash_seed: str = "0",
    cwd: Path = ROOT,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake on the checkout, with its results below `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "snakemake", *arguments),
        *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(directory)),
        *("--workflow-profile", str(ROOT / "profiles" / profile)),
    ]
    variables = {**os.environ, "PYTHONHASHSEED": hash_seed, **environment}
    return subprocess.run(
        command, cwd=cwd, env=variables, capture_output=True, text=True, check=False, timeout=1500
    )


def succeeded(result: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """Return the result, or fail showing the end of what was printed."""
    assert result.returncode == 0, (result.stdout + result.stderr)[-6000:]
    return result


def stale_jobs(
    sources: Path, finished: Path, config: Path, upgraded: dict[str, str] | None = None
) -> set[str]:
    """Return the jobs that a dry-run of `sources` on a finished run lists, as "rule wildcards".

    Args:
        sources: the edited copy of the sources.
        finished: working directory of the finished run.
        config: the config file on top of the default one.
        upgraded: versions that packages pretend to have.
    """
    planner = _planner()
    planner.send((sources, finished, config, upgraded or {}))
    jobs = planner.recv()
    assert jobs is not None, "the plan failed; its traceback is in what was printed"
    return jobs


@contextmanager
def planned_dag(config: Path, workdir: Path, targets: Set[str] = frozenset()) -> Iterator[Any]:
    """Yield Snakemake's graph of the checkout's jobs, in this process; nothing is run.

    Args:
        config: the config file on top of the default one.
        workdir: working directory of the run.
        targets: what is asked for; everything where none is named.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.settings.enums import Quietness
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        ResourceSettings,
    )

    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[config]),
            snakefile=ROOT / "Snakefile",
            workdir=workdir,
        )
        workflow.dag(DAGSettings(targets=set(targets))).execute_workflow(executor="dryrun")
        yield workflow._workflow.dag


@cache
def _planner() -> Connection:
    """Start the process whose forks plan, each for one check; it ends with this one.

    It has Snakemake loaded, nothing of the project, and runs no thread that a fork would miss.
    """
    here, there = get_context("spawn").Pipe()
    get_context("spawn").Process(target=_plan_in_forks, args=(there,)).start()
    there.close()
    atexit.register(here.close)
    return here


def _plan_in_forks(requests: Connection) -> None:
    for name in _LOADED_BEFORE:
        importlib.import_module(name)
    while True:
        try:
            request = requests.recv()
        except EOFError:
            return
        planning = get_context("fork").Process(target=_answer, args=(requests, *request))
        planning.start()
        planning.join()
        if planning.exitcode:
            requests.send(None)


def _answer(
    requests: Connection, sources: Path, finished: Path, config: Path, upgraded: dict[str, str]
) -> None:
    requests.send(_stale_jobs(sources, finished, config, upgraded))


def _stale_jobs(sources: Path, finished: Path, config: Path, upgraded: dict[str, str]) -> set[str]:
    from snakemake.api import SnakemakeApi
    from snakemake.settings.enums import Quietness, RerunTrigger
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        ResourceSettings,
    )

    profile = yaml.safe_load((sources / "profiles/default/profile.yaml").read_text())
    triggers = {RerunTrigger[name.upper().replace("-", "_")] for name in profile["rerun-triggers"]}
    # The sources' own package must be the one that the Snakefile imports.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
    for name in [name for name in sys.modules if name.split(".")[0] in ("scripts", "tests")]:
        del sys.modules[name]
    os.chdir(sources)
    with _pretended_versions(upgraded), SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=2),
            config_settings=ConfigSettings(configfiles=[config]),
            snakefile=sources / "Snakefile",
            workdir=finished,
        )
        dag = workflow.dag(DAGSettings(targets=set(), rerun_triggers=triggers))
        dag.execute_workflow(executor="dryrun")
        jobs = workflow._workflow.dag.needrun_jobs(exclude_finished=False)
        return {
            " ".join([job.rule.name, *map(str, job.wildcards_dict.values())])
            for job in jobs
            if job.rule.name not in TARGETS
        }


@contextmanager
def _pretended_versions(upgraded: dict[str, str]) -> Iterator[None]:
    real = importlib.metadata.version

    def version(distribution_name: str) -> str:
        return upgraded.get(distribution_name) or real(distribution_name)

    importlib.metadata.version = version
    try:
        yield
    finally:
        importlib.metadata.version = real
