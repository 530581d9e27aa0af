"""Runs that several tests share, made once for all test processes."""

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from tests.workflow.harness import ROOT, snakemake, succeeded


@pytest.fixture(scope="session")
def shared_tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test session share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def finished_run(shared_tmp: Path) -> Path:
    """Working directory of one finished run of the tiny config, report included.

    The sources table and its file lie in it, so that the run reads the same paths from any copy of
    the workflow.
    """
    directory = shared_tmp / "finished"
    with FileLock(shared_tmp / "finished.lock"):
        if not (shared_tmp / "finished.done").exists():
            shutil.copytree(ROOT / "tests/config", directory / "tests/config")
            succeeded(snakemake("--configfile", "tests/config/tiny.yaml", directory=directory))
            (shared_tmp / "finished.done").touch()
    return directory


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start slow tests first: at the end they would leave the other processes idle."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
