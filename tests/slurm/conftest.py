"""The fixture that lends one real SLURM cluster to all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.slurm.cluster import Cluster, reason_to_skip, running_cluster


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[Cluster]:
    """A cluster of one node with two CPUs and two pretended GPUs."""
    if reason := reason_to_skip():
        pytest.skip(reason)
    with running_cluster() as cluster:
        yield cluster
