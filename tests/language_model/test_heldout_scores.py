"""Intervals of held-out loss and pseudo-perplexity: by hand, and by a slow direct bootstrap."""

import math
from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.errors import InputError, IntegrityError
from scripts.common.tables import table_of_rows, write_table
from scripts.language_model.bootstrap import bootstrap_ratios
from scripts.language_model.heldout_scores import HeldoutTable, heldout_draws, read_heldout
from scripts.language_model.tables import HELDOUT_SCORES

Documents = list[tuple[float, int]]  # sum of -log p, number of tokens


def row(doc_id: str, total: float, tokens: int, **given: Any) -> dict[str, Any]:
    return {
        "doc_id": doc_id,
        "half": "validation",
        "loss_sum": total,
        "loss_tokens": tokens,
        "sentence_sum": total,
        "sentence_tokens": tokens,
    } | given


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    write_table(path, table_of_rows(rows, HELDOUT_SCORES), HELDOUT_SCORES)
    return path


def read(folder: Path, *checkpoints: list[dict[str, Any]]) -> HeldoutTable:
    paths = [write(folder / f"{place}.parquet", rows) for place, rows in enumerate(checkpoints)]
    return read_heldout(paths, [f"mlm@{place}.0" for place in range(len(paths))])


def slow_interval(documents: Documents, *, resamples: int = 4000) -> tuple[float, float]:
    """Documents drawn one by one, sums added up, other random numbers."""
    generator = np.random.default_rng(17)
    found = []
    for _ in range(resamples):
        drawn = [documents[i] for i in generator.integers(0, len(documents), len(documents))]
        found.append(sum(total for total, _ in drawn) / sum(tokens for _, tokens in drawn))
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def planted(number: int, seed: int) -> Documents:
    generator = np.random.default_rng(seed)
    tokens = generator.integers(1, 90, number)
    level = generator.normal(4.0, 0.8, number)
    return [(float(n * x), int(n)) for n, x in zip(tokens, level, strict=True)]


def test_every_resample_of_three_documents_by_hand() -> None:
    """Sums 3, 8, 10 over 1, 2, 5 tokens: 21 / 8, and 27 equally likely resamples."""
    documents: Documents = [(3.0, 1), (8.0, 2), (10.0, 5)]
    expected: dict[float, float] = defaultdict(float)
    for drawn in product(documents, repeat=3):
        ratio = sum(total for total, _ in drawn) / sum(tokens for _, tokens in drawn)
        expected[round(ratio, 9)] += 1 / 27
    draws = bootstrap_ratios(
        np.array([[total] for total, _ in documents]),
        np.array([tokens for _, tokens in documents]),
        resamples=40_000,
        seed=3,
        purpose="test",
    )
    assert draws.values[0] == 21 / 8
    found = dict(zip(*np.unique(draws.resampled[:, 0].round(9), return_counts=True), strict=True))
    assert set(found) == set(expected)
    for value, share in expected.items():
        assert found[value] / 40_000 == pytest.approx(share, abs=0.01)


def test_the_interval_is_that_of_a_slow_bootstrap(tmp_path: Path) -> None:
    documents = planted(60, 1)
    rows = [row(f"d{i:02d}", *one) for i, one in enumerate(documents)]
    draws = heldout_draws(read(tmp_path, rows), "all", resamples=4000, seed=1)
    low, high = slow_interval(documents)
    mean = math.fsum(total for total, _ in documents) / sum(tokens for _, tokens in documents)
    loss, perplexity = draws["loss"].estimate(0), draws["pseudo_perplexity"].estimate(0)
    assert (loss.items, loss.documents) == (sum(n for _, n in documents), 60)
    assert loss.value == pytest.approx(mean)
    assert loss.low == pytest.approx(low, abs=0.06 * (high - low))
    assert loss.high == pytest.approx(high, abs=0.06 * (high - low))
    assert perplexity.value == pytest.approx(math.exp(mean))
    assert perplexity.low == pytest.approx(math.exp(low), rel=0.06 * (high - low))
    assert perplexity.high == pytest.approx(math.exp(high), rel=0.06 * (high - low))
    # Tokens of a document go together: one by one they would promise too much.
    spread = [total / tokens for total, tokens in documents for _ in range(tokens)]
    assert high - low > 2 * 1.96 * 2 * np.std(spread) / math.sqrt(len(spread))


def test_a_difference_is_paired_by_document(tmp_path: Path) -> None:
    one, noise = planted(60, 1), np.random.default_rng(4).normal(-0.1, 0.05, 60)
    other = [(total + n * step, n) for (total, n), step in zip(one, noise, strict=True)]
    tables = ([row(f"d{i:02d}", *x) for i, x in enumerate(some)] for some in (one, other))
    draws = heldout_draws(read(tmp_path, *tables), "all", resamples=4000, seed=1)["loss"]
    found = draws.difference(1, 0)
    change = [(second - first, n) for (first, n), (second, _) in zip(one, other, strict=True)]
    low, high = slow_interval(change)
    assert found.low == pytest.approx(low, abs=0.06 * (high - low))
    assert found.high == pytest.approx(high, abs=0.06 * (high - low))
    assert not found.within_noise
    apart = [draws.estimate(place) for place in (0, 1)]
    assert (apart[1].high or 0) > (apart[0].low or 0)  # unpaired they overlap


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.0, 1e6), st.integers(0, 10**6)).filter(lambda one: one[1] > 0),
        min_size=2,
        max_size=30,
    ),
    st.integers(1, 9),
)
def test_a_checkpoint_differs_from_itself_by_exactly_nothing(
    documents: Documents, others: int
) -> None:
    sums = np.array([total for total, _ in documents])
    strangers = np.random.default_rng(others).random((len(documents), others))
    table = HeldoutTable(
        names=tuple(f"mlm@{place}.0" for place in range(others + 2)),
        halves=np.asarray(["test"] * len(documents)),
        totals=dict.fromkeys(
            ("loss", "pseudo_perplexity"), np.column_stack([sums, strangers, sums])
        ),
        tokens=dict.fromkeys(
            ("loss", "pseudo_perplexity"), np.array([tokens for _, tokens in documents])
        ),
    )
    draws = heldout_draws(table, "test", resamples=50, seed=1)["loss"]
    same = draws.difference(0, others + 1)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_a_large_perplexity_differs_from_itself_by_exactly_nothing(tmp_path: Path) -> None:
    rows = [
        row(f"d{i:02d}", 2.7 * total, tokens) for i, (total, tokens) in enumerate(planted(99, 2))
    ]
    others = [
        [one | {"sentence_sum": 1.1 * one["sentence_sum"] + place} for one in rows]
        for place in range(7)
    ]
    draws = heldout_draws(read(tmp_path, rows, *others, rows), "all", resamples=999, seed=1)
    same = draws["pseudo_perplexity"].difference(0, 8)
    assert draws["pseudo_perplexity"].values[0] > 10_000
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_a_perplexity_beyond_all_numbers_is_none(tmp_path: Path) -> None:
    """A diverged model: 800 nats a token. The loss is told all the same, and the other model."""
    rows = [row("a", 2.0, 1), row("b", 9.0, 3)]
    diverged = [one | {"loss_sum": 800.0, "sentence_sum": 3200.0} for one in rows]
    draws = heldout_draws(read(tmp_path, rows, diverged), "all", resamples=50, seed=1)
    assert math.isnan(draws["pseudo_perplexity"].values[1])
    assert draws["loss"].values[1] == 400.0
    assert np.isfinite(draws["pseudo_perplexity"].resampled[:, 0]).all()


def test_halves_and_documents_without_a_sentence(tmp_path: Path) -> None:
    rows = [
        row("a", 2.0, 1, half="validation"),
        row("b", 9.0, 3, half="test"),
        row("c", 5.0, 2, half="test", sentence_sum=0.0, sentence_tokens=0),
    ]
    table = read(tmp_path, rows)
    found = {
        (half, metric): draws.estimate(0)
        for half in ("all", "validation", "test")
        for metric, draws in heldout_draws(table, half, resamples=200, seed=1).items()
    }
    assert found["all", "loss"].value == 16 / 6 and found["test", "loss"].value == 14 / 5
    assert found["test", "loss"].documents == 2
    # One document gives a value and no interval.
    alone = found["test", "pseudo_perplexity"]
    assert (alone.documents, alone.low, alone.high) == (1, None, None)
    assert alone.value == pytest.approx(math.exp(3.0))
    assert found["all", "pseudo_perplexity"].value == pytest.approx(math.exp(11 / 4))
    none = [one | {"sentence_sum": 0.0, "sentence_tokens": 0} for one in rows]
    draws = heldout_draws(read(tmp_path, none), "all", resamples=50, seed=1)
    assert np.isnan(draws["pseudo_perplexity"].values).all()


def test_the_order_of_documents_in_the_files_does_not_matter(tmp_path: Path) -> None:
    rows = [row(f"d{i}", *one) for i, one in enumerate(planted(9, 3))]
    one, other = (
        heldout_draws(read(tmp_path, some), "all", resamples=99, seed=1)["loss"]
        for some in (rows, rows[::-1])
    )
    assert np.array_equal(one.resampled, other.resampled)


def test_other_text_and_empty_tables_are_refused(tmp_path: Path) -> None:
    rows = [row("a", 2.0, 1), row("b", 9.0, 3)]
    for other in (rows[:1], [rows[0], row("c", 9.0, 3)], [rows[0], row("b", 9.0, 4)]):
        with pytest.raises(IntegrityError, match=r"1\.parquet was scored on other held-out text"):
            read(tmp_path, rows, other)
    with pytest.raises(IntegrityError, match="holds a document twice"):
        read(tmp_path, [rows[0], rows[0]])
    with pytest.raises(InputError, match="no held-out text was scored"):
        read(tmp_path, [])
    with pytest.raises(IntegrityError, match="1 tables of held-out text for 2 checkpoints"):
        read_heldout([write(tmp_path / "x.parquet", rows)], ["mlm@0.0", "mlm@0.5"])
