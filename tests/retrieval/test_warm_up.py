"""First clusters: seeding, splits, and the number of clusters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from scripts.retrieval.bisecting import bisecting_partitions, draw_seeds
from scripts.retrieval.hyperplanes import draw_hyperplanes
from scripts.retrieval.left_out import left_out_scores
from scripts.retrieval.maxsim import distances, prototype_scores
from scripts.retrieval.prototypes import build_prototypes
from scripts.retrieval.silhouette import simplified_silhouette
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Numbers, TokenVectors, Vectors, unit_rows
from scripts.retrieval.warm_up import CurvePoint, WarmUp, WarmUpRules, choose_clusters, warm_up
from tests.retrieval.planted_texts import planted_texts

RULES = WarmUpRules(k_min=2, choose="silhouette", iterations=50, centre_shift=1e-4)
ELBOW = WarmUpRules(k_min=2, choose="elbow", iterations=50, centre_shift=1e-4)


def pooled(tokens: TokenVectors) -> Vectors:
    means = [tokens.text(place).mean(axis=0) for place in range(tokens.texts)]
    return unit_rows(np.array(means))


def direct_silhouette(vectors: Numbers, labels: list[int]) -> float:
    centres = {
        label: np.mean([v for v, own in zip(vectors, labels, strict=True) if own == label], axis=0)
        for label in set(labels)
    }
    values = []
    for vector, label in zip(vectors, labels, strict=True):
        a, *others = (
            float(np.linalg.norm(vector - centres[other]))
            for other in [label, *(centres.keys() - {label})]
        )
        b = min(others)
        values.append(0.0 if labels.count(label) == 1 else (b - a) / max(a, b))
    return float(np.mean(values))


def test_seeds_are_drawn_in_proportion_to_the_squared_distance():
    points = np.array([[0.0], [1.0], [3.0], [3.5]])
    square = np.square(points - points.T)
    expected = (square / square.sum(axis=1, keepdims=True)) / 4
    counts = np.zeros((4, 4))
    generator = np.random.Generator(np.random.Philox(key=5))
    draws = 20_000
    for _ in range(draws):
        counts[tuple(draw_seeds(points, 2, generator))] += 1
    # Five standard errors of a share.
    error = np.sqrt(expected * (1 - expected) / draws)
    assert (abs(counts / draws - expected) <= 5 * error).all()
    third = [draw_seeds(points[:3], 3, generator).tolist() for _ in range(50)]
    assert all(sorted(seeds) == [0, 1, 2] for seeds in third)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 30))
def test_each_split_divides_the_cluster_of_the_largest_inertia(seed, n):
    # Few distinct values, so that some vectors are equal.
    vectors = np.random.default_rng(seed).integers(0, 3, (n, 2)).astype(np.float32)
    before = None
    for k, partition in enumerate(
        bisecting_partitions(vectors, n, iterations=20, centre_shift=0, seed=seed), start=1
    ):
        assert set(partition.labels) == set(range(k))
        spread = [
            np.square(vectors[partition.labels == c] - vectors[partition.labels == c].mean(0)).sum()
            for c in range(k)
        ]
        np.testing.assert_allclose(partition.inertia, spread, atol=1e-4)
        if before is not None:
            split, new = partition.changed
            unsplit = before.labels != split
            assert (partition.labels[unsplit] == before.labels[unsplit]).all() and new == k - 1
            assert before.inertia[split] == pytest.approx(before.inertia.max())
            assert partition.inertia.sum() < before.inertia.sum()
        before = partition
    assert before is not None
    assert len(before.inertia) == len(np.unique(vectors, axis=0))


def test_a_split_stops_at_its_limits():
    vectors = np.random.default_rng(0).standard_normal((400, 2)).astype(np.float32)

    def inertia(iterations: int, centre_shift: float) -> float:
        *_, last = bisecting_partitions(
            vectors, 2, iterations=iterations, centre_shift=centre_shift, seed=1
        )
        return float(last.inertia.sum())

    assert inertia(1, 0) > inertia(100, 0)
    assert inertia(100, 10.0) == inertia(1, 10.0) > inertia(100, 0)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 25), k=st.integers(2, 4))
def test_simplified_silhouette_equals_a_direct_computation(seed, n, k):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, 3))
    _, labels = np.unique(rng.integers(0, k, n), return_inverse=True)
    if labels.max() == 0:
        labels[0] = 1
    centres = np.stack([vectors[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    away = np.linalg.norm(vectors[:, None] - centres, axis=2)
    own = away[np.arange(n), labels]
    found = simplified_silhouette(own, away, labels)
    assert found == pytest.approx(direct_silhouette(vectors, labels.tolist()))


def test_the_curve_is_that_of_each_partition():
    tokens, _ = planted_texts(0, [30, 20, 14], share=0.5)
    vectors = pooled(tokens)
    result = warm_up(vectors, RULES, seed=1)
    assert [point.clusters for point in result.curve] == [2, 3, 4, 5, 6, 7, 8]
    partitions = list(bisecting_partitions(vectors, 8, iterations=50, centre_shift=1e-4, seed=1))
    for point, partition in zip(result.curve, partitions[1:], strict=True):
        direct = direct_silhouette(vectors.astype(np.float64), partition.labels.tolist())
        assert point.silhouette == pytest.approx(direct)
    assert result.clusters == max(result.curve, key=lambda point: point.silhouette).clusters


@pytest.mark.parametrize("choose", ["euclidean", "prototype", "elbow"])
def test_planted_domains_are_found(choose: str):
    tokens, domains = planted_texts(2, [40, 60, 25, 50], share=0.9, lengths=(60, 150))
    planes = draw_hyperplanes(0, 6, 64)
    found = warm_up(
        pooled(tokens),
        ELBOW if choose == "elbow" else RULES,
        seed=3,
        hyperplanes=planes if choose == "prototype" else None,
        tokens=tokens,
    )
    assert found.clusters == 4
    assert adjusted_rand_score(domains, found.labels) == 1.0


def test_the_curve_may_be_of_distances_to_prototypes():
    tokens, _ = planted_texts(1, [12, 9, 8], share=0.5)
    planes, vectors = draw_hyperplanes(0, 5, 64), pooled(tokens)
    result = warm_up(vectors, RULES, seed=1, hyperplanes=planes, tokens=tokens)
    partitions = bisecting_partitions(vectors, 5, iterations=50, centre_shift=1e-4, seed=1)
    for point, partition in zip(result.curve, list(partitions)[1:], strict=True):
        labels = partition.labels
        prototypes = build_prototypes(planes, tokens, labels, point.clusters)
        away = distances(prototype_scores(tokens, prototypes), tokens.lengths)
        own = distances(left_out_scores(planes, tokens, prototypes, labels), tokens.lengths)
        assert point.silhouette == pytest.approx(simplified_silhouette(own, away, labels))


def test_fewest_clusters_and_the_elbow_of_a_drawn_curve():
    curve = [CurvePoint(2, 0.9, 100), CurvePoint(3, 0.4, 40), CurvePoint(4, 0.5, 30)]
    curve += [CurvePoint(5, 0.5, 25), CurvePoint(6, 0.1, 20)]

    def choice(k_min: int, choose: str = "silhouette") -> int:
        return choose_clusters(curve, WarmUpRules(k_min, choose, 10, 0.0))  # type: ignore[arg-type]

    assert [choice(k_min) for k_min in (2, 3, 5, 6, 50)] == [2, 4, 5, 6, 6]
    assert choice(2, "elbow") == 3
    flat = [point._replace(inertia=1.0) for point in curve]
    assert choose_clusters(flat, ELBOW) == 2
    assert choose_clusters([], RULES) == 1


def summary(result: WarmUp) -> tuple[int, list[int], int]:
    return result.clusters, result.labels.tolist(), len(result.curve)


def test_few_texts_none_and_equal_ones():
    unit = np.eye(4, dtype=np.float32)
    assert summary(warm_up(unit[:0], RULES, seed=0)) == (0, [], 0)
    assert summary(warm_up(0 * unit, RULES, seed=0)) == (0, [NO_CLUSTER] * 4, 0)
    # ⌊√3⌋ = 1.
    assert summary(warm_up(unit[:3], RULES, seed=0)) == (1, [0, 0, 0], 0)
    equal = np.repeat(unit[:1], 9, axis=0)
    assert summary(warm_up(equal, RULES, seed=0)) == (1, [0] * 9, 0)
    without = np.concatenate([0 * unit[:1], unit])
    found = warm_up(without, RULES, seed=0)
    assert found.clusters == 2 and found.labels[0] == NO_CLUSTER
    assert set(found.labels[1:]) == {0, 1}
