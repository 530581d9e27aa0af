"""The step that splits: what it writes, records and refuses."""

import logging

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from scripts.classification import filter_classes, split_rows
from scripts.classification.tables import KEPT, SPLITS
from scripts.common.errors import ConfigError, InputError
from scripts.common.files import read_json
from scripts.common.tables import read_table, write_table
from tests.classification.row_builders import case_counts, write_rows


def split_of(folder, labels, *, threshold=0, policy="drop", shares=(0.2, 0.1), seed=42, **columns):
    """Filter and split rows; the kept rows with their splits, and the coverage."""
    rows = write_rows(folder / "rows.parquet", labels, **columns)
    kept = folder / "kept.parquet"
    filter_classes.run(
        rows,
        kept,
        folder / "filter_report.json",
        folder / "label_map.json",
        min_samples_per_class=threshold,
        rare_policy=policy,
    )
    test_size, val_size = shares
    split_rows.run(
        kept,
        folder / "splits.parquet",
        folder / "coverage.json",
        test_size=test_size,
        val_size=val_size,
        seed=seed,
    )
    table = read_table(kept, KEPT).to_pandas()
    splits = read_table(folder / "splits.parquet", SPLITS).to_pandas()
    assert splits["row"].tolist() == table["row"].tolist()
    assert splits["label_id"].tolist() == table["label_id"].tolist()
    return table.assign(split=splits["split"]), read_json(folder / "coverage.json")


def test_full_stratification_is_recorded_without_a_warning(tmp_path, caplog):
    table, coverage = split_of(tmp_path, ["가"] * 100 + ["나"] * 20 + ["다"] * 3)
    assert pd.crosstab(table["label"], table["split"]).to_dict("index") == {
        "가": {"train": 80, "validation": 10, "test": 10},
        "나": {"train": 16, "validation": 2, "test": 2},
        "다": {"train": 1, "validation": 1, "test": 1},
    }
    assert coverage["stratified"] == "full"
    assert coverage["reason"] == "all 3 classes are in all three splits"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_coverage_equals_what_pandas_counts(tmp_path, caplog):
    labels = ["가"] * 60 + ["나"] * 30 + ["다"] * 2 + ["라"] + ["마"] * 12
    groups = [*range(60), *[60 + number // 3 for number in range(30)], 200, 201, 202]
    groups += [n % 30 for n in range(6)] + [300 + number // 3 for number in range(6)]
    table, coverage = split_of(tmp_path, labels, groups=groups)
    counts = pd.crosstab(table["label"], table["split"])
    assert coverage["rows"] == 105 and coverage["classes"] == 5
    for name, described in coverage["splits"].items():
        here = set(table.loc[table["split"] == name, "label"])
        elsewhere = set(table.loc[table["split"] != name, "label"])
        assert described["rows"] == (table["split"] == name).sum()
        assert described["share"] == described["rows"] / 105
        assert described["classes"] == len(here)
        assert described["missing"] == sorted(set("가나다라마") - here)
        assert described["only_here"] == sorted(here - elsewhere)
        distance = (counts[name] / counts[name].sum() - counts["train"] / counts["train"].sum()) / 2
        assert described["total_variation_to_train"] == pytest.approx(distance.abs().sum())
    by_group = table.groupby("group")
    assert (by_group["split"].nunique() == 1).all() and coverage["groups"]["divided"] == 0
    several = table[by_group["label"].transform("nunique") > 1]
    assert coverage["groups"]["groups"] == table["group"].nunique()
    assert coverage["groups"]["largest"] == by_group.size().max()
    assert coverage["groups"]["of_several_classes"] == {
        "groups": several["group"].nunique(),
        "classes": several["label"].nunique(),
        "rows": {n: int((several["split"] == n).sum()) for n in ("train", "validation", "test")},
    }
    assert coverage["stratified"] == "partial"
    assert coverage["reason"].startswith(
        "3 of 5 classes are in all three splits; of the others 1 have one group: train only, "
        "1 have two groups: train and test"
    )
    assert "not fully stratified (partial): 3 of 5 classes" in caplog.text


def test_classes_kept_in_train_only_stay_there(tmp_path):
    labels = ["가"] * 40 + ["나"] * 30 + ["다"] * 9
    table, coverage = split_of(tmp_path, labels, threshold=10, policy="keep_train_only")
    assert set(table.loc[table["label"] == "다", "split"]) == {"train"}
    assert coverage["stratified"] == "partial" and coverage["train_only_rows"] == 9
    assert "1 rare classes are kept in train only" in coverage["reason"]
    assert coverage["splits"]["train"]["only_here"] == ["다"]


def test_a_group_with_a_train_only_row_is_in_train_whole(tmp_path):
    labels = ["가"] * 40 + ["나"] * 30 + ["다"] * 3
    groups = [*range(70), 3, 41, 72]
    table, _ = split_of(tmp_path, labels, groups=groups, threshold=10, policy="keep_train_only")
    assert table.loc[[3, 41], "split"].tolist() == ["train"] * 2


def test_classes_that_only_shared_groups_could_carry_are_told(tmp_path, caplog):
    """Two classes in three groups each, of which one holds a class of its own besides."""
    labels = ["가", "나", "가", "나", "가", "나", "다", *["라"] * 30]
    groups = [0, 0, 2, 2, 4, 4, 4, *range(7, 37)]
    _, coverage = split_of(tmp_path, labels, groups=groups)
    assert coverage["splits"]["train"]["only_here"] == ["다"]
    assert coverage["stratified"] == "partial"
    # The lone row binds group 4 to train; groups 0 and 2 cover the rest.
    assert coverage["splits"]["validation"]["missing"] == ["다"]
    labels += ["바"]
    groups += [0]
    _, coverage = split_of(tmp_path, labels, groups=groups)
    assert "2 have three groups or more, but lack a split" in coverage["reason"]
    assert "2 have three groups or more, but lack a split" in caplog.text


def test_equal_texts_on_both_sides_are_counted_and_told(tmp_path, caplog):
    labels = ["가"] * 50 + ["나"] * 50
    texts = [f"식대 {number % 40}" for number in range(100)]
    table, coverage = split_of(tmp_path, labels, texts=texts)
    in_train = set(table.loc[table["split"] == "train", "text"])
    held_out = table[table["split"] != "train"]
    expected = int(held_out["text"].isin(in_train).sum())
    assert coverage["cross_split_duplicates"] == expected > 0
    assert f"{expected} rows of validation and test have a text that stands in train" in caplog.text
    grouped, coverage = split_of(
        tmp_path, labels, texts=texts, groups=[number % 40 for number in range(100)]
    )
    assert coverage["cross_split_duplicates"] == 0
    assert grouped.groupby("text")["split"].nunique().max() == 1


def test_null_and_empty_texts_are_split_as_well(tmp_path):
    texts = ["", None, *map(str, range(38))]
    table, _ = split_of(tmp_path, ["가"] * 20 + ["나"] * 20, texts=texts)
    assert len(table) == 40 and table["split"].notna().all()


def test_order_of_rows_does_not_matter(tmp_path):
    labels = ["가"] * 40 + ["나"] * 9 + ["다"] * 5
    groups = [number // 2 for number in range(54)]
    table, coverage = split_of(tmp_path, labels, groups=groups)
    kept = read_table(tmp_path / "kept.parquet", KEPT)
    order = np.random.default_rng(0).permutation(54)
    write_table(tmp_path / "shuffled", kept.take(pa.array(order)), KEPT)
    split_rows.run(tmp_path / "shuffled", tmp_path / "splits", tmp_path / "again.json")
    again = read_table(tmp_path / "splits", SPLITS).to_pandas()
    assert again["row"].tolist() == order.tolist()
    assert again["split"].tolist() == table["split"][order].tolist()
    assert read_json(tmp_path / "again.json") == coverage


def test_the_accounting_case(tmp_path):
    """224 classes, singletons kept: every class of three rows or more is in all three splits."""
    counts = case_counts()
    labels = np.repeat(list(counts), list(counts.values())).tolist()
    table, coverage = split_of(tmp_path, labels)
    by_split = pd.crosstab(table["label"], table["split"])
    sizes = pd.Series(counts)
    assert (by_split[sizes.reindex(by_split.index) >= 3] > 0).all(axis=None)
    singletons = by_split.loc[sizes.index[sizes == 1]]
    assert singletons.to_numpy().tolist() == [[0, 1, 0]] * 10 and len(singletons) == 10
    assert coverage["stratified"] == "partial"
    assert "10 have one group: train only" in coverage["reason"]
    shares = by_split.sum() / by_split.to_numpy().sum()
    assert shares.round(3).to_dict() == {"train": 0.8, "validation": 0.1, "test": 0.1}
    assert coverage["splits"]["test"]["total_variation_to_train"] < 0.002


# Bad input


def test_shares_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"val_size is 0\.3 and test_size 0\.2"):
        split_of(tmp_path, ["가"] * 20 + ["나"] * 20, shares=(0.2, 0.3))


@pytest.mark.parametrize(
    ("labels", "groups", "told"),
    [
        (["가", "나", "다"], None, "to validation and test,.*the most: 1; 0 of 3 classes"),
        (["가"] * 2 + ["나"] * 2, None, "to validation,.*the most: 2"),
        (["가"] * 20 + ["나"] * 20, [0] * 40, "to validation and test"),
    ],
)
def test_a_split_that_would_be_empty_is_refused(tmp_path, labels, groups, told):
    with pytest.raises(InputError, match=told):
        split_of(tmp_path, labels, groups=groups)
    assert not (tmp_path / "splits.parquet").exists()


def test_no_rows_are_refused(tmp_path):
    write_table(tmp_path / "kept", KEPT.empty_table(), KEPT)
    with pytest.raises(InputError, match="has no rows"):
        split_rows.run(tmp_path / "kept", tmp_path / "s", tmp_path / "c")
