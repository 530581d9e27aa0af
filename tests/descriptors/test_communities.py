"""Clusters of a similarity matrix: planted structure, optimality, and what must not matter."""

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from scripts.common.errors import ConfigError
from scripts.descriptors.agreement import adjusted_rand_index
from scripts.descriptors.communities import METHODS, Communities, communities
from scripts.descriptors.leiden import best_labelling
from scripts.descriptors.similarity_graph import (
    Numbers,
    canonical_labels,
    cpm_quality,
    similarity_graph,
)
from tests.descriptors.cluster_builders import (
    RATIO,
    THRESHOLD,
    hard_similarity,
    names_of,
    partition_of,
    planted_blocks,
    similarities,
    symmetric,
)

NAN = float("nan")


def cluster(similarity: Numbers, method: str = "leiden", **changed: object) -> Communities:
    given_: dict[str, object] = {"resolution_ratio": RATIO, "restarts": 20, "seed": 1} | changed
    names = given_.pop("names", names_of(similarity.shape[0]))
    threshold = given_.pop("threshold", THRESHOLD)
    return communities(similarity, names, threshold, method, **given_)  # type: ignore[arg-type]


def chain(length: int) -> Numbers:
    """Each is like the next, and like no other."""
    return symmetric({(place, place + 1): 0.96 for place in range(length - 1)}, length)


def test_leiden_recovers_planted_blocks_that_components_join():
    similarity, block = planted_blocks([14, 10, 7, 5, 3, 1, 1], bridges=3)
    names = names_of(len(block))
    assert partition_of(cluster(similarity).labels, names) == partition_of(block, names)
    joined = cluster(similarity, "components").labels
    assert np.bincount(joined).max() >= 39


def test_a_community_lacks_at_most_the_edges_that_the_resolution_allows():
    """Eight columns, all alike at 0.96 but for four disjoint pairs: 24 of 28 edges."""
    pairs = dict.fromkeys(combinations(range(8), 2), 0.96)
    similarity = symmetric(pairs | {(place, place + 4): 0.1 for place in range(4)}, 8)
    # The mean with 0 for lacking edges is 0.82: below 0.9, above 0.7.
    assert np.bincount(cluster(similarity).labels).tolist() == [4, 4]
    found = cluster(similarity, resolution_ratio=0.7 / THRESHOLD)
    assert found.labels.tolist() == [0] * 8
    assert found.quality == pytest.approx(24 * 0.96 - 28 * 0.7)


def test_the_resolution_moves_with_the_threshold():
    """At the earlier fixed resolution of 1 everybody stood alone."""
    similarity, block = planted_blocks([6, 5, 4], bridges=0)
    names = names_of(15)
    for threshold in (0.5, 0.9, 0.95):
        inside = np.where(similarity >= THRESHOLD, threshold + 0.02, 0.1)
        np.fill_diagonal(inside, 1.0)
        found = cluster(inside, threshold=threshold)
        assert partition_of(found.labels, names) == partition_of(block, names)


def all_partitions(count: int) -> Iterator[list[int]]:
    """Canonical labellings of `count` vertices."""
    labellings = [[0]]
    for _ in range(count - 1):
        labellings = [[*labels, label] for labels in labellings for label in range(max(labels) + 2)]
    yield from labellings


@settings(max_examples=60, deadline=None, derandomize=True)
@given(similarity=similarities(most=6))
def test_leiden_finds_the_best_of_all_partitions(similarity):
    graph = similarity_graph(similarity, THRESHOLD)
    found = cluster(similarity)

    def quality(labels: list[int]) -> float:
        """By hand: each pair within a cluster gains its weight minus the resolution."""
        pairs = combinations(range(len(labels)), 2)
        gains = (
            (similarity[pair] if similarity[pair] >= THRESHOLD else 0.0) - RATIO * THRESHOLD
            for pair in pairs
            if labels[pair[0]] == labels[pair[1]]
        )
        return sum(gains)

    best = max(quality(labels) for labels in all_partitions(similarity.shape[0]))
    assert found.quality == pytest.approx(best, abs=1e-9)
    assert quality(found.labels.tolist()) == pytest.approx(best, abs=1e-9)
    assert cpm_quality(graph, found.labels, RATIO * THRESHOLD) == found.quality


@settings(max_examples=100, deadline=None)
@given(similarity=similarities(most=12))
def test_complete_linkage_holds_every_pair_and_components_are_components(similarity):
    names = names_of(similarity.shape[0])
    complete = cluster(similarity, "complete").labels
    for first, second in combinations(range(len(names)), 2):
        if complete[first] == complete[second]:
            assert similarity[first, second] >= THRESHOLD
    # No two clusters could be joined: some pair between them has no edge.
    for one, other in combinations(range(complete.max() + 1), 2):
        between = similarity[np.ix_(complete == one, complete == other)]
        assert not (between >= THRESHOLD).all()
    # Components by spreading along edges until nothing changes.
    reached = np.eye(len(names), dtype=bool) | (similarity >= THRESHOLD)
    for _ in names:
        reached = reached @ reached
    expected = {
        frozenset(name for name, there in zip(names, row, strict=True) if there) for row in reached
    }
    assert partition_of(cluster(similarity, "components").labels, names) == expected


@settings(max_examples=60, deadline=None)
@given(similarity=similarities(most=10), method=st.sampled_from(METHODS), shuffle=st.randoms())
def test_the_order_of_the_columns_does_not_matter(similarity, method, shuffle):
    names = names_of(similarity.shape[0])
    order = list(range(len(names)))
    shuffle.shuffle(order)
    straight = cluster(similarity, method)
    moved = cluster(
        similarity[np.ix_(order, order)], method, names=[names[place] for place in order]
    )
    assert moved.labels.tolist() == straight.labels[order].tolist()
    assert moved.quality == straight.quality
    assert moved.restarts == straight.restarts


def test_runs_differ_and_the_best_is_kept():
    similarity = hard_similarity()
    found = cluster(similarity, restarts=30, patience=1000)
    qualities = [run.quality for run in found.restarts]
    assert len(found.restarts) == 30
    assert len({run.seed for run in found.restarts}) == 30
    assert max(qualities) - min(qualities) > 1e-6
    assert min(run.ari_to_best for run in found.restarts) < 1.0
    assert found.quality >= max(qualities) - 1e-9
    assert not found.settled
    # What a run gives hangs on its seed, so fewer runs are the first of many.
    fewer = cluster(similarity, restarts=7, patience=1000)
    assert [run.seed for run in fewer.restarts] == [run.seed for run in found.restarts[:7]]
    assert [run.quality for run in fewer.restarts] == qualities[:7]
    assert fewer.quality <= found.quality + 1e-9
    other = cluster(similarity, restarts=7, patience=1000, seed=2)
    assert {run.seed for run in other.restarts}.isdisjoint(run.seed for run in fewer.restarts)


def test_restarts_end_when_the_best_has_come_back_often_enough():
    similarity, _ = planted_blocks([9, 8, 7], bridges=2)
    found = cluster(similarity, restarts=50, patience=5)
    assert found.settled
    assert len(found.restarts) == 6
    assert {run.ari_to_best for run in found.restarts} == {1.0}


@settings(max_examples=60, deadline=None)
@given(labels=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_agreement_is_that_of_scikit_learn(labels):
    first, second = (canonical_labels(np.array(side)) for side in zip(*labels, strict=True))
    expected = adjusted_rand_score(first, second)
    assert adjusted_rand_index(first, second) == pytest.approx(expected, abs=1e-12)


def test_a_component_does_not_change_when_others_come_and_go():
    alone = hard_similarity()
    both = symmetric({}, 64, rest=0.0)
    both[:60, :60] = alone
    both[60:, 60:] = chain(4)
    with_others = cluster(both, restarts=10, patience=1000).labels[:60]
    by_itself = cluster(alone, restarts=10, patience=1000).labels
    assert with_others.tolist() == by_itself.tolist()


@settings(max_examples=50, deadline=None)
@given(
    found=st.lists(
        st.tuples(
            st.sampled_from([1.0, 1.0 - 1e-13, 0.5]),
            st.lists(st.integers(0, 2), min_size=4, max_size=4),
        ),
        min_size=1,
    ),
    shuffle=st.randoms(),
)
def test_the_order_of_restarts_does_not_matter(found, shuffle):
    labelled = [(quality, canonical_labels(np.array(labels))) for quality, labels in found]
    kept = best_labelling(labelled, 1e-12).tolist()
    ties = [labels.tolist() for quality, labels in labelled if quality > 0.9]
    assert kept == min(ties or [labels.tolist() for _, labels in labelled])
    shuffle.shuffle(labelled)
    assert best_labelling(labelled, 1e-12).tolist() == kept


def test_the_hash_seed_does_not_matter():
    code = (
        "from scripts.descriptors.communities import communities\n"
        "from tests.descriptors.cluster_builders import hard_similarity, names_of\n"
        "found = communities(hard_similarity(), names_of(60), 0.95, 'leiden',"
        " resolution_ratio=0.94, restarts=5, seed=1)\n"
        "print(found.labels.tolist(), found.restarts)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).resolve().parents[2],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "77")
    }
    assert len(printed) == 1 and "Restart(" in printed.pop()


@pytest.mark.parametrize("method", METHODS)
def test_small_and_empty_graphs(method):
    assert cluster(np.zeros((0, 0)), method).labels.tolist() == []
    assert cluster(np.ones((1, 1)), method).labels.tolist() == [0]
    assert cluster(np.ones((2, 2)), method).labels.tolist() == [0, 0]
    assert cluster(np.ones((2, 2)), method, threshold=1.0).labels.tolist() == [0, 0]
    # No edge at all.
    assert cluster(symmetric({}, 5), method).labels.tolist() == [0, 1, 2, 3, 4]
    # At the threshold there is an edge, just below it none.
    at = symmetric({(0, 1): THRESHOLD, (2, 3): np.nextafter(THRESHOLD, 0)}, 5)
    assert cluster(at, method).labels.tolist() == [0, 0, 1, 2, 3]
    # Undefined similarities are no edges, not even on the diagonal.
    undefined = symmetric({(0, 1): NAN, (0, 2): 0.97, (1, 3): 0.97}, 4, rest=NAN)
    undefined[3, 3] = NAN
    assert cluster(undefined, method).labels.tolist() == [0, 1, 0, 1]


def test_identical_columns_collapse():
    for method in METHODS:
        found = cluster(np.ones((40, 40)), method)
        assert found.labels.tolist() == [0] * 40


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"threshold": 0.0}, "threshold 0.0"),
        ({"threshold": 1.2}, "threshold 1.2"),
        ({"method": "louvain"}, "louvain"),
        ({"resolution_ratio": 1.0}, "resolution_ratio 1.0"),
        ({"resolution_ratio": 0.0}, "resolution_ratio 0.0"),
        ({"restarts": 0}, "restarts is 0"),
    ],
)
def test_settings_out_of_range(changed, named):
    with pytest.raises(ConfigError, match=named):
        cluster(np.ones((3, 3)), **changed)
