"""nHSIC and RDC of all pairs: against kernels, loops over pairs, hand calculation, invariants."""

import logging
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from scripts.common.errors import ConfigError
from scripts.descriptors.dependence import Dependence, measure_pairs
from scripts.descriptors.features import COSINE, Basis, score_direction, trapezoid_basis
from scripts.descriptors.pair_measures import explained_by, nhsic, rdc
from scripts.descriptors.score_store import HeldScores
from tests.descriptors.pair_references import (
    canonical_correlation,
    centred_kernel,
    cosines,
    exact_nhsic,
    feature_nhsic,
    scores_of,
    trapezoid,
)

COSINE_BASIS = Basis(COSINE, 6)
MEASURES = {"hsic": nhsic, "rdc": rdc}


def measured(values: np.ndarray, basis: Basis | None = None, **options: Any) -> Dependence:
    options = {"min_overlap": 2, "memory_mb": 500, **options}
    return measure_pairs(
        HeldScores(scores_of(values)), basis or trapezoid_basis(), MEASURES, **options
    )


def explained(values: np.ndarray) -> np.ndarray:
    """The share of each row's column that the other explains, with the default basis."""
    basis = trapezoid_basis()
    measures = {"explained": explained_by(score_direction(basis))}
    store = HeldScores(scores_of(values))
    return measure_pairs(store, basis, measures, min_overlap=2, memory_mb=500).values["explained"]


def assorted(rows: int, seed: int = 3) -> np.ndarray:
    """Columns as they occur: continuous, nonlinear in each other, counts, flags, rare values."""
    generator = np.random.default_rng(seed)
    x, y = generator.standard_normal((2, rows))
    columns = [
        x, y, x**2, np.sin(3 * x), x + y, x * y, np.exp(3 * x), np.abs(y) + 0.3 * x,
        generator.poisson(2, rows), generator.poisson(0.1, rows) + 0.0, x > 0.3, y > 1.8,
    ]  # fmt: skip
    return np.stack(columns, axis=1).astype(float)


def with_missing(values: np.ndarray, share: float, seed: int = 4) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.where(generator.random(values.shape) < share, np.nan, values)


@pytest.mark.parametrize("rows", [500, 1500])
def test_nhsic_is_the_statistic_of_the_kernels(rows: int):
    values = assorted(rows)
    kernels = [centred_kernel(scores) for scores in scores_of(values).T]
    bases = {trapezoid_basis(): 0.005, trapezoid_basis(8, 0.5): 2e-4}
    found = {basis: measured(values, basis).values["hsic"] for basis in bases}
    worst = dict.fromkeys(bases, 0.0)
    for first in range(values.shape[1]):
        for second in range(first):
            exact = exact_nhsic(kernels[first], kernels[second])
            for basis in bases:
                worst[basis] = max(worst[basis], abs(found[basis][first, second] - exact))
    assert all(worst[basis] <= allowed for basis, allowed in bases.items()), worst


def test_nhsic_of_known_relations():
    generator = np.random.default_rng(0)
    x, independent = generator.standard_normal((2, 20_000))
    found = measured(np.stack([x, x**2, independent], axis=1)).values["hsic"]
    assert found[0, 1] == pytest.approx(0.400, abs=0.006)
    assert found[0, 2] < 0.001


@pytest.mark.parametrize("basis", [trapezoid_basis(), COSINE_BASIS], ids=str)
def test_equal_columns_have_similarity_1(basis: Basis):
    """Rare values too, where nearly all of a float32 sum cancels."""
    generator = np.random.default_rng(1)
    columns: list[np.ndarray] = [generator.standard_normal(20_000)]
    columns += [(generator.random(20_000) < share) + 0.0 for share in (0.5, 0.05, 0.003)]
    filler = [generator.standard_normal(20_000) for _ in range(70)]  # so that tiles differ
    values = np.stack([*columns, *filler, *columns], axis=1)
    found = measured(values, basis)
    for place in range(len(columns)):
        twin = len(columns) + len(filler) + place
        for value in found.values.values():
            assert value[place, twin] == pytest.approx(1, abs=2e-6 if place == 3 else 1e-6)


@pytest.mark.parametrize(
    ("basis", "figures"),
    [
        (trapezoid_basis(), {"x²": 1.0, "sin": 0.99, "cos": 0.98, "step": 0.93, "tail": 0.90}),
        (COSINE_BASIS, {"x²": 1.0, "sin": 0.91, "cos": 0.97, "step": 0.97, "tail": 0.75}),
    ],
    ids=["trapezoid", "cosine"],
)
def test_rdc_sees_functions_that_no_linear_measure_sees(basis: Basis, figures: dict[str, float]):
    x = np.random.default_rng(0).standard_normal(5000)
    functions = {
        "x²": x**2,
        "sin": np.sin(3 * x),
        "cos": np.cos(3 * x),
        "step": x > 0,
        "tail": norm.cdf(x) > 0.95,
    }
    values = np.stack([x, *functions.values()], axis=1).astype(float)
    found = dict(zip(functions, measured(values, basis).values["rdc"][0, 1:], strict=True))
    assert found == pytest.approx(figures, abs=0.02)


def test_two_flags_have_the_values_of_their_table_of_four():
    """Of 0/1 columns nHSIC is φ² and RDC is |φ|, whatever the kernel."""
    cells = {(0, 0): 500, (0, 1): 100, (1, 0): 60, (1, 1): 340}
    values = np.array([cell for cell, times in cells.items() for _ in range(times)], dtype=float)
    phi = (500 * 340 - 100 * 60) / np.sqrt(600 * 400 * 560 * 440)
    found = measured(values)
    assert found.values["rdc"][0, 1] == pytest.approx(abs(phi), abs=1e-6)
    assert found.values["hsic"][0, 1] == pytest.approx(phi**2, abs=1e-6)


@pytest.mark.parametrize(
    ("basis", "features"),
    [(trapezoid_basis(), trapezoid), (COSINE_BASIS, cosines)],
    ids=["trapezoid", "cosine"],
)
def test_missing_values_are_left_out_pair_by_pair(basis: Basis, features: Any):
    values = with_missing(assorted(1500), 0.3)
    values[:700, 2] = np.nan  # a mask of its own
    values[:, 7] = np.where(np.isnan(values[:, 6]), np.nan, values[:, 7])
    scores, found = scores_of(values), measured(values, basis, columns_per_tile=5)
    for first in range(values.shape[1]):
        for second in range(first):
            both = ~np.isnan(scores[:, first]) & ~np.isnan(scores[:, second])
            sides = [features(scores[both, column]) for column in (first, second)]
            pair = first, second
            assert found.overlap[pair] == both.sum()
            assert found.values["hsic"][pair] == pytest.approx(feature_nhsic(*sides), abs=1e-5)
            expected = canonical_correlation(*sides)
            assert found.values["rdc"][pair] == pytest.approx(expected, abs=1e-4)


def test_equal_columns_with_other_values_missing_stay_equal():
    x = np.random.default_rng(5).standard_normal(5000)
    found = measured(with_missing(np.stack([x, x], axis=1), 0.3))
    assert 2300 < found.overlap[0, 1] < 2600
    assert found.values["hsic"][0, 1] > 0.999
    assert found.values["rdc"][0, 1] > 0.999


def test_pairs_with_little_in_common_have_no_similarity():
    generator = np.random.default_rng(6)
    values = generator.standard_normal((300, 3))
    values[:210, 1] = np.nan  # 90 left
    values[40:, 2] = np.nan
    found = measured(values, min_overlap=60)
    assert found.overlap.tolist() == [[300, 90, 40], [90, 90, 0], [40, 0, 40]]
    known = [[True, True, False], [True, True, False], [False, False, False]]
    for value in found.values.values():
        assert (~np.isnan(value)).tolist() == known


def test_a_column_that_does_not_vary_has_no_similarity_and_harms_no_other():
    generator = np.random.default_rng(7)
    x = generator.standard_normal(400)
    constant_in_overlap = np.where(np.arange(400) < 200, 1.0, x)
    half = np.where(np.arange(400) < 200, x**2, np.nan)
    values = np.stack([x, np.full(400, 3.0), constant_in_overlap, half], axis=1)
    found = measured(values)
    for value in found.values.values():
        assert np.isnan(value[1]).all()
        assert np.isnan(value[2, 3]) and value[0, 2] > 0.1
        assert value[0, 3] == value[3, 0] > 0.3


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_fewer_rows_than_features(rows: int):
    values = np.random.default_rng(8).standard_normal((rows, 4))
    for value in measured(values).values.values():
        assert np.all((value >= 0) & (value <= 1))


def test_memory_and_threads_change_no_bit(caplog: pytest.LogCaptureFixture):
    generator = np.random.default_rng(9)
    mixed = generator.standard_normal((9000, 40))
    mixed[:, 20:] = mixed[:, :20] ** 2 + 0.3 * mixed[:, 20:]
    values = with_missing(mixed, 0.1)
    values[:, ::2] = mixed[:, ::2]
    options: dict[str, Any] = {"columns_per_tile": 4}
    whole = measured(values, **options)
    assert whole.scans == 1
    with caplog.at_level(logging.INFO):
        small = measured(values, memory_mb=9, **options)
    assert small.scans > 3
    assert f"read {small.scans} times" in caplog.text
    several = measured(values, threads=3, **options)
    for other in (small, several):
        assert np.array_equal(other.overlap, whole.overlap)
        for name, value in whole.values.items():
            assert np.array_equal(value, other.values[name], equal_nan=True)


def test_too_little_memory_is_told():
    with pytest.raises(ConfigError, match="raise memory_mb"):
        measured(np.random.default_rng(0).standard_normal((50, 3)), memory_mb=0.5)


def test_order_of_rows_and_columns_changes_rounding_only():
    values = with_missing(assorted(3000), 0.1)
    generator = np.random.default_rng(10)
    order = generator.permutation(values.shape[1])
    found = measured(values, columns_per_tile=5)
    shuffled = measured(values[generator.permutation(3000)][:, order], columns_per_tile=5)
    assert np.array_equal(found.overlap[np.ix_(order, order)], shuffled.overlap)
    for name, value in found.values.items():
        expected = value[np.ix_(order, order)]
        assert np.allclose(expected, shuffled.values[name], atol=1e-5, equal_nan=True)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_random_tables(data: st.DataObject):
    """Any table: symmetric, in [0, 1], blind to monotone transforms, overlaps counted right."""
    rows, columns = data.draw(st.integers(2, 30)), data.draw(st.integers(1, 6))
    cell = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 7.0, np.nan])
    values = np.array(
        data.draw(st.lists(cell, min_size=rows * columns, max_size=rows * columns))
    ).reshape(rows, columns)
    least = data.draw(st.integers(2, 8))
    found = measured(values, min_overlap=least, columns_per_tile=data.draw(st.integers(1, 4)))
    valid = (~np.isnan(values)).astype(int)
    assert np.array_equal(found.overlap, valid.T @ valid)
    transformed = measured(np.exp(values) * 3 - 1, min_overlap=least, columns_per_tile=2)
    for name, value in found.values.items():
        known = ~np.isnan(value)
        assert np.array_equal(value, value.T, equal_nan=True)
        assert np.all((value[known] >= 0) & (value[known] <= 1))
        assert not known[found.overlap < least].any()
        assert np.all(np.diagonal(value)[np.diagonal(known)] == 1)
        assert np.allclose(value, transformed.values[name], atol=1e-4, equal_nan=True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cpu_and_gpu_agree():
    values = np.tile(with_missing(assorted(20_000), 0.2), (1, 30))
    cpu, gpu = measured(values), measured(values, device="cuda")
    assert np.array_equal(cpu.overlap, gpu.overlap)
    for name, value in cpu.values.items():
        assert np.allclose(value, gpu.values[name], atol=1e-4, equal_nan=True)


@pytest.mark.parametrize(
    ("kind", "frequencies", "step", "told"),
    [
        ("fourier", 4, 0.5, "'fourier' is unknown"),
        ("cosine", 0, None, "at least 1"),
        ("trapezoid", 4, 0.0, "one above 0"),
    ],
)
def test_impossible_bases_are_told(kind: str, frequencies: int, step: float | None, told: str):
    with pytest.raises(ConfigError, match=told):
        Basis(kind, frequencies, step)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_explained_share_is_that_of_a_regression(missing: float):
    """R² of the first column's scores on all features of the second, over their common rows."""
    values = with_missing(assorted(2000), missing)
    found = explained(values)
    scores = scores_of(values)
    for pair in [(0, 2), (2, 0), (0, 3), (4, 5), (8, 0), (1, 7), (7, 1)]:
        target, given_ = scores[:, pair[0]], scores[:, pair[1]]
        shared = ~np.isnan(target) & ~np.isnan(given_)
        features = np.column_stack([np.ones(shared.sum()), trapezoid(given_[shared])])
        target = target[shared]
        left = target - features @ np.linalg.lstsq(features, target, rcond=None)[0]
        assert found[pair] == pytest.approx(1 - left.var() / target.var(), abs=0.02), pair


def test_explained_share_knows_the_direction_and_is_not_fooled_by_shared_rows():
    generator = np.random.default_rng(8)
    x, y = generator.standard_normal((2, 20_000))
    few = generator.random(20_000) < 0.044
    values = np.stack([x, x**2, np.where(few, -9, x), np.where(few, -9, y)], axis=1)
    found = explained(values)
    assert found[1, 0] > 0.9 and found[0, 1] < 0.02
    # What they share is one value in 4.4 % of the rows.
    assert measured(values).values["rdc"][2, 3] > 0.9
    assert found[2, 3] < 0.25 and found[3, 2] < 0.25
    twins = explained(np.stack([x, x], axis=1))
    assert np.allclose(twins, 1, atol=1e-3)


@pytest.mark.parametrize(("basis", "reached"), [(trapezoid_basis(), 0.999), (COSINE_BASIS, 0.97)])
def test_a_score_is_a_sum_of_features(basis: Basis, reached: float):
    scores = torch.from_numpy(norm.ppf((np.arange(5000) + 0.5) / 5000))
    features = basis.features(scores[None])[0].numpy()
    summed = score_direction(basis) @ features
    assert np.corrcoef(summed, scores.numpy())[0, 1] ** 2 > reached
