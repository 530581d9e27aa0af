"""A memory folder is read back as it was written, and a broken one is named."""

import csv
from dataclasses import fields

import numpy as np
import pytest

from scripts.common.errors import IntegrityError
from scripts.retrieval.cluster_state import ClusterStates
from scripts.retrieval.memory_store import (
    Memory,
    empty_memory,
    prototype_bytes,
    read_memory,
    write_memory,
)
from tests.retrieval.memory_builders import Loop, topical


def assert_same(one: ClusterStates, other: ClusterStates) -> None:
    for field in fields(ClusterStates):
        first, second = getattr(one, field.name), getattr(other, field.name)
        if field.name == "prototypes":
            assert np.array_equal(first.offsets, second.offsets)
            assert np.array_equal(first.buckets, second.buckets)
            np.testing.assert_allclose(first.sums, second.sums, rtol=1e-6)
        else:
            assert np.array_equal(first, second), field.name


@pytest.mark.parametrize("keep", ["z2", "none"])
def test_round_trip(tmp_path, keep):
    loop = Loop(tmp_path, keep=keep)
    for number in range(2):
        folder = loop.add(topical(number, ("school", "road", "sea")))
    memory = read_memory(folder)
    (tmp_path / "copy").mkdir()
    write_memory(tmp_path / "copy", memory)
    for file in ("members.parquet", "stats.tsv", "prototypes.safetensors"):
        assert (tmp_path / "copy" / file).read_bytes() == (folder / file).read_bytes()
    again = read_memory(tmp_path / "copy")
    assert memory.clusters is not None and again.clusters is not None
    assert_same(memory.clusters.states, again.clusters.states)
    assert (memory.clusters.remembered is not None) == (keep == "none")


def test_statistics_are_a_table_of_the_clusters(tmp_path):
    loop = Loop(tmp_path)
    memory = read_memory(loop.add(topical(0, ("school", "road", "sea"))))
    with (tmp_path / "memory/session-0/stats.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [row["cluster"] for row in rows] == ["0", "1", "2"]
    assert sum(int(row["documents"]) for row in rows) == memory.documents.num_rows == 60
    assert sum(int(row["queries"]) for row in rows) == memory.queries.num_rows == 18
    for row in rows:
        own = memory.documents.filter(np.array(memory.documents["cluster"]) == int(row["cluster"]))[
            "distance"
        ].to_numpy()
        assert float(row["mean"]) == pytest.approx(own.mean(), abs=1e-5)
        assert float(row["deviation"]) == pytest.approx(own.std(), abs=1e-5)


def test_a_memory_without_clusters_says_so(tmp_path):
    write_memory(tmp_path, empty_memory())
    memory = read_memory(tmp_path)
    assert memory == Memory(memory.documents, memory.queries, None)
    assert prototype_bytes(memory.clusters) == 0


def test_a_broken_folder_is_named(tmp_path):
    with pytest.raises(IntegrityError, match=r"members\.parquet is missing"):
        read_memory(tmp_path)
    write_memory(tmp_path, empty_memory())
    whole = (tmp_path / "prototypes.safetensors").read_bytes()
    (tmp_path / "prototypes.safetensors").write_bytes(whole[:20])
    with pytest.raises(IntegrityError, match=r"prototypes\.safetensors"):
        read_memory(tmp_path)
