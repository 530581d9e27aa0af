"""What each check costs: against a plain recount, and in the order of the selection."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.corpus_tables import SCORES
from scripts.common.out_of_core import connect
from scripts.corpus.filter_costs import JudgedDocuments, load_attributes
from scripts.corpus.measure_fertility import distribution_of_ratios, ratio_interval
from tests.corpus.builders import write_rows
from tests.corpus.test_select_documents import (
    LIMITS,
    MLM_LIMITS,
    NO_OWN_LIMITS,
    document,
    select,
    tables,
)

CHEAP = ("too_short", "too_long", "few_sentences", "little_hangul", "many_symbols")
KIWI = ("few_proper_nouns", "many_proper_nouns", "pronoun")
# Of a failed analysis Kiwi's attributes are unknown; equal texts are dropped after all checks.
NO_CHECKS = {"analysis_failed", "exact_duplicate", "near_duplicate", "kept"}


def judge(folder, documents, *, limits=LIMITS, own=None):
    """Costs by source and check, documents by pronouns, and passing documents."""
    scores = [
        write_rows(
            folder / "judged" / source / "000.parquet",
            [
                {name: row[name] for name in SCORES.names if name in row}
                for row in ({"key": key, **row} for key, row in enumerate(documents))
                if row["source"] == source
            ],
            SCORES,
        )
        for source in ("news", "wire")
    ]
    sources = {name: {**NO_OWN_LIMITS, **(own or {}).get(name, {})} for name in ("news", "wire")}
    with connect(folder / "tmp", mem_mb=500, threads=1) as database:
        load_attributes(database, scores)
        judged = JudgedDocuments(database, limits, sources)
        costs = {
            (source, cost.check): cost for source, found in judged.costs().items() for cost in found
        }
        return costs, judged.pronouns(), judged.passing(), judged.passing(900)


def failing_checks(row, analysis, limits, own):
    """Every check that a document fails, and whether Kiwi's checks are known."""
    n = row["characters"]
    known = analysis["analysis"] == "analysed"
    found = set()
    if n == 0 or n < limits["min_characters"] or n < own["min_characters"]:
        found.add("too_short")
    if n > limits["max_characters"] or n > own["max_characters"]:
        found.add("too_long")
    if row["sentence_marks"] < limits["min_sentence_marks"]:
        found.add("few_sentences")
    if row["hangul_ratio"] < limits["min_hangul_ratio"]:
        found.add("little_hangul")
    if row["symbol_ratio"] > limits["max_symbol_ratio"]:
        found.add("many_symbols")
    if known and "min_nnp_ratio" in limits:
        if analysis["nnp_ratio"] < limits["min_nnp_ratio"]:
            found.add("few_proper_nouns")
        if analysis["nnp_ratio"] > limits["max_nnp_ratio"]:
            found.add("many_proper_nouns")
        if analysis["pronouns"] > limits["max_pronouns"]:
            found.add("pronoun")
    return found, known


@st.composite
def partly_analysed(draw):
    """Documents of two sources, of which some outside the cheap limits were not analysed."""
    rows, own, ranks, _ = draw(tables())
    outside = {}
    for row in rows:
        fails, _ = failing_checks(row, row, MLM_LIMITS, NO_OWN_LIMITS)
        if row["text_hash"] not in outside:
            outside[row["text_hash"]] = bool(fails) and draw(st.booleans())
        if outside[row["text_hash"]]:
            row |= {"nnp_ratio": None, "pronouns": None}
            row["analysis"] = "duplicate" if row["analysis"] == "duplicate" else "outside"
    return rows, own, ranks


@settings(max_examples=40, deadline=None)
@given(partly_analysed())
def test_costs_equal_a_plain_recount_and_the_selection(tmp_path_factory, table):
    rows, own, ranks = table
    folder = tmp_path_factory.mktemp("costs")
    costs, pronouns, passing, passing_900 = judge(folder, rows, own=own)
    analysed = {row["text_hash"]: row for row in rows if row["analysis"] != "duplicate"}
    expected: dict[str, Counter[tuple[str, str]]] = {
        name: Counter() for name in ("documents", "failing", "alone", "unknown")
    }
    by_pronouns: Counter[tuple[str, int]] = Counter()
    passed = passed_900 = 0
    for row in rows:
        source, analysis = row["source"], analysed[row["text_hash"]]
        fails, known = failing_checks(row, analysis, LIMITS, own[source])
        for check in (*CHEAP, *KIWI) if known else CHEAP:
            expected["documents"][source, check] += 1
        for check in fails:
            expected["failing"][source, check] += 1
        if len(fails) == 1:
            expected["alone" if known else "unknown"][source, *fails] += 1
        if known:
            by_pronouns[source, analysis["pronouns"]] += fails <= {"pronoun"}
            passed += not fails
            short = row["characters"] <= min(900, own[source]["max_characters"])
            passed_900 += fails <= {"too_long"} and short
    for (source, check), cost in costs.items():
        for name, counts in expected.items():
            assert getattr(cost, name) == counts[source, check], (name, source, check)
    assert dict.fromkeys(costs) == {(s, c): None for s in ("news", "wire") for c in (*CHEAP, *KIWI)}
    assert pronouns == sorted((*key, number) for key, number in by_pronouns.items() if number)
    assert (passing, passing_900) == (passed, passed_900)

    reasons = Counter(
        (row["source"], row["reason"].replace("empty", "too_short"))
        for row in select(folder, rows, ranks=ranks, own=own, order=["news", "wire"]).values()
    )
    first = {key: cost.first for key, cost in costs.items() if cost.first}
    assert first == {key: n for key, n in reasons.items() if key[1] not in NO_CHECKS}


def test_a_set_without_proper_noun_limits_knows_every_check(tmp_path):
    rows = [document("1", characters=10, analysis="outside", nnp_ratio=None, pronouns=None)]
    costs, pronouns, passing, _ = judge(tmp_path, rows, limits=MLM_LIMITS)
    assert {check for _, check in costs} == set(CHEAP)
    assert (costs["news", "too_short"].alone, costs["news", "too_short"].unknown) == (1, 0)
    assert (pronouns, passing) == ([], 0)


def test_without_a_pronoun_limit_there_is_no_such_check_but_the_documents_are_counted(tmp_path):
    rows = [document(str(n), pronouns=n // 2) for n in range(5)]
    costs, pronouns, passing, _ = judge(tmp_path, rows, limits=LIMITS | {"max_pronouns": None})
    assert ("news", "pronoun") not in costs
    assert pronouns == [("news", 0, 2), ("news", 1, 2), ("news", 2, 1)]
    assert passing == 5


def test_interval_of_the_ratio_by_hand():
    # Ratio 20/40 = 0.5; residuals -1 and 1; error sqrt(2 * 2 / 1) / 40 = 0.05.
    low, high = ratio_interval([4, 16], [10, 30])
    assert (low, high) == pytest.approx((0.5 - 1.959964 * 0.05, 0.5 + 1.959964 * 0.05))
    assert ratio_interval([5], [10]) == [0.5, 0.5]


def test_interval_holds_the_mean_of_the_population_about_95_times_in_100():
    import numpy as np

    dice = np.random.default_rng(5)
    population = dice.integers(100, 3000, 5000)
    tokens = np.round(population * dice.normal(0.5, 0.08, 5000)).astype(int)
    true, hits = tokens.sum() / population.sum(), 0
    for _ in range(300):
        drawn = dice.integers(0, 5000, 200)
        low, high = ratio_interval(tokens[drawn].tolist(), population[drawn].tolist())
        hits += low <= true <= high
    assert 0.90 <= hits / 300 <= 0.99


def test_distribution_of_ratios_counts_every_document_with_characters():
    found = distribution_of_ratios([0, 5, 6, 9], [0, 10, 10, 10])
    assert found["histogram"] == [[0.5, 0.52, 1], [0.6, 0.62, 1], [0.9, 0.92, 1]]
    assert found["quantiles"]["0.5"] == 0.6
