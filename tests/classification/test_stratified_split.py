"""Splits of any counts and group structures: stratified, whole groups, the same in any order."""

import itertools
import subprocess
import sys
from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from scripts.classification.cover_classes import cover_classes
from scripts.classification.own_groups import place_groups
from scripts.classification.split_quotas import quotas, split_shares
from scripts.classification.stratified_split import stratified_split
from scripts.common.errors import ConfigError

TRAIN, VALIDATION, TEST = range(3)
sizes = st.one_of(
    st.sampled_from([(0.2, 0.1), (0.3, 0.1), (0.5, 0.25), (0.000001, 0.0000001)]),
    st.sampled_from([(0.999999, 0.1), (0.999999, 0.999998), (0.34, 0.33)]),
    st.tuples(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: (max(pair), min(pair))),
)


def split(rows, shares=(0.2, 0.1), seed=42, train_only=()):
    """Splits of rows (class, group); the result and, for each class, its groups by split."""
    classes = 1 + max((label for label, _ in rows), default=0)
    found = stratified_split(
        np.array([label for label, _ in rows], np.int32),
        np.array([group for _, group in rows], np.int64),
        np.array([label in train_only for label, _ in rows], bool),
        keys=[f"c{label}" for label in range(classes)],
        shares=split_shares(*shares),
        seed=seed,
    )
    where: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for (label, group), code in zip(rows, found.splits.tolist(), strict=True):
        where[label][code].add(group)
    return found, where


def rows_of_counts(counts):
    """Rows without groups: each is its own."""
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    return [(label, group) for group, label in enumerate(labels)]


def count_by_split(rows, found, label):
    codes = [c for (one, _), c in zip(rows, found.splits.tolist(), strict=True) if one == label]
    return [codes.count(code) for code in (TRAIN, VALIDATION, TEST)]


# Counts without groups


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(
        st.one_of(st.integers(1, 4), st.integers(1, 60), st.just(997)), min_size=1, max_size=12
    ),
    shares=sizes,
    seed=st.integers(0, 3),
)
@example(counts=[1], shares=(0.2, 0.1), seed=0)
@example(counts=[1] * 12, shares=(0.2, 0.1), seed=0)
@example(counts=[1, 2, 3], shares=(0.999999, 0.999998), seed=0)
@example(counts=[3, 10, 15, 25, 44], shares=(0.2, 0.1), seed=0)
def test_rows_of_every_class_are_shared_out_within_one_row(counts, shares, seed):
    rows = rows_of_counts(counts)
    found, _ = split(rows, shares, seed=seed)
    train, validation, test = (float(share) for share in split_shares(*shares))
    for label, count in enumerate(counts):
        here = count_by_split(rows, found, label)
        if count == 1:
            assert here == [1, 0, 0]
        elif count == 2:
            assert here == [1, 0, 1]
        else:
            assert min(here) >= 1 and sum(here) == count
            raised = [n for n, share in zip(here, (train, validation, test), strict=True) if n == 1]
            for n, share in zip(here, (train, validation, test), strict=True):
                # Beyond the minimum of one row; what others were given above their shares, at most
                # a row each, may be lacking here.
                assert n == 1 or n < count * share + 1
                assert n > count * share - 1 - len(raised)
            if min(count * share for share in (train, validation, test)) >= 1:
                for n, share in zip(here, (train, validation, test), strict=True):
                    assert abs(n - count * share) < 1


def largest_remainder(rows, shares):
    """Hare quota by hand, on fractions, each split with its due, then one row at a time."""
    due = [int(rows * share) for share in shares]
    for _ in range(rows - sum(due)):
        lacking = [rows * share - given for share, given in zip(shares, due, strict=True)]
        due[max(range(3), key=lambda code: (lacking[code], -code))] += 1
    return due


@given(rows=st.integers(10, 5000), shares=sizes)
def test_quotas_are_largest_remainders_where_every_split_has_a_row(rows, shares):
    exact = split_shares(*shares)
    found = quotas(rows, exact, [0, 1, 2], [0, 1, 2])
    if all(rows * share >= 1 for share in exact):
        assert found == largest_remainder(rows, exact)
    assert sum(found) == rows and min(found) >= 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (3, [1, 1, 1]),
        (5, [3, 1, 1]),
        (10, [8, 1, 1]),
        (14, [11, 2, 1]),
        (100, [80, 10, 10]),
        (44_098, [35_278, 4_410, 4_410]),
    ],
)
def test_quotas_of_the_default_shares_by_hand(rows, expected):
    assert quotas(rows, split_shares(0.2, 0.1), [0, 1, 2], [0, 1, 2]) == expected


def test_shares_are_the_decimals_as_written():
    assert split_shares(0.3, 0.1) == (Fraction(7, 10), Fraction(1, 10), Fraction(2, 10))


@pytest.mark.parametrize(
    ("test_size", "val_size"),
    [(0.2, 0.2), (0.1, 0.2), (1.0, 0.1), (0.2, 0.0), (0.2, -0.1), (float("nan"), 0.1)],
)
def test_shares_that_leave_a_split_nothing_are_refused(test_size, val_size):
    with pytest.raises(ConfigError, match="val_size"):
        split_shares(test_size, val_size)


def test_equal_remainders_favour_no_split():
    """Of classes of 14 rows, half give the odd row to validation and half to test."""
    rows = rows_of_counts([14] * 200)
    found, _ = split(rows)
    totals = np.bincount(found.splits)
    assert totals[TRAIN] == 200 * 11
    assert 270 <= totals[VALIDATION] <= 330


# Groups of one class


groups_of_class = st.lists(st.one_of(st.just(1), st.integers(1, 5), st.just(50)), max_size=8)


@settings(max_examples=150, deadline=None)
@given(structure=st.lists(groups_of_class, min_size=1, max_size=6).filter(any), shares=sizes)
@example(structure=[[1000]], shares=(0.2, 0.1))
@example(structure=[[1000, 1, 1]], shares=(0.2, 0.1))
@example(structure=[[500, 500, 1], [7, 7, 7, 7, 7]], shares=(0.2, 0.1))
@example(structure=[[3, 400]], shares=(0.999999, 0.1))
def test_whole_groups_are_shared_out_within_one_group(structure, shares):
    rows, group = [], 0
    for label, groups in enumerate(structure):
        for size in groups:
            rows += [(label, group)] * size
            group += 1
    # The last class has rows, so that there are as many classes as the structure says.
    rows += [(len(structure), group + extra) for extra in range(3)]
    found, where = split(rows, shares)
    size_of_group = Counter(group for _, group in rows)
    for label, groups in enumerate(structure):
        splits_of = {TRAIN, TEST, VALIDATION} if len(groups) >= 3 else {TRAIN, TEST}
        here = {code for code in range(3) if where[label][code]}
        assert here == (splits_of if len(groups) >= 2 else {TRAIN} if groups else set())
        for code in here:
            mine = sorted(size_of_group[group] for group in where[label][code])
            assert len(mine) == 1 or sum(mine) - mine[0] < found.owed[label][code]
        if all(len(where[label][code]) > 1 for code in range(3)):
            counts = np.array(count_by_split(rows, found, label))
            assert (np.abs(counts - found.owed[label]) < max(groups)).all()


@settings(max_examples=200, deadline=None)
@given(
    groups=st.lists(st.integers(1, 9), min_size=3, max_size=7),
    shares=st.sampled_from([(0.2, 0.1), (0.5, 0.25), (0.6, 0.5)]),
)
def test_placing_is_near_the_best_of_all_ways(groups, shares):
    """No placing of whole groups is nearer to what is owed by more than the largest group."""
    owed = quotas(sum(groups), split_shares(*shares), [0, 1, 2], [0, 1, 2])

    def error(placed):
        rows = np.bincount(placed, groups, minlength=3)
        return np.abs(rows - owed).max()

    found = place_groups(np.array(groups), owed, [0, 1, 2], [0, 2, 1])
    assert set(found.tolist()) == {0, 1, 2}
    best = min(
        error(way) for way in itertools.product(range(3), repeat=len(groups)) if len(set(way)) == 3
    )
    assert error(found) - best <= max(groups)


# Groups of several classes


@st.composite
def any_groups(draw, classes=5, groups=7):
    """Rows in groups that may hold several classes, and classes for train only."""
    rows = []
    for group in range(draw(st.integers(1, groups))):
        for label in draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=4)):
            rows += [(label, group)] * draw(st.sampled_from([1, 1, 2, 20]))
    present = sorted({label for label, _ in rows})
    renamed = {label: number for number, label in enumerate(present)}
    rows = [(renamed[label], group) for label, group in rows]
    train_only = draw(st.sets(st.integers(0, len(present) - 1), max_size=1))
    return draw(st.permutations(rows)), train_only


def lacking(groups, labels_of, way, train_only):
    """Classes of three groups or more, times splits that they lack; None if a rule is broken."""
    count = 0
    for label in {label for labels in labels_of.values() for label in labels}:
        mine = [group for group in groups if label in labels_of[group]]
        here = {way[group] for group in mine}
        if TRAIN not in here:
            return None
        if label in train_only or len(mine) == 1:
            if here != {TRAIN}:
                return None
        elif len(mine) == 2:
            if VALIDATION in here:
                return None
            count += TEST not in here
        else:
            count += 3 - len(here)
    return count


@settings(max_examples=120, deadline=None)
@given(drawn=any_groups(), shares=sizes)
def test_as_many_classes_as_possible_stand_in_every_split(drawn, shares):
    """Against all ways to colour the groups: no rule is broken, and no way covers more."""
    rows, train_only = drawn
    found, _ = split(rows, shares, train_only=train_only)
    labels_of = defaultdict(set)
    for label, group in rows:
        labels_of[group].add(label)
    groups = sorted(labels_of)
    way: dict[int, int] = {}
    for (_, group), code in zip(rows, found.splits.tolist(), strict=True):
        assert way.setdefault(group, code) == code  # no group is divided
    ours = lacking(groups, labels_of, way, train_only)
    assert ours is not None
    others = (
        lacking(groups, labels_of, dict(zip(groups, codes, strict=True)), train_only)
        for codes in itertools.product(range(3), repeat=len(groups))
    )
    best = min(count for count in others if count is not None)
    event("every class covered" if best == 0 else "some class cannot be covered")
    assert ours == best


def test_a_class_that_shares_all_its_groups_is_in_all_splits():
    """The case that assigning shared groups to train would lose."""
    rows = [(label, group) for group in range(30) for label in (0, 1)]
    rows += [(2, 100 + group) for group in range(10)]
    found, where = split(rows)
    assert found.shared_groups == 30 and found.own_groups.tolist() == [0, 0, 10]
    for label in range(3):
        assert all(where[label][code] for code in range(3))
    assert count_by_split(rows, found, 0) == [24, 3, 3]


def test_sentences_of_many_classes_keep_their_shares():
    """Groups such as sentences, nearly all of several classes with a long tail."""
    chance = np.random.default_rng(1)
    weights = 1 / np.arange(1, 41) ** 1.3
    rows = [
        (label, group)
        for group in range(1500)
        for label in chance.choice(40, chance.integers(1, 6), p=weights / weights.sum()).tolist()
    ]
    present = sorted({label for label, _ in rows})
    rows = [(present.index(label), group) for label, group in rows]
    found, _ = split(rows)
    shares = np.bincount(found.splits) / len(rows)
    assert np.abs(shares - [0.8, 0.1, 0.1]).max() < 0.01
    for label in range(len(present)):
        counts = np.array(count_by_split(rows, found, label))
        if found.groups_of_class[label] >= 3:
            assert (counts > 0).all()
        assert np.abs(counts - found.owed[label]).max() <= max(3, 0.05 * counts.sum())


def test_an_uncovered_class_is_covered_by_a_chain_of_moves():
    """Class 0 can only enter validation if class 1 gives up a group there, and so on."""
    from scripts.classification.shared_groups import SharedGroups

    members = [(0, 1), (0, 1), (0, 2), (1, 2), (2, 3), (3, 0)]
    groups = SharedGroups(
        starts=np.arange(0, 13, 2),
        classes=np.array([label for pair in members for label in pair]),
        rows=np.ones(12, np.int64),
    )
    found = cover_classes(
        groups,
        np.zeros(6, np.int8),
        np.ones((6, 3), bool),
        np.array([3, 3, 3, 2]),
        np.zeros(4, int),
    )
    for label in range(3):
        assert {found[number] for number, pair in enumerate(members) if label in pair} == {0, 1, 2}


# Order and repetition


@settings(max_examples=60, deadline=None)
@given(drawn=any_groups(classes=4, groups=12), chance=st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(drawn, chance):
    rows, train_only = drawn
    found, _ = split(rows, train_only=train_only)
    order = list(range(len(rows)))
    chance.shuffle(order)
    again, _ = split([rows[place] for place in order], train_only=train_only)
    assert again.splits.tolist() == found.splits[order].tolist()


def test_the_seed_decides_and_a_new_class_changes_no_other():
    rows = rows_of_counts([50, 30])
    found, _ = split(rows)
    assert split(rows, seed=42)[0].splits.tolist() == found.splits.tolist()
    assert split(rows, seed=43)[0].splits.tolist() != found.splits.tolist()
    more, _ = split([*rows, *((2, 1000 + extra) for extra in range(9))])
    assert more.splits[:80].tolist() == found.splits.tolist()


PRINT_SPLITS = """
import numpy as np
from scripts.classification.split_quotas import split_shares
from scripts.classification.stratified_split import stratified_split
rows = [(label, group % (30 + label)) for label in range(6) for group in range(5 + 40 * label)]
labels, groups = np.array(rows).T
found = stratified_split(labels, groups, labels == 0, keys=list("abcdef"),
    shares=split_shares(0.2, 0.1), seed=1)
print("".join(map(str, found.splits.tolist())))
"""


def test_the_hash_seed_does_not_matter():
    printed = {
        subprocess.run(
            [sys.executable, "-c", PRINT_SPLITS],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ".", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(printed) == 1 and "2" in printed.pop()
