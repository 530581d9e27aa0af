"""The embedded ledger: long-tailed, deterministic, and its planted faults are where it says."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.classification.generate_rows import generate, run
from scripts.classification.tables import GENERATED, PLANTED
from scripts.classification.zipf_counts import zipf_counts
from scripts.common.errors import ConfigError
from scripts.common.tables import read_table


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """The default's rows, and the rows of each fault, read back from the tables."""
    folder = tmp_path_factory.mktemp("ledger")
    paths = folder / "rows.parquet", folder / "planted.parquet"
    run(*paths, rows=6000, classes=210, seed=42)
    rows = read_table(paths[0], GENERATED).to_pylist()
    planted = defaultdict(set)
    for row in read_table(paths[1], PLANTED).to_pylist():
        planted[row["fault"]].add(row["row"])
    return rows, planted


def contents(row):
    return row["posted"], row["amount"], row["counterparty"], row["memo"]


def is_blank(row):
    return not (row["memo"] or "").strip() and not (row["counterparty"] or "").strip()


def rows_by_contents(rows):
    found = defaultdict(list)
    for number, row in enumerate(rows):
        if not is_blank(row):
            found[contents(row)].append(number)
    return found


def test_default_is_long_tailed_with_singletons(ledger):
    rows, _ = ledger
    counts = Counter(row["acct_code"] for row in rows if row["acct_code"])
    sizes = np.array(sorted(counts.values(), reverse=True))
    assert len(rows) == 6000 and sizes.size == 210
    assert sizes[0] > 1000 * sizes[-1] and sizes[-1] == 1
    # Zipf: logarithms of rank and size are on a line; its slope is the exponent.
    upper = slice(0, 60)
    slope, _ = np.polyfit(np.log(np.arange(1, 211)[upper]), np.log(sizes[upper]), 1)
    assert -1.3 < slope < -0.9
    assert (sizes >= 10).sum() > 80


def test_each_fault_is_where_the_table_says_and_nowhere_else(ledger):
    """All but label noise can be found from the rows alone, without error."""
    rows, planted = ledger
    counts = Counter(row["acct_code"] for row in rows)
    sides = defaultdict(set)
    for row in rows:
        sides[row["acct_code"]].add(row["old_split"])
    same = rows_by_contents(rows)
    found = {
        "null_label": {n for n, row in enumerate(rows) if row["acct_code"] is None},
        "empty_text": {n for n, row in enumerate(rows) if is_blank(row)},
        "singleton": {n for n, row in enumerate(rows) if counts[row["acct_code"]] == 1},
        "test_only_class": {
            n
            for n, row in enumerate(rows)
            if row["acct_code"] and "train" not in sides[row["acct_code"]]
        },
        "cross_split_duplicate": {
            n for ns in same.values() if len({rows[n]["old_split"] for n in ns}) > 1 for n in ns
        },
        "conflicting_duplicate": {
            n for ns in same.values() if len({rows[n]["acct_code"] for n in ns}) > 1 for n in ns
        },
    }
    for fault, numbers in found.items():
        assert numbers and numbers == planted[fault], fault
    assert len(planted["label_noise"]) == 120


def test_no_row_has_two_faults_and_no_memo_stands_twice_by_accident(ledger):
    rows, planted = ledger
    assert sum(map(len, planted.values())) == len(set().union(*planted.values()))
    copied = planted["cross_split_duplicate"] | planted["conflicting_duplicate"]
    memos = [row["memo"] for n, row in enumerate(rows) if n not in copied and not is_blank(row)]
    assert len(set(memos)) == len(memos)


def test_noisy_labels_are_those_of_another_kind_of_account(ledger):
    """Most memos of a noisy row name an item that no row of its label's kind names otherwise."""
    rows, planted = ledger
    noisy = planted["label_noise"]
    kind_of = {
        n: row["acct_code"].split()[1][:-3] for n, row in enumerate(rows) if row["acct_code"]
    }
    trades: dict[str, Counter[str]] = defaultdict(Counter)
    for number, kind in kind_of.items():
        if number not in noisy and rows[number]["counterparty"]:
            trades[kind][rows[number]["counterparty"][2:]] += 1
    strange = sum(not trades[kind_of[n]][rows[n]["counterparty"][2:]] for n in noisy)
    clean = [n for n in kind_of if n not in noisy and not is_blank(rows[n])]
    assert strange / len(noisy) > 0.4
    assert all(trades[kind_of[n]][rows[n]["counterparty"][2:]] for n in clean)


def test_rows_are_in_order_of_posting_and_hold_credits(ledger):
    rows, _ = ledger
    dates = [row["posted"] for row in rows if row["posted"]]
    assert dates == sorted(dates) and dates[0].year == 2022
    amounts = [row["amount"] for row in rows if row["amount"] == row["amount"]]
    assert 0.01 < np.mean([amount < 0 for amount in amounts if amount is not None]) < 0.06


def test_seed_decides_and_nothing_else(tmp_path):
    paths = [tmp_path / name for name in ("a", "b", "c", "planted")]
    for path, seed in zip(paths, (1, 1, 2), strict=False):
        run(path, paths[3], rows=400, classes=30, seed=seed)
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()


@pytest.mark.parametrize(("rows", "classes"), [(120, 20), (100, 4), (1200, 280), (250, 40)])
def test_other_sizes_keep_rows_and_classes(rows, classes):
    found = generate(rows, classes, seed=3)
    assert len(found) == rows
    assert len({item.row.label for item in found} - {None}) == classes


@pytest.mark.parametrize(
    ("rows", "classes", "said"),
    [
        (100, 90, "rows do not suffice for 90 classes"),
        (1000, 281, "281 classes cannot be generated; allowed: 2 to 280"),
        (100, 1, "allowed: 2 to 280"),
        (100, 2, "100 rows in 2 classes leave no room for the planted faults"),
        (45, 20, "45 rows in 20 classes leave no room for the planted faults"),
    ],
)
def test_what_cannot_be_generated_is_refused(rows, classes, said):
    with pytest.raises(ConfigError, match=said):
        generate(rows, classes, seed=3)


@given(classes=st.integers(1, 300), single=st.floats(0, 0.9), extra=st.integers(0, 100_000))
def test_counts_sum_up_and_descend(classes, single, extra):
    singletons = int(classes * single)
    rows = 2 * (classes - singletons) + singletons + extra
    counts = zipf_counts(rows, classes, singletons)
    assert counts.sum() == rows and counts.size == classes
    assert (np.diff(counts) <= 0).all() and (counts == 1).sum() == singletons
