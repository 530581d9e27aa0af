"""Products from the store on disk against plain numpy, with missing values and several masks."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from scripts.descriptors import feature_store as store_module
from scripts.descriptors import products as products_module
from scripts.descriptors.feature_store import feature_store
from scripts.descriptors.products import (
    correlation_of,
    masked_products,
    pick_device,
)

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(store_module, "CHUNK_ROWS", 64)


def features(rows=300, columns=9, *, missing=True):
    rng = np.random.Generator(np.random.Philox(5))
    values = rng.integers(-40, 40, (rows, columns)).astype(np.float32)
    if missing:
        values[rng.random(rows) < 0.3, 1] = np.nan
        values[:, 4] = np.where(np.isnan(values[:, 1]), np.nan, values[:, 4])
        values[rng.random(rows) < 0.2, 6] = np.nan
        values[:, 8] = np.nan
    return values


def filled(folder, values, width=4):
    store = feature_store(folder, *values.shape)
    opened = store.__enter__()
    for first in reversed(range(0, values.shape[1], width)):
        opened.write(first, values[:, first : first + width])
    return store, opened


def by_numpy(values):
    valid, known = ~np.isnan(values), np.nan_to_num(values.astype(np.float64))
    shared = valid.T.astype(int) @ valid
    return known.T @ known, known.T @ valid, (known**2).T @ valid, shared


def test_sums_do_not_depend_on_the_threads_of_the_machine(tmp_path):
    values = np.random.Generator(np.random.Philox(7)).normal(size=(100_000, 1)).astype(np.float32)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads), feature_store(tmp_path, *values.shape) as store:
            store.write(0, values)
            found.append((float(store.sums[0]), float(store.squares[0])))
    assert found[0] == found[1]


def test_what_is_written_comes_back(tmp_path):
    values = features()
    context, store = filled(tmp_path, values)
    np.testing.assert_array_equal(store.read_columns([7, 1, 8]), values[:, [7, 1, 8]].T)
    chunks = np.concatenate([chunk.numpy().copy() for chunk in store.chunks()], axis=1)
    np.testing.assert_array_equal(chunks, values.T)
    context.__exit__(None, None, None)
    assert not list(tmp_path.iterdir())


def test_columns_that_are_missing_in_the_same_rows_share_a_mask(tmp_path):
    _, store = filled(tmp_path, features())
    assert store.mask_of.tolist() == [0, 1, 0, 0, 1, 0, 2, 0, 3]
    assert store.masked_by().tolist() == [0, 1, 6, 8]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("missing", [True, False])
def test_masked_products_are_those_of_numpy(tmp_path, exact, missing):
    values = features(missing=missing)
    _, store = filled(tmp_path, values)
    products = masked_products(store, device=CPU, exact=exact)
    cross, sums, squares, shared = by_numpy(values)
    np.testing.assert_array_equal(products.cross, cross)
    np.testing.assert_array_equal(products.overlap(), shared)
    np.testing.assert_array_equal(products.sums[:, products.mask_of], sums)
    np.testing.assert_array_equal(products.squares[:, products.mask_of], squares)


@pytest.mark.parametrize("exact", [True, False])
def test_correlations_are_those_of_the_shared_rows(tmp_path, exact):
    values = features()
    _, store = filled(tmp_path, values)
    rho, overlap = correlation_of(masked_products(store, device=CPU, exact=exact), 120)
    for one in range(9):
        for other in range(9):
            both = ~np.isnan(values[:, one]) & ~np.isnan(values[:, other])
            assert overlap[one, other] == both.sum()
            if one == other:
                assert rho[one, other] == 1
            elif both.sum() < 120:
                assert np.isnan(rho[one, other])
            else:
                direct = np.corrcoef(values[both, one], values[both, other])[0, 1]
                assert rho[one, other] == pytest.approx(direct, abs=1e-12 if exact else 1e-6)
    np.testing.assert_array_equal(rho, rho.T)


@pytest.mark.parametrize("exact", [True, False])
def test_no_variance_on_the_shared_rows_is_undefined(tmp_path, exact):
    values = features(missing=False)
    values[:, 1] = np.where(np.arange(300) < 150, 3.0, values[:, 1])
    values[150:, 2] = np.nan
    _, store = filled(tmp_path, values)
    rho, _ = correlation_of(masked_products(store, device=CPU, exact=exact), 3)
    assert np.isnan(rho[1, 2]) and np.isnan(rho[2, 1])
    assert np.isfinite(rho[1, 3]) and np.isfinite(rho[2, 3])


def test_copies_and_their_negatives_correlate_by_one(tmp_path):
    values = features()
    values[:, 4], values[:, 2] = values[:, 1], -values[:, 0]
    _, store = filled(tmp_path, values)
    rho, _ = correlation_of(masked_products(store, device=CPU, exact=True), 3)
    assert rho[1, 4] == 1 and abs(rho[0, 2] + 1) < 1e-12


@pytest.mark.parametrize("height", [1, 4, 100])
def test_panels_of_any_height_give_the_whole_matrix(tmp_path, monkeypatch, height):
    monkeypatch.setattr(products_module, "_PANEL_ROWS_ON_CPU", height)
    values = features(columns=9)
    _, store = filled(tmp_path, values)
    cross = masked_products(store, device=CPU, exact=True).cross
    np.testing.assert_array_equal(cross, by_numpy(values)[0])


def test_a_store_that_is_not_full_or_overfull_is_refused(tmp_path):
    with feature_store(tmp_path, 10, 3) as store:
        store.write(0, np.zeros((10, 2), np.float32))
        with pytest.raises(ValueError, match=r"columns \[2\] of the store were not written"):
            next(store.chunks())
        for first, shape in ((2, (10, 2)), (-1, (10, 1)), (0, (9, 1))):
            with pytest.raises(ValueError, match="is outside"):
                store.write(first, np.zeros(shape, np.float32))


def test_single_rows_and_columns(tmp_path):
    with feature_store(tmp_path, 1, 1) as store:
        store.write(0, np.array([[2.0]], np.float32))
        products = masked_products(store, device=CPU)
        assert products.cross.tolist() == [[4.0]]
        assert correlation_of(products, 3)[0].tolist() == [[1.0]]


@pytest.mark.gpu
def test_both_devices_agree(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "CHUNK_ROWS", 8_192)
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    rng = np.random.Generator(np.random.Philox(6))
    values = rng.normal(size=(20_000, 200)).astype(np.float32)
    values[rng.random((20_000, 200)) < 0.1] = np.nan
    _, store = filled(tmp_path, values, width=64)
    for exact, error in ((True, 1e-12), (False, 1e-5)):
        one, _ = correlation_of(masked_products(store, device=CPU, exact=exact), 3)
        other, _ = correlation_of(masked_products(store, device=pick_device(), exact=exact), 3)
        np.testing.assert_allclose(one, other, atol=error, rtol=0)
