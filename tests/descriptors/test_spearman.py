"""Every edge is that of pandas' pairwise Spearman; the bounds that say what to check hold."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from scripts.descriptors import feature_store as store_module
from scripts.descriptors.exact_spearman import exact_coefficients, ranked_again
from scripts.descriptors.feature_store import feature_store
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.products import masked_products
from scripts.descriptors.rank_bounds import angles_by_bins, angles_by_count
from scripts.descriptors.ranks import centred_ranks, mid_ranks
from scripts.descriptors.spearman import Spearman, correlate

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def ranked(tmp_path):
    """A function from a table to its store of ranks."""
    opened: list[Any] = []

    def store_of(values):
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        context = feature_store(folder, *values.shape)
        store = context.__enter__()
        opened.append(context)
        ranks = [centred_ranks(mid_ranks(column)) for column in values.T]
        store.write(0, np.array(ranks).T.astype(np.float32))
        return store

    yield store_of
    for context in opened:
        context.__exit__(None, None, None)


def correlated(store, **options) -> Spearman:
    given: dict[str, Any] = {
        "threshold": 0.95, "min_overlap": 5, "exact_rows": 200_000, "memory_mb": 10,
        "memory": MemoryLog(), "device": CPU,
    }  # fmt: skip
    return correlate(store, **(given | options))


def masked_by_hand(values, one, other):
    """Pearson's correlation of global mid-ranks on the shared rows."""
    ranks = [mid_ranks(values[:, column]) for column in (one, other)]
    both = ~(np.isnan(ranks[0]) | np.isnan(ranks[1]))
    return np.corrcoef(ranks[0][both], ranks[1][both])[0, 1]


def related(rows, columns, seed, *, ties):
    """Columns in pairs of every closeness, a third of them with ties."""
    rng = np.random.Generator(np.random.Philox(seed))
    values = rng.normal(size=(rows, 4)) @ rng.normal(size=(4, columns))
    for column in range(0, columns - 1, 2):
        noise = rng.uniform(0.02, 0.6) * rng.normal(size=rows) * values[:, column].std()
        values[:, column + 1] = rng.choice([-1, 1]) * values[:, column] + noise
    if ties:
        values[:, ::3] = np.round(values[:, ::3])
    return values, rng


def with_gaps(values, rng, kind):
    """Remove values: anywhere, above a quantile of the column, or in rows that columns share."""
    rows, columns = values.shape
    values = values.copy()
    if kind == "anywhere":
        values[rng.random(values.shape) < 0.2] = np.nan
    for column in range(columns):
        if kind == "tails":
            limit = np.quantile(values[:, column], rng.uniform(0.6, 1))
            values[values[:, column] > limit, column] = np.nan
        if kind == "middles":
            low, high = np.quantile(values[:, column], [0.35, rng.uniform(0.35, 0.7)])
            inside = (values[:, column] > low) & (values[:, column] < high)
            values[inside, column] = np.nan
        if kind == "blocks":
            values[rows * (column % 5) // 9 : rows * (column % 5 + 1) // 8, column] = np.nan
    return values


@pytest.mark.parametrize("ties", [False, True])
def test_complete_data_equals_scipy_and_pandas(ranked, ties):
    values, _ = related(500, 30, 7, ties=ties)
    found = correlated(ranked(values))
    np.testing.assert_allclose(found.rho, spearmanr(values).statistic, atol=1e-12, rtol=0)
    expected = pd.DataFrame(values).corr("spearman").to_numpy()
    np.testing.assert_allclose(found.rho, expected, atol=1e-12, rtol=0)
    assert found.doubtful == 0 and (found.overlap == 500).all() and found.masks == 1


def test_float32_products_stay_within_the_error(ranked):
    values, _ = related(20_000, 24, 8, ties=True)
    found = correlated(ranked(values), exact_rows=0)
    assert not found.exact
    np.testing.assert_allclose(found.rho, spearmanr(values).statistic, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["anywhere", "tails", "middles", "blocks"])
def test_missing_values_follow_the_masked_definition_or_the_exact_one(ranked, kind):
    values, rng = related(400, 16, 9, ties=True)
    values = with_gaps(values, rng, kind)
    store = ranked(values)
    exact = pd.DataFrame(values).corr("spearman").to_numpy()
    masked = correlated(store, exact_rows=0).rho
    found = correlated(store)
    for one in range(16):
        for other in range(one):
            by_hand = masked_by_hand(values, one, other)
            assert masked[one, other] == pytest.approx(by_hand, abs=1e-5)
            rho = found.rho[one, other]
            assert min(abs(rho - by_hand), abs(rho - exact[one, other])) < 1e-10


@pytest.mark.parametrize("kind", ["anywhere", "tails", "middles", "blocks"])
@pytest.mark.parametrize("rows", [40, 1_500])
def test_every_edge_is_that_of_pandas(ranked, kind, rows):
    values, rng = related(rows, 60, 10, ties=True)
    values = with_gaps(values, rng, kind)
    exact = np.abs(pd.DataFrame(values).corr("spearman", min_periods=5).to_numpy())
    store = ranked(values)
    changed = 0
    for threshold in (0.5, 0.8, 0.9, 0.95, 0.99):
        found = correlated(store, threshold=threshold)
        edges = np.abs(found.rho) >= threshold
        # What is the threshold itself, up to pandas' rounding, is an edge.
        np.testing.assert_array_equal(edges, exact >= threshold - 1e-12)
        assert 0 < found.reranked == found.doubtful < 60 * 59 / 2
        masked = np.abs(correlated(store, threshold=threshold, exact_rows=0).rho) >= threshold
        changed += int((masked != edges).sum())
    # Gaps that have to do with the values move ranks; ranking anew must have decided something.
    assert changed or kind in ("anywhere", "blocks")


TABLES = st.integers(6, 24).flatmap(
    lambda rows: st.lists(
        st.lists(st.sampled_from([0.0, 1, 2, 3, 4, 5, np.nan]), min_size=rows, max_size=rows),
        min_size=2,
        max_size=6,
    )
)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.sampled_from([0.3, 0.5, 0.8, 0.9, 1.0]))
def test_every_edge_of_small_tables_with_many_ties(tmp_path_factory, columns, threshold):
    values = np.array(columns).T
    with feature_store(tmp_path_factory.mktemp("ranks"), *values.shape) as store:
        ranks = [centred_ranks(mid_ranks(column)) for column in values.T]
        store.write(0, np.array(ranks).T.astype(np.float32))
        rho = correlated(store, threshold=threshold, min_overlap=3).rho
    exact = pd.DataFrame(values).corr("spearman", min_periods=3).to_numpy(copy=True)
    np.fill_diagonal(exact, 1)
    np.testing.assert_array_equal(np.abs(rho) >= threshold, np.abs(exact) >= threshold - 1e-12)


@pytest.mark.parametrize("kind", ["anywhere", "tails", "middles", "blocks"])
@pytest.mark.parametrize("ties", [False, True])
def test_both_bounds_hold_for_the_angle_between_old_and_new_ranks(ranked, kind, ties):
    values, rng = related(700, 12, 11, ties=ties)
    values = with_gaps(values, rng, kind)
    store = ranked(values)
    products = masked_products(store, device=CPU, exact=True)
    coarse = angles_by_count(products, store.valid)
    fine = angles_by_bins(store, products, np.arange(12), device=CPU)
    valid = ~np.isnan(values)
    for column in range(12):
        for mask, representative in enumerate(store.masked_by()):
            both = valid[:, column] & valid[:, representative]
            old = mid_ranks(values[:, column])[both]
            new = mid_ranks(values[both, column])
            angle = np.arccos(min(1.0, np.corrcoef(old, new)[0, 1]))
            assert angle <= coarse[column, mask] + 1e-7
            assert angle <= fine[column, mask] + 1e-7
    assert np.median(fine[fine > 0]) < np.median(coarse[coarse > 0])


def test_ranks_among_fewer_rows_are_those_of_the_values():
    rng = np.random.Generator(np.random.Philox(12))
    values = np.round(rng.normal(size=300), 1)
    some = rng.random(300) < 0.4
    ranks = centred_ranks(mid_ranks(values)).astype(np.float32)
    np.testing.assert_array_equal(
        ranked_again(ranks[some], 300), centred_ranks(mid_ranks(values[some]))
    )


def test_exact_coefficients_do_not_depend_on_memory(ranked):
    values, rng = related(200, 20, 13, ties=True)
    values = with_gaps(values, rng, "anywhere")
    store = ranked(values)
    pairs = np.array([(a, b) for a in range(20) for b in range(a + 1, 20) if (a * b) % 3])
    rng.shuffle(pairs)
    expected = pd.DataFrame(values).corr("spearman").to_numpy()
    for memory_mb in (0.001, 0.1, 10):
        found = exact_coefficients(store, pairs, memory_mb=memory_mb)
        np.testing.assert_allclose(found, expected[pairs[:, 0], pairs[:, 1]], atol=1e-11, rtol=0)


def test_a_coefficient_that_is_the_threshold_is_an_edge(ranked):
    # 1 - 6 * 2 / 120 = 0.9, once with complete columns and once on shared rows.
    one, other = np.arange(5.0), np.array([1.0, 0, 2, 3, 4])
    assert abs(correlated(ranked(np.array([one, other]).T), threshold=0.9).rho[0, 1]) >= 0.9
    gaps = np.array([[9, *one, np.nan], [np.nan, *other, -3]]).T
    assert abs(correlated(ranked(gaps), threshold=0.9).rho[0, 1]) >= 0.9


def test_row_order_changes_no_bit_up_to_the_exact_rows(ranked, monkeypatch):
    monkeypatch.setattr(store_module, "CHUNK_ROWS", 50)
    values, rng = related(321, 20, 14, ties=True)
    values = with_gaps(values, rng, "tails")
    found = correlated(ranked(values))
    again = correlated(ranked(values[rng.permutation(321)]))
    assert found.rho.tobytes() == again.rho.tobytes()
    assert found.overlap.tobytes() == again.overlap.tobytes()


def test_small_overlaps_and_columns_without_variance_are_undefined(ranked):
    rng = np.random.Generator(np.random.Philox(15))
    values = rng.normal(size=(40, 4))
    values[:22, 0] = np.nan
    values[22:, 1] = np.nan
    values[:, 2] = np.where(np.arange(40) < 22, 1.0, values[:, 2])
    rho = correlated(ranked(values), min_overlap=10, threshold=0.5).rho
    assert np.isnan(rho[0, 1])  # no shared row
    assert np.isnan(rho[1, 2])  # constant where column 1 is valid
    assert np.isfinite(rho[[0, 1, 2], 3]).all() and (np.diag(rho) == 1).all()


def test_copies_and_monotone_maps_correlate_by_one(ranked):
    values, rng = related(300, 6, 16, ties=False)
    values = with_gaps(values, rng, "tails")
    twins = np.column_stack([values[:, 0], values[:, 0], np.exp(values[:, 0]), -values[:, 0]])
    rho = correlated(ranked(np.column_stack([values, twins]))).rho
    assert (rho[[6, 7, 8, 0, 0], [7, 8, 6, 6, 8]] == 1).all() and (rho[9, 6:9] == -1).all()


def test_float64_values_beyond_float32_are_ranked_as_they_are(ranked):
    rng = np.random.Generator(np.random.Philox(17))
    values = rng.normal(size=(200, 2))
    wide = np.column_stack([values, values * 1e200, 1 + values * 1e-9])
    rho = correlated(ranked(wide)).rho
    assert rho[0, 2] == 1 and rho[0, 4] == 1 and rho[0, 1] == rho[2, 3]


@pytest.mark.gpu
def test_both_devices_give_the_same_bits(ranked):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    values, rng = related(20_000, 100, 18, ties=True)
    store = ranked(with_gaps(values, rng, "tails"))
    one, other = correlated(store), correlated(store, device=torch.device("cuda"))
    assert one.rho.tobytes() == other.rho.tobytes() and one.doubtful == other.doubtful > 0
