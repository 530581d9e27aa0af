"""The audit's figures against pandas, and every planted fault alone and all together."""

import copy
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import entropy

from scripts.classification.scoring import buckets_of
from scripts.classification.tables import KEPT, ROWS, SUSPECTS
from scripts.common.errors import ConfigError
from tests.classification.audit_builders import (
    Example,
    Inputs,
    audit,
    audit_case,
    audit_files,
    case_counts,
    read_tsv,
    sound_rows,
)


def skewed(classes=12, seed=3):
    """Rows with classes of 1, 2, 4, … rows, in random order."""
    rows = [
        Example(f"c{number:02d}", f"text {number} {'x' * place}")
        for number in range(classes)
        for place in range(2**number if number < 8 else number)
    ]
    order = np.random.default_rng(seed).permutation(len(rows))
    return [rows[place] for place in order]


def test_figures_equal_those_of_pandas(tmp_path):
    found = audit(Inputs(skewed(), threshold=4, label_type="string"), tmp_path, top_k=3)
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    kept = pd.read_parquet(tmp_path / "kept.parquet").merge(
        pd.read_parquet(tmp_path / "splits.parquet")
    )
    sets = {"before": rows.label, "after": kept.label} | {
        split: kept[kept.split == split].label for split in ("train", "validation", "test")
    }
    for name, labels in sets.items():
        counts, figures = labels.value_counts(), found.imbalance[name]
        assert figures["rows"] == len(labels) and figures["classes"] == labels.nunique()
        assert figures["ratio"] == counts.max() / counts.min()
        assert figures["entropy"] == pytest.approx(entropy(counts))
        assert figures["top_k_share"] == pytest.approx(counts.nlargest(3).sum() / len(labels))
        assert figures["singletons"] == (counts == 1).sum()
        assert figures["ln_classes"] == math.log(labels.nunique())
    train, test = sets["train"].value_counts(normalize=True), sets["test"]
    assert found.imbalance["test"]["prior_only_loss"] == pytest.approx(
        -np.log(test.map(train)).mean()
    )
    assert found.imbalance["test"]["majority_baseline"] == (test == train.idxmax()).mean()


def test_rows_of_each_class_equal_a_cross_table(tmp_path):
    audit(Inputs(skewed(), threshold=4), tmp_path, head_above=50, tail_below=10)
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    kept = pd.read_parquet(tmp_path / "kept.parquet").merge(
        pd.read_parquet(tmp_path / "splits.parquet")
    )
    cross = pd.crosstab(kept.label, kept.split)
    split_rows: dict[Any, int] = kept.split.value_counts().to_dict()
    cells: dict[Any, int] = cross.stack().to_dict()
    lines = read_tsv(tmp_path / "class_counts.tsv")
    assert [line["label"] for line in lines] == sorted(
        rows.label.unique(), key=lambda label: (-(rows.label == label).sum(), label)
    )
    for line in lines:
        label = line["label"]
        assert int(line["rows"]) == (rows.label == label).sum()
        if label not in cross.index:
            assert (line["kept"], line["reason"]) == ("no", "below_threshold")
            assert line["label_id"] == line["train"] == line["bucket"] == ""
            continue
        assert int(line["label_id"]) == sorted(cross.index).index(label)
        for split in ("train", "validation", "test"):
            assert int(line[split]) == cells[label, split]
            share = cells[label, split] / split_rows[split]
            assert float(line[f"share_{split}"]) == pytest.approx(share, abs=1e-6)
        train = cells[label, "train"]
        assert line["bucket"] == ("head" if train > 50 else "tail" if train < 10 else "medium")


def test_ends_of_the_buckets_belong_to_the_middle():
    limits = {"head_above": 100, "tail_below": 20}
    assert buckets_of(np.array([101, 100, 20, 19]), **limits) == [
        "head",
        "medium",
        "medium",
        "tail",
    ]


def test_lengths_of_texts_equal_those_of_pandas(tmp_path):
    rows = [*skewed(), Example("c00", "")]
    audit(Inputs(rows), tmp_path)
    frame = pd.read_parquet(tmp_path / "rows.parquet")
    lengths = frame.text.str.len().groupby(frame.label)
    for line in read_tsv(tmp_path / "text_length_by_class.tsv"):
        of_class = lengths.get_group(line["label"])
        assert int(line["longest"]) == of_class.max() and int(line["shortest"]) == of_class.min()
        assert float(line["mean"]) == pytest.approx(of_class.mean(), abs=0.01)
        assert float(line["median"]) == pytest.approx(of_class.median(), abs=0.01)
        assert float(line["percentile_95"]) == pytest.approx(of_class.quantile(0.95), abs=0.01)
        assert int(line["empty"]) == (of_class == 0).sum()


# Each takes inputs without a fault, plants one, and returns its rows (None: not a matter of rows).
def plant_string_labels(inputs):
    inputs.label_type = "string"


def plant_null_label(inputs):
    inputs.examples += [Example(None, "one without label"), Example(None, "another")]
    return [len(inputs.examples) - 2, len(inputs.examples) - 1]


def plant_empty_text(inputs):
    # Two of one class and one of another: equal texts, yet no duplicates.
    for row in (3, 10, 30):
        inputs.examples[row].text = ""
    return [3, 10, 30]


def plant_singleton(inputs):
    inputs.examples.append(Example("999", "the only one of its class", "train"))
    inputs.threshold = 2
    return [len(inputs.examples) - 1]


def plant_test_only_class(inputs):
    first = len(inputs.examples)
    inputs.examples += [Example("888", f"late class {n}", "test") for n in range(12)]
    return list(range(first, first + 12))


def plant_cross_split_duplicate(inputs):
    inputs.examples.append(copy.copy(inputs.examples[41]))
    inputs.examples[41].given, inputs.examples[-1].given = "train", "test"
    return [41, len(inputs.examples) - 1]


def plant_conflicting_duplicate(inputs):
    copied = Example("105", inputs.examples[1].text, inputs.examples[1].given, suspect=True)
    inputs.examples.append(copied)
    inputs.examples[1].suspect = True  # as the search for label noise marks them
    return [1, len(inputs.examples) - 1]


def plant_label_noise(inputs):
    for row in (50, 70):
        inputs.examples[row].suspect = True
    return [50, 70]


def plant_lost_by_extraction(inputs):
    inputs.lost = [("777", 3), ("778", 1)]


def plant_not_stratified(inputs):
    inputs.stratified = ("none", "no class has three groups")


def plant_missing_from_split(inputs):
    # Class 104 stands in rows 80 to 99.
    inputs.split_of |= dict.fromkeys(range(80, 100), "train")


def plant_extreme_ratio(inputs):
    inputs.examples += [Example("100", f"one of many {n}", "train") for n in range(2_000)]


def plant_rare_class(inputs):
    inputs.examples += [Example("666", f"rare {n}", "train") for n in range(3)]
    inputs.threshold = 10


PLANTS = {
    name.removeprefix("plant_"): plant
    for name, plant in list(globals().items())
    if name.startswith("plant_")
}
# A class of one row is rare as well.
BESIDE = {"singleton": {"rare_class"}}


def test_rows_without_a_fault_give_none(tmp_path):
    found = audit(Inputs(sound_rows()), tmp_path)
    assert found.faults == {} and found.suspects == {}
    assert pq.read_schema(tmp_path / "suspects.parquet").equals(SUSPECTS)


@pytest.mark.parametrize("fault", PLANTS)
def test_a_fault_alone_is_named_alone(tmp_path, fault):
    inputs = Inputs(sound_rows())
    rows = PLANTS[fault](inputs)
    found = audit(inputs, tmp_path)
    assert found.faults.keys() == {fault} | BESIDE.get(fault, set())
    assert found.suspects == ({} if rows is None else {fault: rows})
    line = found.faults[fault]
    if rows is not None:
        assert int(line["rows"]) == len(rows)
    assert line["what"].endswith(".") and line["remedy"].endswith(".")
    assert line["severity"] in ("error", "warning", "note")


def test_all_faults_together_are_named_each_with_its_rows(tmp_path):
    inputs = Inputs(sound_rows())
    planted = {fault: plant(inputs) for fault, plant in PLANTS.items()}
    found = audit(inputs, tmp_path)
    assert found.faults.keys() == PLANTS.keys()
    assert found.suspects == {fault: rows for fault, rows in planted.items() if rows is not None}
    severities = [line["severity"] for line in read_tsv(tmp_path / "faults.tsv")]
    assert severities == sorted(severities, key=("error", "warning", "note").index)


def test_faults_say_their_figures(tmp_path):
    inputs = Inputs(sound_rows())
    for plant in PLANTS.values():
        plant(inputs)
    faults = audit(inputs, tmp_path).faults
    conflict = faults["conflicting_duplicate"]
    assert conflict["examples"] == f"rows 1, {len(sound_rows()) + 16}: 100 / 105"
    assert "on one side of the split, whatever duplicates is" in conflict["remedy"]
    assert "left out of everything" in faults["null_label"]["remedy"]
    assert "(0.09 %)" in conflict["what"]  # 2 of 2,138 labelled rows
    assert faults["label_noise"]["examples"].startswith("row 50: 102 -> ")
    # All but the four suspects are predicted as they are labelled: of 2,134 kept rows.
    assert "agree with 99.81 % of all labels" in faults["label_noise"]["what"]
    assert "12 rows" in faults["test_only_class"]["what"]
    assert "'train'" in faults["test_only_class"]["what"]
    assert "validation lacks 1 class, test lacks 1 class" in faults["missing_from_split"]["what"]
    assert "2,020 rows, the smallest 1: 2,020 : 1" in faults["extreme_ratio"]["what"]
    assert "no class has three groups" in faults["not_stratified"]["what"]
    assert faults["lost_by_extraction"]["examples"] == "777 (3); 778 (1)"
    assert "2 rows of 2,140" in faults["null_label"]["what"]


def test_the_training_split_goes_by_its_name_or_is_the_largest(tmp_path):
    rows = sound_rows()
    for example in rows:
        example.given = "Training" if example.given == "test" else "big"
    rows += [Example("888", f"late {n}", "big") for n in range(12)]
    assert audit(Inputs(rows), tmp_path / "named").suspects["test_only_class"] == [*range(120, 132)]
    for example in rows:
        example.given = {"Training": "small"}.get(str(example.given), example.given)
    assert "test_only_class" not in audit(Inputs(rows), tmp_path / "largest").faults


def test_the_same_text_twice_in_one_given_split_is_no_leak(tmp_path):
    rows = sound_rows()
    rows += [copy.copy(rows[1])]
    assert audit(Inputs(rows), tmp_path).faults == {}


def test_a_class_without_training_rows_is_an_error(tmp_path):
    inputs = Inputs(sound_rows(), split_of=dict.fromkeys(range(80, 100), "test"))
    found = audit(inputs, tmp_path)
    assert found.faults["missing_from_split"]["severity"] == "error"
    assert found.imbalance["test"]["prior_only_loss"] is None


def test_merged_and_train_only_classes(tmp_path):
    rare = [Example("OTHER", "rare one"), Example("OTHER", "rare two")]
    paths = Inputs([*sound_rows(), *rare]).write(tmp_path)
    # As if two labels of one row each had been merged, and were kept for training alone.
    rows = pq.read_table(paths["rows"]).to_pylist()
    rows[-2]["label"], rows[-1]["label"] = "a", "b"
    pq.write_table(pa.Table.from_pylist(rows, schema=ROWS), paths["rows"])
    kept = pq.read_table(paths["kept"]).to_pylist()
    for row in kept:
        row["train_only"] = row["label"] == "OTHER"
    pq.write_table(pa.Table.from_pylist(kept, schema=KEPT), paths["kept"])
    found = audit_files(paths, tmp_path)
    assert "missing_from_split" not in found.faults
    lines = {line["label"]: line for line in read_tsv(tmp_path / "class_counts.tsv")}
    assert (lines["OTHER"]["kept"], lines["OTHER"]["rows"]) == ("yes", "2")
    assert (lines["a"]["kept"], lines["a"]["rows"]) == ("no", "1")


def test_the_case_from_its_rows(tmp_path):
    counts = case_counts()
    found = audit_case(tmp_path)
    before, after = found.imbalance["before"], found.imbalance["after"]
    assert (before["rows"], before["classes"], before["singletons"]) == (298_821, 224, 10)
    assert (before["ratio"], after["ratio"]) == (44_098, pytest.approx(4_409.8))
    assert f"{before['top_k_share']:.4f} {before['majority_baseline']:.4f}" == "0.4592 0.1476"
    assert f"{before['ln_classes']:.2f}" == "5.41"
    assert before["prior_only_loss"] == pytest.approx(entropy(counts))
    assert before["rows"] - after["rows"] == 142 and after["classes"] == 190
    rare = found.faults["rare_class"]
    assert (rare["rows"], rare["classes"]) == ("142", "34")
    assert "34 classes and 142 rows (0.05 %)" in rare["what"]
    assert "44,098 : 1 (after the filter 4,410 : 1)" in found.faults["extreme_ratio"]["what"]
    assert "right in 14.76 %" in found.faults["extreme_ratio"]["what"]
    assert len(found.suspects["singleton"]) == 10


def test_threads_change_nothing(tmp_path):
    inputs = Inputs(sound_rows())
    for plant in PLANTS.values():
        plant(inputs)
    names = ("imbalance.json", "class_counts.tsv", "faults.tsv", "suspects.parquet")
    one = audit(inputs, tmp_path / "one", threads=1).folder
    three = audit(inputs, tmp_path / "three", threads=3).folder
    for name in (*names, "text_length_by_class.tsv"):
        assert (one / name).read_bytes() == (three / name).read_bytes()


def test_top_k_below_one_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="top_k is 0"):
        audit(Inputs(sound_rows()), tmp_path, top_k=0)
