"""Strategies compared: a slow bootstrap, hand calculation, planted differences."""

import csv
from collections import Counter
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from scripts.classification.drawn_groups import draw_groups, draw_seeds
from scripts.classification.finished_runs import FinishedRun, JudgedRows, find_judged_rows
from scripts.classification.label_map import LabelMap
from scripts.classification.scopes import input_scope
from scripts.classification.scoring import buckets_of, score_classes
from scripts.classification.strategy_differences import compare
from scripts.classification.tables import KEPT, SPLITS
from scripts.common.files import read_json
from scripts.common.tables import read_table
from tests.classification.comparison_builders import LIMITS, Comparison, noisy

METRICS = (
    *("accuracy", "balanced_accuracy", "weighted_f1", "macro_f1_supported", "macro_f1_all"),
    *("head", "medium", "tail"),
)


def read_tsv(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def by_name(path, scope="surviving"):
    return {
        (row["model"], row["strategy"], row["metric"]): row
        for row in read_tsv(path)
        if row["scope"] == scope
    }


def number(text):
    return None if text == "" else float(text)


# Two head, two medium, three tail classes, one of them without a test row, two with a single one.
TRAIN = [60, 30, 10, 8, 4, 3, 2]
TEST = [0] * 12 + [1] * 8 + [2] * 4 + [3] * 3 + [4, 5]
GROUPS = [500 + number // 2 for number in range(len(TEST))]  # pairs, one across two classes


@pytest.fixture
def comparison(tmp_path):
    return Comparison(tmp_path, TRAIN, TEST, [number + 1000 for number in GROUPS])


def slow_metrics(labels, predicted, copies, buckets):
    """Metrics of drawn rows one by one; `copies` says how often a class with one unit counts."""
    f1, recall, weight = {}, {}, {}
    for one in range(len(buckets)):
        mine = [(a, b) for a, b in zip(labels, predicted, strict=True) if a == one]
        if not mine and copies.get(one, 1) == 0:
            continue
        times = copies.get(one, 1)
        hits = sum(a == b for a, b in mine) / times
        wrong = sum(b == one and a != one for a, b in zip(labels, predicted, strict=True))
        support = len(mine) / times
        if support:
            f1[one] = 2 * hits / (support + hits + wrong)
            recall[one] = hits / support
            weight[one] = times
    rows = len(labels)
    classes = sum(weight.values())
    total = sum(weight[one] * f1[one] for one in f1)
    found = {
        "accuracy": sum(a == b for a, b in zip(labels, predicted, strict=True)) / rows,
        "balanced_accuracy": sum(weight[one] * recall[one] for one in f1) / classes,
        "weighted_f1": sum(Counter(labels)[one] * f1[one] for one in f1) / rows,
        "macro_f1_supported": total / classes,
        "macro_f1_all": total / (classes + 1),  # one class has no test row
    }
    for bucket in ("head", "medium", "tail"):
        inside = [one for one in f1 if buckets[one] == bucket]
        found[bucket] = sum(weight[one] * f1[one] for one in inside) / sum(
            weight[one] for one in inside
        )
    return found


def test_intervals_equal_those_of_a_slow_bootstrap_with_the_same_draws(comparison):
    answers = {
        (strategy, seed): noisy(TEST, share, 7, key=10 * seed + place)
        for place, (strategy, share) in enumerate([("none", 0.5), ("sqrt", 0.3)])
        for seed in (1, 2, 3)
    }
    for (strategy, seed), predicted in answers.items():
        comparison.add(predicted, strategy=strategy, seed=seed)
    written = comparison.compare(bootstrap=60)
    table = by_name(written["strategies_table"])

    buckets = buckets_of(np.array(TRAIN), **LIMITS)
    judged = find_judged_rows(
        read_table(comparison.root / "splits.parquet", SPLITS),
        read_table(comparison.root / "kept.parquet", KEPT, ["row", "group"]),
        7,
    )
    units = draw_groups(judged.labels, judged.groups, buckets)
    drawn = np.concatenate(list(units.draws(60, seed=7)))
    shares = draw_seeds(3, 60, seed=7)
    lone = {4, 5}
    differences = []
    for unit_copies, seed_shares in zip(drawn, shares, strict=True):
        rows = [
            row for row, unit in enumerate(units.unit_of_row) for _ in range(int(unit_copies[unit]))
        ]
        labels = [TEST[row] for row in rows]
        copies = {one: labels.count(one) for one in lone}
        means = dict.fromkeys(METRICS, 0.0)
        for seed, share in zip((1, 2, 3), seed_shares, strict=True):
            for strategy, sign in (("sqrt", 1), ("none", -1)):
                predicted = [answers[strategy, seed][row] for row in rows]
                found = slow_metrics(labels, predicted, copies, buckets)
                for name in METRICS:
                    means[name] += sign * share * found[name]
        differences.append([means[name] for name in METRICS])
    low, high = np.quantile(np.array(differences), [0.025, 0.975], axis=0)
    for place, name in enumerate(METRICS):
        row = table["tfidf", "sqrt", name]
        assert number(row["low"]) == pytest.approx(low[place], abs=1e-6), name
        assert number(row["high"]) == pytest.approx(high[place], abs=1e-6), name
    assert any(low != high)


def test_means_and_spread_equal_scikit_learns(comparison):
    answers = [noisy(TEST, 0.4, 7, key) for key in (1, 2, 3)]
    for seed, predicted in enumerate(answers):
        comparison.add(predicted, seed=seed)
    table = by_name(comparison.compare()["strategies_table"])
    supported = sorted(set(TEST))
    for name, of_one in {
        "balanced_accuracy": lambda one: np.mean(
            [np.mean([p == c for p, t in zip(one, TEST, strict=True) if t == c]) for c in supported]
        ),
        "weighted_f1": lambda one: f1_score(TEST, one, average="weighted", zero_division=0),
        "macro_f1_supported": lambda one: f1_score(
            TEST, one, labels=supported, average="macro", zero_division=0
        ),
        "macro_f1_all": lambda one: f1_score(
            TEST, one, labels=range(7), average="macro", zero_division=0
        ),
        "tail": lambda one: f1_score(TEST, one, labels=[4, 5], average="macro", zero_division=0),
    }.items():
        values = [of_one(one) for one in answers]
        row = table["tfidf", "none", name]
        assert number(row["mean"]) == pytest.approx(np.mean(values), abs=1e-6), name
        assert number(row["sd"]) == pytest.approx(np.std(values, ddof=1), abs=1e-6), name


def test_identical_answers_differ_by_nothing(comparison):
    for strategy in ("none", "balanced"):
        for seed in (1, 2):
            comparison.add(noisy(TEST, 0.4, 7, seed), strategy=strategy, seed=seed)
    written = comparison.compare()
    for scope in ("surviving", "input"):
        for metric in METRICS:
            row = by_name(written["strategies_table"], scope)["tfidf", "balanced", metric]
            cells = [number(row[name]) for name in ("difference", "low", "high")]
            assert cells == [0.0, 0.0, 0.0]
            assert row["verdict"] == "within"


def test_a_planted_better_strategy_is_named_and_a_worse_one_too(tmp_path):
    labels = np.repeat(np.arange(20), 10).tolist()
    comparison = Comparison(tmp_path, [40] * 10 + [3] * 10, labels)
    for seed in (1, 2, 3):
        base = noisy(labels, 0.4, 20, seed)
        repaired = [
            label if label >= 10 else answer for label, answer in zip(labels, base, strict=True)
        ]
        comparison.add(base, seed=seed)
        comparison.add(repaired, strategy="sqrt", seed=seed)
        comparison.add(noisy(labels, 0.8, 20, seed), strategy="under", seed=seed)
    written = comparison.compare()
    said = {one["metric"]: one for one in read_json(written["summary"])["verdicts"]}
    for metric in ("macro_f1_supported", "tail"):
        assert [one["strategy"] for one in said[metric]["better"]] == ["sqrt"]
        assert [one["strategy"] for one in said[metric]["worse"]] == ["under"]
        assert "sqrt (+" in said[metric]["words"] and "helps" in said[metric]["words"]
    table = by_name(written["strategies_table"])
    tail = table["tfidf", "sqrt", "tail"]
    assert number(tail["low"]) > 0.2
    assert said["medium"]["words"] == (
        "tfidf: the test split has no such class, so macro F1 of medium classes is not known"
    )


def test_no_remedy_helps_where_answers_differ_by_chance(tmp_path):
    labels = np.repeat(np.arange(20), 10).tolist()
    comparison = Comparison(tmp_path, [40] * 20, labels)
    for seed in (1, 2, 3):
        comparison.add(noisy(labels, 0.5, 20, seed), seed=seed)
        comparison.add(noisy(labels, 0.5, 20, seed + 100), strategy="sqrt", seed=seed)
    said = read_json(comparison.compare()["summary"])["verdicts"][0]
    assert (said["better"], said["worse"]) == ([], [])
    assert said["words"].startswith("tfidf: no strategy helps macro F1 beyond its interval")


def test_single_rows_of_tail_classes_give_no_certainty(tmp_path):
    # 12 classes with one test row: 7 right against 4 right is no proof, though no draw within a
    # class could ever differ.
    labels = np.arange(12).tolist()
    comparison = Comparison(tmp_path, [3] * 12, labels)
    wrong = [(label + 1) % 12 for label in labels]
    comparison.add([label if label in (0, 2, 4, 6) else wrong[label] for label in labels])
    comparison.add(
        [label if label in (0, 1, 3, 5, 7, 8, 10) else wrong[label] for label in labels],
        strategy="sqrt",
    )
    row = by_name(comparison.compare()["strategies_table"])["tfidf", "sqrt", "tail"]
    assert number(row["low"]) < 0 < number(row["difference"]) < number(row["high"])


def test_one_training_of_one_strategy(comparison):
    comparison.add(noisy(TEST, 0.4, 7, 1))
    written = comparison.compare()
    row = by_name(written["strategies_table"])["tfidf", "none", "accuracy"]
    assert (row["sd"], row["difference"], row["low"], row["verdict"]) == ("", "", "", "")
    summary = read_json(written["summary"])
    assert summary["runs"] == 1
    assert "only strategy" in summary["verdicts"][0]["words"]


def test_without_none_the_first_of_the_table_is_the_reference(comparison):
    comparison.add(TEST, strategy="sqrt")
    comparison.add(TEST, strategy="focal")
    written = comparison.compare(strategies={"focal": {}, "sqrt": {}})
    assert read_json(written["summary"])["models"]["tfidf"]["reference"] == "focal"
    rows = read_tsv(written["strategies_table"])
    assert [row["strategy"] for row in rows][:: len(METRICS) * 2] == ["focal", "sqrt"]


def test_removed_classes_score_nothing_on_all_classes_of_the_input(tmp_path):
    # 40 + 10 training rows, 8 + 2 test rows: a sixth of kept rows is tested.
    comparison = Comparison(
        tmp_path,
        [40, 10],
        [0] * 8 + [1] * 2,
        touched=[["r1", 6, "below_threshold"], ["r2", 3, "below_threshold"]],
    )
    comparison.add([0] * 8 + [1, 0])
    rows = by_name(comparison.compare()["strategies_table"], "input")
    of_head, of_medium = 2 * 8 / 17, 2 * 1 / 3
    beyond = 9 / 6
    # 6 rows would give 5 in training (medium), 3 would give 2 or 3 (tail).
    for metric, expected in {
        "accuracy": 9 / (10 + beyond),
        "balanced_accuracy": (1 + 0.5) / 4,
        "weighted_f1": (8 * of_head + 2 * of_medium) / (10 + beyond),
        "macro_f1_supported": (of_head + of_medium) / 4,
        "macro_f1_all": (of_head + of_medium) / 4,
        "head": of_head,
        "medium": of_medium / 2,
        "tail": 0.0,
    }.items():
        assert number(rows["tfidf", "none", metric]["mean"]) == pytest.approx(expected, abs=1e-6)


def test_merged_classes_and_those_kept_for_training_score_nothing(tmp_path):
    merged = Comparison(
        tmp_path / "merged",
        [40, 10],
        [0] * 8 + [1] * 2,
        names=["A", "OTHER"],
        touched=[["r1", 7, "merged_other"], ["r2", 5, "merged_other"]],
        merged={"r1": "OTHER", "r2": "OTHER"},
    )
    merged.add([0] * 8 + [1] * 2)
    rows = by_name(merged.compare()["strategies_table"], "input")
    # Three classes of the input; OTHER's rows are two misses, since they are of merged classes.
    assert number(rows["tfidf", "none", "accuracy"]["mean"]) == pytest.approx(0.8)
    assert number(rows["tfidf", "none", "macro_f1_all"]["mean"]) == pytest.approx(1 / 3, abs=1e-6)

    aside = Comparison(
        tmp_path / "aside",
        [40, 10, 5],
        [0] * 8 + [1] * 2,
        names=["A", "B", "rare"],
        touched=[["rare", 5, "train_only"]],
        train_only=5,
    )
    aside.add([0] * 8 + [1] * 2)
    rows = by_name(aside.compare()["strategies_table"], "input")
    assert number(rows["tfidf", "none", "accuracy"]["mean"]) == pytest.approx(
        10 / (10 + 5 / 6), abs=1e-6
    )
    assert number(rows["tfidf", "none", "macro_f1_supported"]["mean"]) == pytest.approx(
        2 / 3, abs=1e-6
    )
    assert number(rows["tfidf", "none", "macro_f1_all"]["mean"]) == pytest.approx(2 / 3, abs=1e-6)


def test_classes_losses_and_seeds_are_told_run_by_run(comparison):
    curve = [3.0] * 40 + [0.5] * 200
    for seed in (1, 2):
        comparison.add(TEST if seed == 1 else [0] * len(TEST), seed=seed, curve=curve)
    comparison.add(TEST, strategy="sqrt", seed=1, initial=77.0)
    comparison.add(TEST, strategy="sqrt", seed=2)
    written = comparison.compare()
    classes = read_tsv(written["classes"])
    first = next(row for row in classes if row["label"] == "c001")
    assert (first["strategy"], first["train_rows"], first["support"]) == ("none", "30", "8")
    assert number(first["f1"]) == pytest.approx(0.5)
    assert number(first["f1_sd"]) == pytest.approx(2**-0.5, abs=1e-6)
    losses = [row for row in read_tsv(written["losses_table"]) if row["strategy"] == "none"]
    of_first = [row for row in losses if row["seed"] == "1"]
    assert of_first[0]["step"] == "0"
    assert number(of_first[0]["cross_entropy"]) == pytest.approx(np.log(7), abs=1e-6)
    assert number(of_first[1]["cross_entropy"]) == 3.0
    assert (of_first[-1]["step"], number(of_first[-1]["cross_entropy"])) == ("240", 0.5)
    assert len(of_first) < 130
    seeds = {(row["strategy"], row["seed"]): row for row in read_tsv(written["seeds"])}
    assert number(seeds["none", "1"]["loss_at_200"]) == 0.5
    assert seeds["sqrt", "1"]["initial_ok"] == "no"
    assert seeds["sqrt", "1"]["loss_at_200"] == ""
    summary = read_json(written["summary"])
    assert summary["initial"]["wrong"] == 1
    assert summary["initial"]["verdicts"][0].startswith("tfidf / sqrt / 1: wrong_initial_loss")
    assert summary["models"]["tfidf"]["curves"]["none"]["loss_at_200"] == 0.5
    assert summary["classes"]["without_test_row"] == 1
    assert summary["draws"]["lone_classes"] == 2
    assert summary["draws"]["groups_of_several_classes"] == 1


def test_the_order_of_the_trainings_changes_nothing(comparison):
    for strategy in ("none", "sqrt"):
        for seed in (1, 2):
            comparison.add(noisy(TEST, 0.4, 7, seed), strategy=strategy, seed=seed)
    order: dict[str, dict[str, Any]] = {"none": {}, "sqrt": {}}
    written = comparison.compare(strategies=order)
    before = {name: path.read_bytes() for name, path in written.items() if name != "summary"}
    comparison.runs.reverse()
    written = comparison.compare(strategies=order)
    assert {name: written[name].read_bytes() for name in before} == before


def test_a_bucket_that_a_draw_leaves_empty_has_an_interval_of_the_other_draws():
    """OTHER, no class of the input, and `a` have one test group each: some draws hold no `a`."""
    labels, buckets = np.array([0, 0, 1, 1, 2, 2, 2]), ["medium", "medium", "head"]
    split = JudgedRows(np.arange(7), labels, np.array([1, 1, 2, 2, 3, 4, 5]), np.ones(3, int), {})
    scope = input_scope(
        buckets,
        split.support,
        LabelMap(("OTHER", "a", "b"), {"rare": "OTHER"}),
        [["rare", 5, "merged_other"]],
        {"train": 100, "validation": 10, "test": 20},
        **LIMITS,
    )
    answers = {"none": np.zeros(7, int), "repair": labels}
    runs = {
        name: [FinishedRun("m", name, 1, {}, told, score_classes(labels, told, 3), None)]
        for name, told in answers.items()
    }
    units = draw_groups(labels, split.groups, buckets)
    (medium,) = (
        score
        for score in compare({"m": runs}, split, units, [scope], bootstrap=200, seed=1)
        if (score.strategy, score.metric) == ("repair", "medium")
    )
    assert (medium.difference, medium.low, medium.high) == (1.0, 1.0, 1.0)
    assert medium.verdict == "better"
