"""Class weights against hand calculation and scikit-learn, aligned where classes are absent."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from scripts.classification.class_weights import class_weights, count_classes
from scripts.classification.strategy import Strategy
from scripts.classification.tables import SPLITS
from scripts.classification.weigh_classes import run
from scripts.common.errors import ConfigError, InputError
from scripts.common.files import write_json
from scripts.common.tables import write_table

count_vectors = st.lists(st.integers(0, 5000), min_size=2, max_size=30).filter(any)


def weights(counts, kind, **settings_):
    return class_weights(np.array(counts), Strategy.of("s", {"class_weights": kind, **settings_}))


def test_formulas_equal_those_by_hand():
    # N = 12, K = 3, n_max = 8
    assert weights([8, 3, 1], "balanced").tolist() == [12 / 24, 12 / 9, 12 / 3]
    assert weights([8, 3, 1], "sqrt").tolist() == [(8 / 9) ** 0.5, 2**0.5, 2.0]
    raw = np.array([0.5, 12 / 9, 4.0]) ** 0.5
    scale = 12 / (8 * raw[0] + 3 * raw[1] + 1 * raw[2])
    assert weights([8, 3, 1], "power", alpha=0.5) == pytest.approx(raw * scale)
    # (1 - 0.5) / (1 - 0.5^n) for n = 2, 1: 2/3 and 1; 3 / (2 · 2/3 + 1) = 9/7
    assert weights([2, 1], "effective_number", beta=0.5) == pytest.approx([6 / 7, 9 / 7])
    assert weights([8, 3, 1], "none").tolist() == [1, 1, 1]


@given(count_vectors)
def test_balanced_equals_scikit_learn_on_the_present_classes_at_their_own_places(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    present = np.unique(labels)
    expected = np.ones(len(counts))
    expected[present] = compute_class_weight("balanced", classes=present, y=labels)
    assert weights(counts, "balanced") == pytest.approx(expected)


@given(
    count_vectors,
    st.sampled_from(["balanced", "power", "effective_number"]),
    st.floats(0, 1),
    st.floats(0, 0.999999),
)
def test_the_mean_weight_of_a_training_row_is_one_and_absent_classes_have_one(
    counts, kind, alpha, beta
):
    given_weights = weights(counts, kind, alpha=alpha, beta=beta)
    assert len(given_weights) == len(counts) and (given_weights > 0).all()
    assert (given_weights * counts).sum() == pytest.approx(sum(counts))
    assert all(w == 1 for w, n in zip(given_weights, counts, strict=True) if n == 0)


@settings(max_examples=30)
@given(count_vectors)
def test_the_effective_number_runs_from_no_weights_to_balanced_ones(counts):
    assert weights(counts, "effective_number", beta=0).tolist() == [1.0] * len(counts)
    assert weights(counts, "effective_number", beta=1e-12) == pytest.approx([1.0] * len(counts))
    towards_one = weights(counts, "effective_number", beta=1 - 1e-12)
    assert towards_one == pytest.approx(weights(counts, "balanced"), rel=1e-4)


def test_power_runs_from_no_weights_to_balanced_ones():
    counts = [500, 20, 0, 3]
    assert weights(counts, "power", alpha=0) == pytest.approx([1, 1, 1, 1])
    assert weights(counts, "power", alpha=1) == pytest.approx(weights(counts, "balanced"))


def test_scaling_comes_before_clipping():
    counts = [900, 90, 10]
    free = weights(counts, "power", alpha=0.5)
    clipped = weights(counts, "power", alpha=0.5, clip_low=0.9, clip_high=3)
    assert clipped.tolist() == np.clip(free, 0.9, 3).tolist()
    assert clipped.tolist()[0] == 0.9 and clipped.tolist()[2] == 3
    assert (clipped * counts).sum() != pytest.approx(1000)  # scaled anew it would be


def test_clipping_leaves_an_absent_class_at_one():
    assert weights([10, 0, 5], "balanced", clip_low=2).tolist() == [2, 1, 2]


def test_a_label_id_beyond_the_map_is_refused_with_both_numbers():
    with pytest.raises(InputError, match=r"label id 7 is outside 0\.\.2"):
        count_classes([0, 7, 1], 3)
    with pytest.raises(InputError, match="no rows"):
        weights([0, 0], "balanced")


@pytest.mark.parametrize(
    ("chosen", "complaint"),
    [
        ({"class_weights": "balance"}, "class_weights = 'balance'; allowed: none, balanced"),
        ({"beta": 1.0}, "beta = 1.0"),
        ({"alpha": -0.1}, "alpha = -0.1"),
        ({"target_ratio": 0.0}, "target_ratio = 0.0"),
        ({"max_repeat": 0}, "max_repeat = 0"),
        ({"gamma": -1}, "gamma = -1"),
        ({"clip_low": 3.0, "clip_high": 2.0}, "clip_low = 3.0 is above clip_high = 2.0"),
        ({"weights": "sqrt"}, "unknown setting weights"),
        ({"class_weights": "sqrt", "resampling": "over"}, "twice"),
        ({"loss": "focal", "class_weights": "sqrt"}, "contradict"),
        ({"loss": "focal", "focal_alpha": "class_weights"}, "contradict"),
        ({"focal_alpha": "class_weights"}, "only with focal loss"),
    ],
)
def test_settings_out_of_range_or_against_each_other_are_named(chosen, complaint):
    with pytest.raises(ConfigError, match="strategy mine: ") as error:
        Strategy.of("mine", chosen)
    assert complaint in str(error.value)


def test_both_remedies_act_together_where_it_is_allowed():
    both = {"class_weights": "sqrt", "resampling": "over", "both_allowed": "yes"}
    assert Strategy.of("mine", both).weighs


def test_the_table_counts_training_rows_alone_and_lists_every_class(tmp_path: Path):
    rows = [("b", 1, "train")] * 6 + [("a", 0, "train")] * 2 + [("a", 0, "test")] * 9
    rows += [("c", 2, "validation")]
    write_table(
        tmp_path / "splits.parquet",
        pa.table(
            {
                "row": range(len(rows)),
                "label_id": [i for _, i, _ in rows],
                "split": [split for _, _, split in rows],
            }
        ),
        SPLITS,
    )
    write_json(tmp_path / "map.json", {"labels": ["a", "b", "c"], "count": 3, "merged": {}})
    run(
        tmp_path / "splits.parquet",
        tmp_path / "map.json",
        tmp_path / "weights.tsv",
        strategies={"none": {}, "fair": {"class_weights": "balanced"}},
    )
    with (tmp_path / "weights.tsv").open(encoding="utf-8") as stream:
        table = list(csv.reader(stream, delimiter="\t"))
    assert table == [
        ["label", "label_id", "train_rows", "none", "fair"],
        ["a", "0", "2", "1", "2"],
        ["b", "1", "6", "1", "0.666667"],
        ["c", "2", "0", "1", "1"],
    ]
