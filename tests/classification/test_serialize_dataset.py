"""The dataset opens with its labels' names, in any batches the same bytes."""

import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, load_from_disk

from scripts.classification import filter_classes, serialize_dataset, split_rows
from scripts.classification.label_map import LabelMap
from scripts.classification.tables import EXAMPLES, KEPT, SPLITS
from scripts.common.arrow_dataset import describe_files
from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import read_json, sha256_file
from scripts.common.tables import read_table, write_table
from tests.classification.row_builders import write_rows

LABELS = [*["나,\n"] * 400, *["가"] * 300, *['"따옴표"'] * 40, *["10"] * 4, *["9"] * 3, "홀로"]
OUTPUTS = ("dataset", "parquet", "manifest.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Inputs of the step, for rows of six classes with odd names, one of them dropped."""
    folder = tmp_path_factory.mktemp("made")
    texts = [f"{'적요 ' * (number % 30)}{number}" for number in range(len(LABELS))]
    texts[5] = ""
    labels = [LABELS[number * 37 % len(LABELS)] for number in range(len(LABELS))]
    rows = write_rows(folder / "rows", labels, texts=texts)
    inputs = {"kept": folder / "kept", "splits": folder / "splits"}
    inputs["label_map"] = folder / "label_map.json"
    filter_classes.run(
        rows,
        inputs["kept"],
        folder / "report",
        inputs["label_map"],
        min_samples_per_class=3,
        rare_policy="drop",
    )
    split_rows.run(inputs["kept"], inputs["splits"], folder / "coverage")
    return inputs


def serialized(inputs, folder, **options):
    outputs = {name.split(".")[0]: folder / name for name in OUTPUTS}
    serialize_dataset.run(**inputs, **outputs, **options)
    return outputs


def expected_rows(inputs):
    kept = read_table(inputs["kept"], KEPT).to_pandas()
    splits = read_table(inputs["splits"], SPLITS).to_pandas()["split"]
    return {
        name: [
            {"row": row, "text": text, "label": label}
            for row, text, label in zip(
                part["row"].tolist(), part["text"], part["label_id"].tolist(), strict=True
            )
        ]
        for name, part in ((n, kept[splits == n]) for n in ("train", "validation", "test"))
    }


def test_load_from_disk_gives_the_rows_and_the_names_of_labels(tmp_path, made):
    outputs = serialized(made, tmp_path)
    loaded = load_from_disk(str(outputs["dataset"]))
    assert set(loaded) == {"train", "validation", "test"}
    expected = expected_rows(made)
    registry = LabelMap.read(made["label_map"])
    assert "홀로" not in registry.labels and len(registry) == 5
    labels = read_table(made["kept"], KEPT).to_pandas().set_index("row")["label"]
    for name, split in loaded.items():
        feature = split.features["label"]
        assert isinstance(feature, ClassLabel) and tuple(feature.names) == registry.labels
        assert split.to_list() == expected[name]
        assert feature.int2str(split["label"][:]) == labels[split["row"][:]].tolist()
        assert feature.str2int(list(registry.labels)) == list(range(5))


def test_parquet_holds_the_same_with_the_same_features(tmp_path, made):
    outputs = serialized(made, tmp_path)
    expected = expected_rows(made)
    for name in expected:
        path = outputs["parquet"] / f"{name}.parquet"
        assert read_table(path, EXAMPLES).to_pylist() == expected[name]
        opened = Dataset.from_parquet(str(path), cache_dir=str(tmp_path / "cache"))
        assert tuple(opened.features["label"].names) == LabelMap.read(made["label_map"]).labels


def test_bytes_do_not_depend_on_batches(tmp_path, made):
    found = []
    for rows in (20_000, 1, 7, 500):
        outputs = serialized(made, tmp_path / str(rows), batch_rows=rows, rows_per_file=333)
        files = [describe_files(outputs[name]) for name in ("dataset", "parquet")]
        found.append((files, sha256_file(outputs["manifest"])))
    assert found[1:] == found[:1] * 3
    # One Arrow file more or less changes no row.
    again = serialized(made, tmp_path / "one")
    several = load_from_disk(str(tmp_path / "7" / "dataset"))
    assert len(list((tmp_path / "7" / "dataset" / "train").glob("*.arrow"))) == 2
    assert load_from_disk(str(again["dataset"]))["train"].to_list() == several["train"].to_list()


def test_manifest_names_every_file(tmp_path, made):
    outputs = serialized(made, tmp_path)
    manifest = read_json(outputs["manifest"])
    assert sum(manifest["rows"].values()) == 747 and manifest["classes"] == 5
    assert manifest["label_map_sha256"] == sha256_file(made["label_map"])
    files = {entry["path"]: entry["sha256"] for entry in manifest["dataset"]["files"]}
    assert files == {
        path.relative_to(outputs["dataset"]).as_posix(): sha256_file(path)
        for path in outputs["dataset"].rglob("*")
        if path.is_file()
    }
    for entry in manifest["parquet"]:
        path = outputs["parquet"] / entry["path"]
        assert entry["sha256"] == sha256_file(path)
        assert entry["rows"] == pq.read_metadata(path).num_rows


# Bad input


def altered(inputs, folder, name, schema, change):
    write_table(folder / name, change(read_table(inputs[name], schema)), schema)
    return {**inputs, name: folder / name}


@pytest.mark.parametrize(
    ("name", "schema", "change", "told"),
    [
        ("splits", SPLITS, lambda t: t.slice(1), "different numbers of rows"),
        ("splits", SPLITS, lambda t: t.take([1, 0, *range(2, 747)]), "differ in row"),
        (
            "splits",
            SPLITS,
            lambda t: t.set_column(2, "split", [["holdout"] * 747]),
            "a split other than train",
        ),
        (
            "splits",
            SPLITS,
            lambda t: t.set_column(2, "split", [["train"] * 747]),
            "no row for validation, test",
        ),
        (
            "kept",
            KEPT,
            lambda t: t.set_column(1, "label", [["가"] * 747]),
            "other label ids than the label map",
        ),
    ],
)
def test_inputs_that_do_not_belong_together_are_refused(tmp_path, made, name, schema, change, told):
    inputs = altered(made, tmp_path, name, schema, change)
    with pytest.raises(IntegrityError, match=told):
        serialized(inputs, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["batch_rows", "rows_per_file"])
def test_batches_without_rows_are_refused(tmp_path, made, name):
    with pytest.raises(ConfigError, match=f"{name} is 0"):
        serialized(made, tmp_path, **{name: 0})
