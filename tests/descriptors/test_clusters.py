"""Clusters with representatives: members that are too far leave, and nothing is lost."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.descriptors.clusters import Cluster, Columns, split_far_members
from scripts.descriptors.communities import METHODS, communities
from scripts.descriptors.representatives import ColumnFacts, Preference, choose_representative
from scripts.descriptors.similarity_graph import Indices, Numbers
from tests.descriptors.cluster_builders import (
    LEVELS,
    RATIO,
    THRESHOLD,
    equal_facts,
    names_of,
    similarities,
    symmetric,
)


def split(
    similarity: Numbers,
    method: str = "components",
    *,
    minimum: float = THRESHOLD,
    kept: frozenset[str] = frozenset(),
    facts: dict[str, ColumnFacts] | None = None,
    names: list[str] | None = None,
) -> list[Cluster]:
    def partition(inner: Numbers, inner_names: list[str]) -> Indices:
        return communities(
            inner, inner_names, THRESHOLD, method, resolution_ratio=RATIO, restarts=5, seed=1
        ).labels

    names = names or names_of(similarity.shape[0])
    columns = Columns(names, similarity, facts or equal_facts(names), Preference(kept))
    return split_far_members(columns, partition(similarity, names), minimum, partition)


def heads(clusters: list[Cluster]) -> dict[str, list[str]]:
    return {
        cluster.representative: [name for name, _ in cluster.alternatives] for cluster in clusters
    }


def test_a_chain_falls_apart_around_its_representatives():
    links = {(place, place + 1): 0.96 for place in range(6)}
    clusters = split(symmetric(links, 7, rest=0.5))
    # d001 to d005 have the highest mean similarity, d001 is the first; then 3-4-5-6 are left.
    assert heads(clusters) == {"d001": ["d000", "d002"], "d004": ["d003", "d005"], "d006": []}
    assert {cluster.lowest_similarity for cluster in clusters} == {0.96, None}
    # Without a minimum the chain stays, and says how far it reaches.
    (whole,) = split(symmetric(links, 7, rest=0.5), minimum=0.0)
    assert whole.size == 7 and whole.lowest_similarity == 0.5


def test_those_that_left_different_clusters_can_meet():
    # d002 leaves d000's cluster, d005 leaves d003's; they have an edge of their own.
    similarity = symmetric(
        {(0, 1): 0.99, (1, 2): 0.96, (3, 4): 0.99, (4, 5): 0.96, (2, 5): 0.97}, 6
    )
    names = names_of(6)
    facts = equal_facts(names) | {name: ColumnFacts(0.0, 0.9) for name in ("d000", "d003")}

    def again(inner: Numbers, inner_names: list[str]) -> Indices:
        assert inner_names == ["d002", "d005"]
        return np.zeros(2, dtype=np.int64)

    preference = Preference(ranks={"d000": 0, "d003": 0}, unpreferred=1)
    columns = Columns(names, similarity, facts, preference)
    clusters = split_far_members(columns, np.array([0, 0, 0, 1, 1, 1]), THRESHOLD, again)
    assert heads(clusters) == {"d000": ["d001"], "d002": ["d005"], "d003": ["d004"]}


def test_an_undefined_similarity_leaves_at_any_minimum():
    similarity = symmetric({(0, 1): 0.96, (1, 2): 0.96, (0, 2): float("nan")}, 3)
    facts = equal_facts(names_of(3)) | {"d000": ColumnFacts(0.0, 0.9)}
    kept = frozenset({"d000"})
    clusters = split(similarity, minimum=0.0, kept=kept, facts=facts)
    assert heads(clusters) == {"d000": ["d001"], "d002": []}


def test_a_cluster_that_lost_members_chooses_again():
    """The most central of six is not the most central of those that are near to it."""
    edges = {(0, 1): 0.99, (0, 2): 0.96, (1, 2): 0.99, (0, 3): 0.96, (0, 4): 0.96}
    clusters = split(symmetric(edges, 5, rest=0.9))
    assert heads(clusters) == {"d000": ["d001", "d002", "d003", "d004"]}
    far = {(1, 3): 0.2, (1, 4): 0.2, (2, 3): 0.2, (2, 4): 0.2, (0, 3): 0.951, (0, 4): 0.951}
    clusters = split(symmetric(edges | far, 5, rest=0.9), minimum=0.955)
    assert heads(clusters)["d001"] == ["d000", "d002"]


facts = st.builds(
    ColumnFacts, st.sampled_from([0.0, 0.1]), st.sampled_from([0.1, 0.2, float("nan")])
)


@settings(max_examples=80, deadline=None)
@given(
    data=st.data(),
    similarity=similarities(most=10),
    method=st.sampled_from(METHODS),
    minimum=st.sampled_from([level for level in LEVELS if level == level]),
)
def test_every_column_has_one_place_near_its_representative(data, similarity, method, minimum):
    names = names_of(similarity.shape[0])
    statistics = {name: data.draw(facts) for name in names}
    kept = data.draw(st.frozensets(st.sampled_from(names), max_size=3))
    clusters = split(similarity, method, minimum=minimum, kept=kept, facts=statistics)
    placed = [name for cluster in clusters for name, _ in cluster.alternatives]
    assert sorted(placed + [cluster.representative for cluster in clusters]) == names
    assert kept.isdisjoint(placed)
    number = {name: place for place, name in enumerate(names)}
    for cluster in clusters:
        head = number[cluster.representative]
        for name, stated in cluster.alternatives:
            assert stated == similarity[head, number[name]]
            assert stated >= minimum
        # The rule, applied to the cluster as it is, gives its representative.
        members = [cluster.representative, *(name for name, _ in cluster.alternatives)]
        places = [number[name] for name in members]
        chosen = choose_representative(
            members, similarity[np.ix_(places, places)], statistics, Preference(kept)
        )
        assert chosen == cluster.representative
    sizes = [cluster.size for cluster in clusters]
    assert sizes == sorted(sizes, reverse=True)
