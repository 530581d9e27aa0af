"""Labels of texts from models of both kinds: those of the test split, and clear refusals."""

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.classification import predict_labels
from scripts.classification.label_map import UnknownLabelError
from scripts.classification.linear_model import LinearModel
from scripts.classification.prepare_features import run as prepare_features
from scripts.classification.tables import EXAMPLES, PREDICTIONS
from scripts.classification.text_features import learn_vocabulary
from scripts.common.errors import ConfigError, InputError, IntegrityError
from scripts.common.files import atomic_folder
from scripts.common.tables import read_table
from tests.classification.encoder_builders import LABELS, Bench
from tests.classification.linear_builders import Folders, train
from tests.workflow.harness import ROOT

KINDS = ("tfidf", "transformer")


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def trained(bench) -> dict[str, Path]:
    """A training of each kind on the same splits."""
    folders = Folders(bench.folder)
    prepare_features(
        folders.parquet, folders.features, ngram_min=1, ngram_max=3, max_features=500, min_count=1
    )
    return {"tfidf": train(folders, "plain"), "transformer": bench.train("encoder")}


def answers(capsys: pytest.CaptureFixture[str], model: Path, **options) -> list[dict[str, str]]:
    """What the program prints, by column."""
    capsys.readouterr()
    predict_labels.run(model, **options)
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out), delimiter="\t"))


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_those_of_the_test_split(bench, trained, capsys, kind):
    expected = read_table(trained[kind] / "predictions.parquet", PREDICTIONS)
    rows = answers(capsys, trained[kind] / "model", file=bench.folder / "parquet/test.parquet")
    assert [row["label"] for row in rows] == [
        LABELS[number] for number in expected["predicted_id"].to_pylist()
    ]
    for row, probability in zip(rows, expected["probability"].to_pylist(), strict=True):
        assert float(row["probability"]) == pytest.approx(probability, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_lines_batches_and_the_command_line_agree(
    bench, trained, capsys, monkeypatch, tmp_path, kind
):
    texts = read_table(bench.folder / "parquet/test.parquet", EXAMPLES)["text"].to_pylist()
    texts.insert(3, "")
    (tmp_path / "texts.txt").write_bytes("\r\n".join(texts).encode())
    model = trained[kind] / "model"
    as_arguments = answers(capsys, model, texts=texts)
    assert answers(capsys, model, file=tmp_path / "texts.txt") == as_arguments
    monkeypatch.setattr(predict_labels, "_BATCH", 4)
    in_parts = answers(capsys, model, texts=texts)
    assert [row["label"] for row in in_parts] == [row["label"] for row in as_arguments]
    assert len(in_parts) == len(texts)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_of_labels_that_are_asked_for(trained, capsys, kind):
    model = trained[kind] / "model"
    (row,) = answers(capsys, model, texts=["본사 택시 버스 결제"], labels=list(LABELS))
    shares = {label: float(row[f"p({label})"]) for label in LABELS}
    assert sum(shares.values()) == pytest.approx(1, abs=3e-4)
    assert max(shares, key=lambda label: shares[label]) == row["label"]
    assert float(row["probability"]) == max(shares.values())


@pytest.mark.parametrize("kind", KINDS)
def test_label_that_the_model_does_not_know(trained, kind):
    command = [sys.executable, "-m", "scripts.classification.predict_labels"]
    options = ["--model", str(trained[kind] / "model"), "--texts", "택시", "--labels", "식데"]
    ended = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert "'식데'; nearest to '식데': '식대'; correct" in line


def test_unknown_label_before_any_text_is_read(trained):
    with pytest.raises(UnknownLabelError):
        predict_labels.run(
            trained["tfidf"] / "model", file=Path("/nowhere/texts.txt"), labels=["9999"]
        )


def test_texts_and_file_both_or_neither(trained):
    both: dict[str, Any] = {"texts": ["a"], "file": Path("texts.txt")}
    for options in ({}, both):
        with pytest.raises(ConfigError, match="with --texts or with --file, one of them"):
            predict_labels.run(trained["tfidf"] / "model", **options)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("texts.txt", None, r"texts\.txt is missing"),
        ("texts.txt", "한글".encode("euc-kr"), r"texts\.txt is no UTF-8 text"),
        ("texts.parquet", None, r"texts\.parquet is missing"),
        ("texts.parquet", b"PAR1", r"texts\.parquet is no complete Parquet file"),
        ("texts.parquet", {"memo": ["a"]}, "has no column text; choose one of memo"),
        ("texts.parquet", {"text": ["a", None]}, "row 1: text is None and no text"),
        ("texts.parquet", {"text": [1]}, "row 0: text is 1 and no text"),
    ],
)
def test_files_without_texts(trained, tmp_path, name, content, message):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        pq.write_table(pa.table(content), path)
    with pytest.raises(InputError, match=message):
        predict_labels.run(trained["tfidf"] / "model", file=path)


def test_a_file_that_is_damaged_inside_is_named(trained, tmp_path):
    path = tmp_path / "texts.parquet"
    texts = [f"{number * 7919} {number}" for number in range(3_000)]
    pq.write_table(pa.table({"text": texts}), path, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[200:3_000] = bytes(2_800)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"texts\.parquet cannot be read to its end"):
        predict_labels.run(trained["tfidf"] / "model", file=path)


def test_folder_without_a_model(tmp_path, trained, bench):
    with pytest.raises(InputError, match="holds no trained model"):
        predict_labels.run(tmp_path, texts=["a"])
    with pytest.raises(IntegrityError, match=r"lacks the weights classifier\.bias"):
        predict_labels.run(bench.encoder, texts=["a"])


def test_a_label_with_a_tab_keeps_its_column(tmp_path, capsys):
    vocabulary, _ = learn_vocabulary(
        ["ab", "ba"], ngram_min=1, ngram_max=2, max_features=9, min_count=1
    )
    weights = np.zeros((len(vocabulary.ngrams), 2), np.float32)
    with atomic_folder(tmp_path / "model") as folder:
        LinearModel(vocabulary, ["a\tb", 'c\n"d"'], weights, np.array([1, 0], np.float32)).write(
            folder
        )
    predict_labels.run(tmp_path / "model", texts=["ab"], labels=['c\n"d"'])
    header, row = csv.reader(io.StringIO(capsys.readouterr().out, newline=""), delimiter="\t")
    assert header == ["label", "probability", 'p(c\n"d")']
    assert row == ["a\tb", "0.7311", "0.2689"]
