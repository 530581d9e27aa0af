"""Keys, duplicates, groups and extraction against slow second implementations."""

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from scripts.classification.duplicates import find_duplicates
from scripts.classification.extraction import extract
from scripts.classification.row_groups import components
from scripts.classification.text_keys import exact_keys, first_places, near_form, near_forms

LETTERS = "가각 aAß_-.,!㈜株ﬁＡ１²\u200b\x00\n$+\u0301İ"
few_texts = st.lists(st.text(st.sampled_from("ab"), max_size=2) | st.none(), max_size=30)


@given(few_texts)
def test_first_places_are_those_of_the_first_equal_text(texts):
    keys = exact_keys(pa.array(texts, pa.string()))
    known = np.array([text is not None for text in texts], bool)
    expected = [n if text is None else texts.index(text) for n, text in enumerate(texts)]
    assert first_places(keys, known).tolist() == expected


def test_keys_that_agree_in_one_half_only_are_different():
    keys = np.array([[1, 2], [1, 3], [4, 2], [1, 2], [4, 2]], np.uint64)
    assert first_places(keys, np.ones(5, bool)).tolist() == [0, 1, 2, 0, 2]


@given(st.lists(st.text(st.sampled_from(LETTERS) | st.characters(codec="utf-8"), max_size=8)))
@example(["Ａ-1", "a1", "", "...", "№"])
def test_near_forms_are_those_of_the_rule(texts):
    expected = [near_form(text) or None for text in texts]
    assert near_forms(pa.array(texts, pa.string())).to_pylist() == expected


def test_near_form_by_hand():
    assert near_form("㈜한빛 - Straße!") == "주한빛strasse"
    assert near_form("ABC 상사\u200b(주)") == near_form("abc상사 주") == "abc상사주"
    assert near_form("- . -") == ""


@given(st.lists(st.tuples(st.sampled_from(["", "t", "u", "v"]), st.integers(0, 2)), max_size=30))
def test_duplicates_are_those_of_plain_counting(rows):
    keys = exact_keys(pa.array([text for text, _ in rows], pa.string()))
    labels = np.array([label for _, label in rows], np.int32)
    found = find_duplicates(keys, labels, np.array([text != "" for text, _ in rows], bool))
    pairs = Counter(row for row in rows if row[0])
    labels_of = defaultdict(set)
    for text, label in pairs:
        labels_of[text].add(label)
    conflicting = {text for text, several in labels_of.items() if len(several) > 1}
    assert found.report("drop") == {
        "mode": "drop",
        "groups": sum(number > 1 for number in pairs.values()),
        "rows": sum(number for number in pairs.values() if number > 1),
        "dropped": sum(number - 1 for number in pairs.values()),
        "conflicting_groups": len(conflicting),
        "conflicting_rows": sum(text in conflicting for text, _ in rows),
    }
    assert found.report("group")["dropped"] == 0
    left_alone = found.links("off") == np.arange(len(rows))
    assert all(
        alone or text in conflicting for (text, _), alone in zip(rows, left_alone, strict=True)
    )


@st.composite
def linked(draw):
    size = draw(st.integers(1, 25))
    link = st.lists(st.integers(0, size - 1), min_size=size, max_size=size)
    return size, draw(st.lists(link, max_size=3))


@given(linked())
def test_groups_are_the_connected_components(case):
    size, links = case
    neighbours = defaultdict(set)
    for link in links:
        for member, other in enumerate(link):
            neighbours[member].add(other)
            neighbours[other].add(member)
    expected = [-1] * size
    for member in range(size):
        reached, waiting = set(), [member]
        while waiting:
            here = waiting.pop()
            if here not in reached:
                reached.add(here)
                waiting += neighbours[here]
        expected[member] = min(reached | {member})
    found = components(size, [np.array(link, np.int64) for link in links])
    assert found.tolist() == expected


def test_groups_along_a_chain_that_is_linked_from_its_end():
    size = 20_000
    link = np.minimum(np.arange(size) + 1, size - 1)
    assert not components(size, [link]).any()


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=8).filter(any),
    st.floats(0.01, 1.0),
    st.integers(0, 3),
)
@example([100, 1, 1, 1], 0.29, 0)
@example([7] * 5, 0.5, 0)
def test_extraction_is_stratified_within_one_row(counts, ratio, seed):
    names = [f"c{number}" for number in range(len(counts))]
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    labels = np.random.default_rng(seed).permutation(labels)
    rows = np.arange(labels.size, dtype=np.int64) * 2
    for stratified in (True, False):
        kept = extract(rows, labels, names, ratio=ratio, stratified=stratified, seed=seed)
        assert kept.sum() == round(ratio * labels.size)
    kept = extract(rows, labels, names, ratio=ratio, stratified=True, seed=seed)
    of_class = np.bincount(labels[kept], minlength=len(counts))
    assert (np.abs(of_class - ratio * np.array(counts)) < 1 + 1e-6).all()


def test_extraction_depends_on_seed_and_is_even_over_rows():
    rows = np.arange(2000, dtype=np.int64)
    labels = (rows % 2).astype(np.int32)
    chosen = [
        extract(rows, labels, ["a", "b"], ratio=0.25, stratified=True, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert (chosen[0] == chosen[1]).all() and (chosen[0] != chosen[2]).any()
    halves = chosen[0][:1000].sum(), chosen[0][1000:].sum()
    assert abs(halves[0] - 250) < 50 and sum(halves) == 500  # four standard deviations
