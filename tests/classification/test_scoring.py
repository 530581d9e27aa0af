"""Scores equal scikit-learn's, with absent classes and empty denominators."""

import csv
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from scripts.classification.scoring import (
    buckets_of,
    score_classes,
    summarize_scores,
    write_per_class,
)
from scripts.common.errors import InputError

CLASSES = 6
ids = st.integers(0, CLASSES - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ids, ids), min_size=1, max_size=40))
def test_scores_equal_scikit_learns(pairs):
    labels, predicted = np.array(pairs).T
    buckets = ["head", "head", "medium", "medium", "tail", "tail"]
    scores = score_classes(labels, predicted, CLASSES)
    summed = summarize_scores(scores, buckets)

    supported = sorted(set(labels.tolist()))
    all_classes = list(range(CLASSES))

    def f1(average, classes):
        return metrics.f1_score(labels, predicted, labels=classes, average=average, zero_division=0)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that are only predicted
        assert summed["balanced_accuracy"] == pytest.approx(
            metrics.balanced_accuracy_score(labels, predicted)
        )
    assert summed["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert summed["weighted_f1"] == pytest.approx(f1("weighted", all_classes))
    assert summed["macro_f1_supported"] == pytest.approx(f1("macro", supported))
    assert summed["macro_f1_all"] == pytest.approx(f1("macro", all_classes))
    for bucket, members in (("head", (0, 1)), ("medium", (2, 3)), ("tail", (4, 5))):
        inside = [c for c in members if c in supported]
        expected = f1("macro", inside) if inside else None
        assert summed[bucket] == (None if expected is None else pytest.approx(expected))
    precision, recall, single, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=all_classes, zero_division=0
    )
    assert scores.precision == pytest.approx(precision)
    assert scores.recall == pytest.approx(recall)
    assert scores.f1 == pytest.approx(single)
    assert scores.support.tolist() == support.tolist()


def test_a_constant_predictor_by_hand():
    labels = np.array([0, 0, 0, 1, 2])
    summed = summarize_scores(score_classes(labels, np.zeros(5, int), 4), ["head"] + ["tail"] * 3)
    # class 0: precision 3/5, recall 1, F1 3/4
    assert summed == pytest.approx(
        {
            "accuracy": 0.6,
            "balanced_accuracy": 1 / 3,
            "weighted_f1": 0.45,
            "macro_f1_supported": 0.25,
            "macro_f1_all": 0.1875,
            "head": 0.75,
            "medium": None,
            "tail": 0.0,
        }
    )


def test_buckets_include_both_limits_in_the_middle():
    counts = np.array([101, 100, 20, 19, 0])
    assert buckets_of(counts, head_above=100, tail_below=20) == [
        "head",
        "medium",
        "medium",
        "tail",
        "tail",
    ]


def test_a_split_without_rows_is_refused():
    with pytest.raises(InputError, match="no rows"):
        summarize_scores(score_classes(np.zeros(0, int), np.zeros(0, int), 2), ["head", "tail"])


def test_every_class_has_a_line_in_order_of_ids(tmp_path: Path):
    scores = score_classes(np.array([0, 0, 2]), np.array([0, 2, 2]), 3)
    path = tmp_path / "per_class.tsv"
    write_per_class(path, ["a", "b", "c"], ["head", "tail", "tail"], np.array([200, 0, 5]), scores)
    with path.open(encoding="utf-8") as stream:
        rows = list(csv.reader(stream, delimiter="\t"))
    assert rows == [
        ["label", "label_id", "bucket", "train_rows", "support", "precision", "recall", "f1"],
        ["a", "0", "head", "200", "2", "1.000000", "0.500000", "0.666667"],
        ["b", "1", "tail", "0", "0", "0.000000", "0.000000", "0.000000"],
        ["c", "2", "tail", "5", "1", "0.500000", "1.000000", "0.666667"],
    ]
