"""Speed of pass 4's pair measures against the forms that take one pair at a time, on one thread.

nHSIC against all exact pairs in numpy (centred kernels of all columns held in memory, so that each
is made once), RDC against the plain form (random sine features drawn per pair, ranks and canonical
correlation pair by pair; Lopez-Paz et al. 2013). Equality is checked in the same run: nHSIC within
0.005 of the exact statistic, RDC within 1e-4 of a pair-by-pair computation with the same features.
How far two seeds of the plain form differ is shown beside it. Processor time is compared, so that
other work on the machine does not count. The goal is a factor of 100 for each.

hyppo's Hsic takes a drawn sample of the pairs: its biased statistic, with the same kernel on the
same normal scores, is the root of nHSIC. The goal is a factor of 10,000 a pair. `make bench-setup`
installs it; `--hyppo-pairs 0` does without.

The products of a larger table are compared with bare products of the same tiles.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_dependence
"""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import tyro
from scipy.stats import rankdata

from scripts.descriptors.dependence import COLUMNS_PER_TILE, measure_pairs
from scripts.descriptors.feature_store import CHUNK_ROWS
from scripts.descriptors.features import trapezoid_basis
from scripts.descriptors.pair_measures import Measure, nhsic, rdc
from scripts.descriptors.ranks import mid_ranks, normal_scores
from scripts.descriptors.score_store import HeldScores
from tests.benchmarks.processor_time import repeated, require_one_thread, timed
from tests.descriptors.pair_references import (
    canonical_correlation,
    centred_kernel,
    exact_nhsic,
    trapezoid,
)

GOAL, GOAL_AGAINST_HYPPO, GOAL_OF_PRODUCTS = 100.0, 1e4, 1.5
NHSIC_TOLERANCE, RDC_TOLERANCE = 0.005, 1e-4
HYPPO_TOLERANCE = 1e-9  # of its statistic squared, to the exact one
RANDOM_FEATURES, RANDOM_SCALE = 20, 1 / 6  # of the published form


def main(
    *,
    rows: int = 2000,
    columns: int = 64,
    large_rows: int = 65_536,
    large_columns: int = 256,
    hyppo_pairs: int = 40,
    rounds: int = 3,
    table: Path | None = None,
) -> None:
    """Measure and print the rates.

    Args:
        rows: rows of the compared table; the exact form takes rows² times columns doubles.
        columns: its columns.
        large_rows: rows of the table whose products are compared with bare ones.
        large_columns: its columns.
        hyppo_pairs: pairs that hyppo measures, none where 0.
        rounds: how often each batched form runs.
        table: where the Markdown goes as well.
    """
    require_one_thread()
    values = _values(rows, columns)
    exact, exact_seconds = timed(lambda: _exact_pairs(values))
    plain, plain_seconds = timed(lambda: _plain_pairs(values, seed=0))
    other, _ = timed(lambda: _plain_pairs(values, seed=1))
    ours = {
        name: repeated(partial(_batched, values, name), rounds) for name in ("hsic", "rdc", "both")
    }
    same = _same_features(values)
    products = _products(large_rows, large_columns)
    upper = np.triu_indices(columns, 1)
    per_pair = ours["hsic"][1] / len(upper[0])
    hyppo = _hyppo_pairs(values, exact, per_pair, hyppo_pairs) if hyppo_pairs else []
    nhsic_error = np.abs(ours["hsic"][0]["hsic"] - exact)[upper].max()
    rdc_error = np.abs(ours["rdc"][0]["rdc"] - same)[upper].max()
    if nhsic_error > NHSIC_TOLERANCE or rdc_error > RDC_TOLERANCE:
        raise RuntimeError(
            f"the forms disagree: nHSIC by {nhsic_error:.4f}, RDC by {rdc_error:.6f}"
        )
    pairs = len(upper[0])
    noise = np.abs(plain - other)[upper]
    rows_of_table = [
        _row("nHSIC, exact pairs in numpy", exact_seconds, pairs, None),
        _row("nHSIC, batched", ours["hsic"][1], pairs, exact_seconds),
        _row("RDC, plain per pair", plain_seconds, pairs, None),
        _row("RDC, batched", ours["rdc"][1], pairs, plain_seconds),
        _row("both, batched", ours["both"][1], pairs, exact_seconds + plain_seconds),
    ]
    text = "\n".join(
        [
            f"{rows:,} rows, {columns} columns, {pairs:,} pairs, one thread, processor seconds, "
            "ranking included.",
            "",
            "| form | s | µs per pair | times faster |",
            "|---|---:|---:|---:|",
            *rows_of_table,
            "",
            f"- Largest |ΔnHSIC| to the exact statistic: {nhsic_error:.5f} (allowed "
            f"{NHSIC_TOLERANCE}).",
            f"- Largest |ΔRDC| to pair-by-pair with the same features: {rdc_error:.1e} (allowed "
            f"{RDC_TOLERANCE:.0e}).",
            f"- Two seeds of the plain form differ by {noise.mean():.3f} on average and "
            f"{noise.max():.3f} at most; the batched form has no seed.",
            f"- Goal of {GOAL:.0f} times: nHSIC "
            f"{_verdict(exact_seconds / ours['hsic'][1] >= GOAL)}, RDC "
            f"{_verdict(plain_seconds / ours['rdc'][1] >= GOAL)}.",
            *hyppo,
            products,
            "",
        ]
    )
    print(text)
    if table is not None:
        table.write_text(text, encoding="utf-8")


def _values(rows: int, columns: int) -> np.ndarray:
    """Columns of which every third is a noisy square or wave of the one before, others mixed."""
    generator = np.random.default_rng(0)
    values = generator.standard_normal((rows, columns))
    mixing = generator.standard_normal((columns, columns)) / columns
    values = values @ (np.eye(columns) + mixing)
    noise = 0.2 * generator.standard_normal((rows, columns))
    values[:, 1::3] = values[:, 0::3][:, : values[:, 1::3].shape[1]] ** 2 + noise[:, 1::3]
    values[:, 2::6] = np.round(values[:, 2::6])
    return values


def _scores(values: np.ndarray) -> np.ndarray:
    return np.stack([normal_scores(mid_ranks(column)) for column in values.T], axis=1)


def _batched(values: np.ndarray, wanted: str) -> dict[str, np.ndarray]:
    measures: dict[str, Measure] = {"hsic": nhsic, "rdc": rdc}
    if wanted != "both":
        measures = {wanted: measures[wanted]}
    store = HeldScores(_scores(values))
    return measure_pairs(store, trapezoid_basis(), measures, min_overlap=100, memory_mb=2000).values


def _exact_pairs(values: np.ndarray) -> np.ndarray:
    kernels = [centred_kernel(scores) for scores in _scores(values).T]
    return _all_pairs(len(kernels), lambda one, other: exact_nhsic(kernels[one], kernels[other]))


def _plain_pairs(values: np.ndarray, *, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return _all_pairs(
        values.shape[1],
        lambda one, other: _plain_rdc(values[:, one], values[:, other], generator),
    )


def _plain_rdc(x: np.ndarray, y: np.ndarray, generator: np.random.Generator) -> float:
    sides = []
    for values in (x, y):
        copula = np.stack([rankdata(values) / len(values), np.ones(len(values))], axis=1)
        weights = generator.standard_normal((2, RANDOM_FEATURES)) * RANDOM_SCALE / 2
        features = np.sin(copula @ weights)
        sides.append(features - features.mean(axis=0))
    orthonormal = [np.linalg.qr(side)[0] for side in sides]
    return float(np.linalg.svd(orthonormal[0].T @ orthonormal[1], compute_uv=False)[0])


def _same_features(values: np.ndarray) -> np.ndarray:
    features = [trapezoid(scores) for scores in _scores(values).T]
    return _all_pairs(
        len(features), lambda one, other: canonical_correlation(features[one], features[other])
    )


def _all_pairs(columns: int, measure: Callable[[int, int], float]) -> np.ndarray:
    found = np.eye(columns)
    for one in range(columns):
        for other in range(one):
            found[one, other] = found[other, one] = measure(one, other)
    return found


def _hyppo_pairs(
    values: np.ndarray, exact: np.ndarray, seconds_per_pair: float, pairs: int
) -> list[str]:
    """Compare a drawn sample of pairs with hyppo."""
    from hyppo.independence import Hsic

    statistic = Hsic(bias=True, gamma=0.5).statistic  # exp(-d²/2): sigma = 1
    scores, columns = _scores(values), values.shape[1]
    first, second = np.triu_indices(columns, 1)
    drawn = np.random.default_rng(2).permutation(len(first))[:pairs]
    statistic(scores[:20, :1], scores[:20, 1:2])  # not counted: compiles
    found, seconds = timed(
        lambda: [statistic(scores[:, [first[k]]], scores[:, [second[k]]]) for k in drawn]
    )
    error = np.abs(np.square(found) - exact[first[drawn], second[drawn]]).max()
    if error > HYPPO_TOLERANCE:
        raise RuntimeError(f"hyppo's squared statistic differs from the exact nHSIC by {error:.1e}")
    times = seconds / len(drawn) / seconds_per_pair
    return [
        f"- hyppo {version('hyppo')}, {len(drawn)} drawn pairs: {seconds:.1f} s, "
        f"{seconds / len(drawn) * 1e6:,.0f} µs a pair; nHSIC batched takes a pair {times:,.0f} "
        f"times faster (goal {GOAL_AGAINST_HYPPO:,.0f}: {_verdict(times >= GOAL_AGAINST_HYPPO)}); "
        f"its statistic squared is the exact nHSIC within {error:.1e}."
    ]


def _products(rows: int, columns: int) -> str:
    """Compare the sums of a table with bare products of as many tiles of the same shape."""
    scores = np.random.default_rng(1).standard_normal((rows, columns)).astype(np.float32)
    basis, store = trapezoid_basis(), HeldScores(scores)
    _, ours = timed(lambda: measure_pairs(store, basis, {}, min_overlap=100, memory_mb=4000))
    tiles = -(-columns // COLUMNS_PER_TILE["cpu"])
    width = COLUMNS_PER_TILE["cpu"] * basis.size
    one, other = torch.randn(2, width, CHUNK_ROWS)

    def bare() -> None:
        for _ in range(tiles * (tiles + 1) // 2 * -(-rows // CHUNK_ROWS)):
            _ = one @ other.T

    _, least = timed(bare)
    rate = tiles * (tiles + 1) / 2 * 2 * width**2 * rows / least / 1e9
    return (
        f"- Products of {rows:,} rows x {columns} columns: {ours:.1f} s, bare products of the same "
        f"tiles {least:.1f} s ({rate:.0f} GFLOP/s): {ours / least:.2f} times (goal "
        f"{GOAL_OF_PRODUCTS}: {_verdict(ours / least <= GOAL_OF_PRODUCTS)})."
    )


def _row(name: str, seconds: float, pairs: int, peer: float | None) -> str:
    faster = "" if peer is None else f"{peer / seconds:,.0f}"
    return f"| {name} | {seconds:.3f} | {seconds / pairs * 1e6:,.1f} | {faster} |"


def _verdict(met: bool) -> str:
    return "met" if met else "not met"


if __name__ == "__main__":
    tyro.cli(main)
