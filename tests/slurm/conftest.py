"""The fixture that lends one real SLURM cluster to all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, reason_to_skip, running_cluster
from tests.slurm.runs import CI_ARGUMENTS, TINY, Run, copy_checkout, snakemake
from tests.slurm.settings import NODES


@dataclass(frozen=True)
class LocalRun:
    """A run without SLURM, in a copy of the checkout."""

    folder: Path
    run: Run


@pytest.fixture(scope="session")
def local_corpus(tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    """The tiny config's corpus track, made on this machine."""
    folder = copy_checkout(tmp_path_factory.mktemp("local") / "run")
    return LocalRun(folder, snakemake(folder, *CI_ARGUMENTS, *TINY, "--", "corpus"))


@pytest.fixture(scope="session")
def whole_session_cluster() -> Iterator[Cluster]:
    if reason := reason_to_skip():
        pytest.skip(reason)
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def slurm_cluster(whole_session_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster of two nodes with two CPUs each, and two pretended GPUs on one of them.

    What a test did to it is undone: jobs are cancelled, daemons run, nodes take jobs.
    """
    yield whole_session_cluster
    cluster = whole_session_cluster
    for daemon in (cluster.controller, *cluster.nodes.values()):
        if not daemon.running():
            daemon.start()
    cluster.wait_for(cluster.answers)
    cluster.cancel_all()
    for node in NODES:
        if cluster.node_states()[node].startswith(("drain", "down")):
            cluster.set_node(node, "RESUME")
    cluster.wait_until_idle()
