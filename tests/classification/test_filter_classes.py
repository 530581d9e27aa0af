"""Rare classes are dropped, merged or kept in train, and every class touched is listed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.classification.filter_classes import apply_policy, describe_filter, run
from scripts.classification.label_map import LabelMap
from scripts.classification.tables import KEPT
from scripts.common.errors import ConfigError, InputError
from scripts.common.files import read_json
from scripts.common.tables import read_table
from tests.classification.row_builders import case_counts, write_rows

LABELS = ["나"] * 12 + ["가"] * 11 + ["다"] * 6 + ["라"] * 5 + ["마"]


def filtered(folder, labels, *, policy="drop", threshold=10, most=280, **columns):
    rows = write_rows(folder / "rows.parquet", labels, **columns)
    outputs = {name: folder / name for name in ("kept", "report", "label_map")}
    run(
        rows,
        **outputs,
        min_samples_per_class=threshold,
        rare_policy=policy,
        max_classes=most,
    )
    kept = read_table(outputs["kept"], KEPT).to_pandas()
    return kept, read_json(outputs["report"]), LabelMap.read(outputs["label_map"])


def test_drop_removes_rare_classes_and_numbers_the_others(tmp_path):
    kept, report, registry = filtered(tmp_path, LABELS)
    assert registry.labels == ("가", "나") and not registry.merged
    assert kept["label"].tolist() == LABELS[:23]
    assert kept["label_id"].tolist() == [1] * 12 + [0] * 11
    assert kept["row"].tolist() == list(range(23)) and not kept["train_only"].any()
    assert report["removed"] == {"rows": 12, "classes": 3, "share": 12 / 35}
    assert report["removed_classes"] == [
        ["다", 6, "below_threshold"],
        ["라", 5, "below_threshold"],
        ["마", 1, "below_threshold"],
    ]
    assert (report["before"]["ratio"], report["after"]["ratio"]) == (12, 12 / 11)


def test_merge_gives_rare_rows_one_class(tmp_path):
    kept, report, registry = filtered(tmp_path, LABELS, policy="merge_other")
    assert registry.labels == ("OTHER", "가", "나")
    assert registry.merged == {"다": "OTHER", "라": "OTHER", "마": "OTHER"}
    assert kept["label"].tolist() == [*LABELS[:23], *["OTHER"] * 12]
    assert registry.ids(["다", "OTHER", "나"]).tolist() == [0, 0, 2]
    assert report["removed"] == {"rows": 0, "classes": 3, "share": 0}
    assert report["after"]["rows"] == 35 and report["after"]["ratio"] == 12 / 11
    assert {reason for _, _, reason in report["removed_classes"]} == {"merged_other"}


def test_merged_class_that_is_still_too_rare_is_dropped_and_listed(tmp_path):
    kept, report, registry = filtered(tmp_path, LABELS[:29], policy="merge_other")
    assert registry.labels == ("가", "나") and not registry.merged and len(kept) == 23
    assert report["removed_classes"] == [["다", 6, "merged_below_threshold"]]
    assert report["removed"]["rows"] == 6


def test_name_of_the_merged_class_must_be_free(tmp_path):
    with pytest.raises(InputError, match=r"OTHER already \(11 rows\)"):
        filtered(tmp_path, ["OTHER"] * 11 + ["가"] * 12 + ["나"], policy="merge_other")
    # Where nothing is merged, the name may be taken.
    _, _, registry = filtered(tmp_path, ["OTHER"] * 11 + ["가"] * 12, policy="merge_other")
    assert registry.labels == ("OTHER", "가")


def test_rare_classes_kept_in_train_only_are_marked(tmp_path):
    kept, report, registry = filtered(tmp_path, LABELS, policy="keep_train_only")
    assert len(kept) == 35 and len(registry) == 5
    assert set(kept["label"][kept["train_only"]]) == {"다", "라", "마"}
    assert report["removed"]["rows"] == 0 and report["train_only_rows"] == 12


def test_threshold_keeps_classes_of_exactly_its_rows_and_zero_keeps_all(tmp_path):
    _, _, registry = filtered(tmp_path, LABELS, threshold=6)
    assert registry.labels == ("가", "나", "다")
    for none in (0, 1):
        kept, report, registry = filtered(tmp_path, LABELS, threshold=none)
        assert len(registry) == 5 and len(kept) == 35 and report["removed_classes"] == []


def test_texts_groups_and_numbers_pass_through(tmp_path):
    texts = ["", None, *map(str, range(33))]
    kept, _, _ = filtered(tmp_path, LABELS, texts=texts, groups=[7] * 35)
    assert kept["text"][0] == "" and kept["text"].isna().tolist()[:2] == [False, True]
    assert set(kept["group"]) == {7}


@settings(max_examples=60, deadline=None)
@given(
    counts=st.dictionaries(st.text("가나다라마", min_size=1, max_size=3), st.integers(1, 30)),
    threshold=st.integers(0, 31),
    policy=st.sampled_from(["drop", "merge_other", "keep_train_only"]),
)
def test_rows_are_neither_lost_nor_counted_twice(counts, threshold, policy):
    outcome = apply_policy(counts, threshold, policy)
    gone = sum(n for _, n, reason in outcome.touched if "below_threshold" in reason)
    assert sum(outcome.counts.values()) + gone == sum(counts.values())
    assert {label for label, n in counts.items() if n < threshold} == {
        label for label, _, _ in outcome.touched
    }
    for label, n in outcome.counts.items():
        assert n >= threshold or label in outcome.train_only


def test_figures_of_the_accounting_case():
    """The case's counts, beside pandas: what a threshold of 10 removes, and the ratio that stays.

    The case claimed less than 0.1 % of the rows and a ratio of 4,400 : 1; both are computed here.
    """
    counts = case_counts()
    vector = pd.Series(counts)
    assert vector.sum() == 298_821 and len(vector) == 224 and (vector == 1).sum() == 10
    assert vector.max() == 44_098 and round(vector.nlargest(5).sum() / vector.sum(), 4) == 0.4592
    outcome = apply_policy(counts, 10, "drop")
    report = describe_filter(counts, outcome, 10, "drop")
    stays = vector[vector >= 10]
    assert report["before"]["ratio"] == 44_098
    assert report["removed"] == {
        "rows": int(vector.sum() - stays.sum()),
        "classes": int((vector < 10).sum()),
        "share": pytest.approx(1 - stays.sum() / vector.sum()),
    }
    assert report["after"]["ratio"] == stays.max() / stays.min() <= 4409.8


def test_the_accounting_case_row_by_row(tmp_path):
    counts = case_counts()
    labels = np.repeat(list(counts), list(counts.values())).tolist()
    texts = ["적요"] * len(labels)
    kept, report, registry = filtered(tmp_path, labels, texts=texts)
    table = pd.Series(labels).value_counts()
    expected = table[table >= 10]
    assert kept["label"].value_counts().to_dict() == expected.to_dict()
    assert registry.labels == tuple(sorted(expected.index))
    assert report["after"]["rows"] == expected.sum() == len(kept)
    assert kept["label_id"].tolist() == [registry.labels.index(x) for x in kept["label"]]


# Bad input


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"threshold": -1}, "min_samples_per_class is -1"),
        ({"policy": "keep"}, "rare_policy is 'keep'; give one of drop, merge_other"),
        ({"most": 1}, "max_classes is 1"),
        ({"most": 4, "threshold": 0}, "5 classes remain .* more than max_classes 4"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, options, told):
    with pytest.raises(ConfigError, match=told):
        filtered(tmp_path, LABELS, **options)


@pytest.mark.parametrize(
    ("labels", "options", "told"),
    [
        ([], {}, "has no labelled row"),
        (["가", None], {}, "1 rows have no label"),
        (["가"] * 20, {}, "of 1 classes 1 remain"),
        (LABELS, {"threshold": 13}, "of 5 classes 0 remain .* 13, .* '나' 12, '가' 11, '다' 6"),
        (LABELS, {"threshold": 12}, "of 5 classes 1 remain"),
        (LABELS, {"threshold": 12, "policy": "keep_train_only"}, "of 5 classes 1 remain"),
        (LABELS, {"threshold": 36, "policy": "merge_other"}, "of 5 classes 0 remain"),
        (LABELS, {"threshold": 13, "policy": "merge_other"}, "of 5 classes 1 remain"),
    ],
)
def test_what_cannot_be_learnt_is_refused(tmp_path, labels, options, told):
    with pytest.raises(InputError, match=told):
        filtered(tmp_path, labels, **options)
    assert not (tmp_path / "label_map").exists() and not (tmp_path / "kept").exists()
