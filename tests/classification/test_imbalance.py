"""Figures of imbalance against scipy, scikit-learn, slow definitions and hand calculation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.dummy import DummyClassifier
from sklearn.metrics import log_loss

from scripts.classification.imbalance import describe_imbalance, gini
from tests.classification.audit_builders import case_counts

some_counts = st.lists(st.integers(0, 10_000), min_size=1, max_size=40).filter(any)


def gini_of_pairs(counts):
    """Half the mean absolute difference of two classes, over the mean."""
    sizes = np.array([n for n in counts if n], float)
    return np.abs(sizes[:, None] - sizes[None, :]).mean() / 2 / sizes.mean()


@given(some_counts)
def test_figures_equal_second_implementations(counts):
    found = describe_imbalance(np.array(counts), top_k=5)
    sizes = sorted((n for n in counts if n), reverse=True)
    assert found["rows"] == sum(sizes) and found["classes"] == len(sizes)
    assert found["ratio"] == sizes[0] / sizes[-1]
    assert found["entropy"] == pytest.approx(entropy(sizes), abs=1e-12)
    assert found["prior_only_loss"] == found["entropy"]
    assert found["effective_number"] == pytest.approx(math.exp(entropy(sizes)))
    assert found["gini"] == pytest.approx(gini_of_pairs(counts), abs=1e-12)
    assert found["top_k_share"] == pytest.approx(sum(sizes[:5]) / sum(sizes))
    assert found["majority_baseline"] == sizes[0] / sum(sizes)
    assert found["singletons"] == sizes.count(1)
    assert found["ln_classes"] == math.log(len(sizes))
    if len(sizes) > 1:
        assert found["normalized_entropy"] == pytest.approx(entropy(sizes) / math.log(len(sizes)))
        assert found["normalized_entropy"] <= 1 + 1e-12


def test_equal_classes_and_one_class_alone_are_the_two_ends():
    equal = describe_imbalance(np.array([7, 7, 0, 7, 7]), top_k=1)
    assert equal["effective_number"] == pytest.approx(4)
    assert equal["normalized_entropy"] == pytest.approx(1)
    assert (equal["gini"], equal["ratio"], equal["top_k_share"]) == (0, 1, 0.25)
    alone = describe_imbalance(np.array([0, 9]), top_k=5)
    assert alone["entropy"] == 0 and alone["normalized_entropy"] is None
    assert (alone["effective_number"], alone["majority_baseline"]) == (1, 1)


def test_gini_by_hand():
    # Of 1, 2 and 5: differences 1, 3, 4, each twice among nine pairs; mean 8 / 3.
    assert gini(np.array([5, 0, 1, 2])) == pytest.approx((16 / 9) / 2 / (8 / 3))


def test_another_set_is_judged_by_the_frequencies_of_training():
    training, test = np.array([60, 30, 10]), np.array([2, 5, 3])
    found = describe_imbalance(test, top_k=1, training=training)
    assert found["majority_baseline"] == 0.2  # class 0 is answered, though 1 is larger here
    by_hand = -(2 * math.log(0.6) + 5 * math.log(0.3) + 3 * math.log(0.1)) / 10
    assert found["prior_only_loss"] == pytest.approx(by_hand)
    fit, seen = np.repeat(np.arange(3), training), np.repeat(np.arange(3), test)
    prior = DummyClassifier(strategy="prior").fit(np.zeros((100, 1)), fit)
    probabilities = prior.predict_proba(np.zeros((10, 1)))
    assert found["prior_only_loss"] == pytest.approx(log_loss(seen, probabilities))
    assert found["majority_baseline"] == prior.score(np.zeros((10, 1)), seen)


def test_a_class_that_training_lacks_costs_infinitely_much():
    found = describe_imbalance(np.array([2, 1]), top_k=1, training=np.array([5, 0]))
    assert found["prior_only_loss"] is None and found["majority_baseline"] == pytest.approx(2 / 3)


def test_a_split_without_rows_has_no_figures():
    found = describe_imbalance(np.zeros(3, int), top_k=5, training=np.array([1, 2, 3]))
    assert (found["rows"], found["classes"], found["singletons"]) == (0, 0, 0)
    assert found["ratio"] is found["prior_only_loss"] is found["largest"] is None
    assert found.keys() == describe_imbalance(np.array([1]), top_k=5).keys()


def test_the_case():
    counts = case_counts()
    assert (counts.sum(), len(counts)) == (298_821, 224)
    before = describe_imbalance(counts, top_k=5)
    assert (before["ratio"], before["singletons"]) == (44_098, 10)
    assert round(100 * before["top_k_share"], 2) == 45.92
    assert round(100 * before["majority_baseline"], 2) == 14.76
    assert round(before["ln_classes"], 2) == 5.41
    assert before["prior_only_loss"] == pytest.approx(entropy(counts / 298_821))
    # Ten classes of 1 row, three each of 2 to 9: 34 classes and 10 + 3 * 44 = 142 rows go.
    after = describe_imbalance(counts[counts >= 10], top_k=5)
    assert before["classes"] - after["classes"] == 34
    assert before["rows"] - after["rows"] == 142
    assert after["ratio"] == pytest.approx(4_409.8)
    assert after["ln_classes"] == math.log(190)
