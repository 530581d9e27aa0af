"""The encoder and the tokenized splits: repeatable, as the library tokenizes, clear refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer

from scripts.classification import prepare_transformer
from scripts.classification.tables import EXAMPLES, SPLIT_NAMES, TOKENS
from scripts.classification.token_rows import read_token_rows, rows_of_ids
from scripts.common.encoder_tokenizer import EncoderTokenizer
from scripts.common.errors import ConfigError, DownloadError, InputError, IntegrityError
from scripts.common.tables import read_table, table_of_rows, write_table
from tests.classification.encoder_builders import SIZES, prepare, write_examples


@pytest.fixture(scope="module")
def parquet(tmp_path_factory) -> Path:
    return write_examples(tmp_path_factory.mktemp("splits"))


def files(*folders: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}


def write_texts(folder: Path, texts: list[str]) -> Path:
    """The same texts as every split, all of class 0."""
    for split in SPLIT_NAMES:
        rows = [{"row": row, "text": text, "label": 0} for row, text in enumerate(texts)]
        write_table(folder / f"{split}.parquet", table_of_rows(rows, EXAMPLES), EXAMPLES)
    return folder


def save_base(folder: Path, tokenizer: Path, **options) -> Path:
    """A masked language model as a hub repository holds it, with the tokenizer of an encoder."""
    vocabulary = EncoderTokenizer.read(tokenizer).tokenizer.get_vocab_size()
    settings = {**SIZES, "vocab_size": vocabulary, "max_position_embeddings": 24, **options}
    torch.manual_seed(5)
    model = AutoModelForMaskedLM.from_config(AutoConfig.for_model("bert", **settings))
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tokenizer / name).read_bytes())
    return folder


@pytest.mark.parametrize("architecture", ["bert", "roberta", "deberta-v2"])
def test_same_bytes_anywhere_and_others_for_another_seed(tmp_path, parquet, architecture):
    first, again = (
        files(*prepare(tmp_path / name, parquet, architecture=architecture)) for name in "ab"
    )
    assert first == again
    other = files(*prepare(tmp_path / "c", parquet, architecture=architecture, seed=4))
    assert {name for name in first if first[name] != other[name]} == {"model.safetensors"}


def test_tokens_are_what_the_library_makes_of_the_texts(tmp_path, parquet):
    encoder, tokens = prepare(tmp_path, parquet, length=10)
    library = AutoTokenizer.from_pretrained(encoder)
    for split in SPLIT_NAMES:
        examples = read_table(parquet / f"{split}.parquet", EXAMPLES)
        table = read_table(tokens / f"{split}.parquet", TOKENS)
        expected = library(examples["text"].to_pylist(), truncation=True)
        assert set(expected) == {"input_ids", "attention_mask"}
        assert table["input_ids"].to_pylist() == expected["input_ids"]
        assert table["row"].equals(examples["row"]) and table["label"].equals(examples["label"])
    assert AutoModel.from_pretrained(encoder).config.vocab_size == len(library)


def test_batches_of_texts_change_no_byte(tmp_path, parquet, monkeypatch):
    whole = files(*prepare(tmp_path / "whole", parquet))
    monkeypatch.setattr(prepare_transformer, "_BATCH", 7)
    assert files(*prepare(tmp_path / "parts", parquet)) == whole


def test_cut_off_texts_are_counted(tmp_path, caplog):
    texts = ["국밥", "", "[MASK]", "국밥 " * 20]
    encoder, tokens = prepare(tmp_path, write_texts(tmp_path / "parquet", texts), length=8)
    facts = json.loads((tokens / "manifest.json").read_text(encoding="utf-8"))["splits"]["test"]
    ids = read_table(tokens / "test.parquet", TOKENS)["input_ids"].to_pylist()
    special = EncoderTokenizer.read(encoder).tokenizer.token_to_id
    cls, sep, mask = (special(f"[{name}]") for name in ("CLS", "SEP", "MASK"))
    assert facts["truncated"] == 1 and facts["longest"] == 8 == len(ids[3])
    assert facts["rows"] == 4 and facts["tokens"] == sum(map(len, ids))
    assert ids[1] == [cls, sep]
    assert mask not in ids[2]  # a text that writes out [MASK] is text
    assert "test: 1 of 4 texts are longer than 8 tokens" in caplog.text


def test_folder_as_base_model_keeps_its_weights(tmp_path, parquet):
    encoder, _ = prepare(tmp_path / "own", parquet)
    base = save_base(tmp_path / "hub", encoder)
    prepared, tokens = prepare(tmp_path / "run", parquet, pretrained=str(base), length=20)
    rows = read_token_rows(tokens / "test.parquet", 0)
    batch = rows.batch(np.arange(len(rows)))
    del batch["labels"]
    with torch.inference_mode():
        expected, found = (
            AutoModel.from_pretrained(folder).eval()(**batch).last_hidden_state
            for folder in (base, prepared)
        )
    assert torch.equal(expected, found)


def test_pooler_that_a_base_model_lacks_starts_alike_each_time(tmp_path, parquet, caplog):
    encoder, _ = prepare(tmp_path / "own", parquet)
    base = save_base(tmp_path / "hub", encoder)
    first, again = (
        files(*prepare(tmp_path / name, parquet, pretrained=str(base))) for name in "ab"
    )
    assert first == again
    assert "bert.pooler.dense.weight" in caplog.text and "start at random" in caplog.text


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"length": 7}, ConfigError, "max_tokens 7: a row needs at least 8 tokens"),
        ({"sizes": {**SIZES, "hiden_size": 16}}, ConfigError, "hiden_size"),
        (
            {"architecture": "gpt2"},
            InputError,
            r"classification\.transformer\.architecture: .*'gpt2'",
        ),
        ({"pretrained": "/nowhere/model"}, DownloadError, "/nowhere/model.*check its name"),
    ],
)
def test_settings_that_do_not_fit(tmp_path, parquet, options, error, message):
    with pytest.raises(error, match=message):
        prepare(tmp_path, parquet, **options)


def test_base_model_shorter_than_the_rows(tmp_path, parquet):
    encoder, _ = prepare(tmp_path / "own", parquet)
    base = save_base(tmp_path / "hub", encoder)
    with pytest.raises(ConfigError, match="max_tokens makes rows of 32 tokens, the base"):
        prepare(tmp_path / "run", parquet, pretrained=str(base), length=32)


def test_base_model_with_fewer_embeddings_than_pieces(tmp_path, parquet):
    encoder, _ = prepare(tmp_path / "own", parquet)
    base = save_base(tmp_path / "hub", encoder, vocab_size=40)
    with pytest.raises(InputError, match="has 40 token embeddings, its tokenizer"):
        prepare(tmp_path / "run", parquet, pretrained=str(base))


def test_base_model_without_padding(tmp_path, parquet):
    encoder, _ = prepare(tmp_path / "own", parquet)
    base = save_base(tmp_path / "hub", encoder)
    config = json.loads((base / "tokenizer_config.json").read_text(encoding="utf-8"))
    del config["pad_token"]
    (base / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(InputError, match="has no padding token"):
        prepare(tmp_path / "run", parquet, pretrained=str(base))


def test_base_model_that_classifies_no_sequences(tmp_path, parquet):
    (tmp_path / "hub").mkdir()
    encoder, _ = prepare(tmp_path / "own", parquet)
    base = save_base(tmp_path / "hub", encoder)
    (base / "config.json").write_text('{"model_type": "vit"}', encoding="utf-8")
    with pytest.raises(DownloadError, match=r"model .*hub: "):
        prepare(tmp_path / "run", parquet, pretrained=str(base))


def test_training_split_without_a_text(tmp_path):
    with pytest.raises(InputError, match="no text but empty ones"):
        prepare(tmp_path, write_texts(tmp_path / "parquet", ["", ""]))


def test_tokenizer_file_that_is_broken(tmp_path, parquet):
    encoder, _ = prepare(tmp_path, parquet)
    (encoder / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"tokenizer\.json is not valid JSON"):
        EncoderTokenizer.read(encoder)
    (encoder / "tokenizer.json").write_text('{"foreign": 1}', encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"tokenizer\.json has no key"):
        EncoderTokenizer.read(encoder)


@given(
    ids=st.lists(st.lists(st.integers(1, 90), max_size=6), min_size=1, max_size=12),
    size=st.integers(1, 5),
    data=st.data(),
)
def test_batches_hold_each_row_once_with_its_own_tokens(ids, size, data):
    rows = rows_of_ids(ids, pad=99)
    chosen = np.array(sorted(data.draw(st.sets(st.integers(0, len(ids) - 1), min_size=1))))
    seen = []
    for part in rows.batches(chosen, size):
        batch = rows.batch(part)
        assert len(part) <= size
        for place, row, mask in zip(
            part, batch["input_ids"].tolist(), batch["attention_mask"].tolist(), strict=True
        ):
            assert [token for token, real in zip(row, mask, strict=True) if real] == ids[place]
            assert all(token == 99 for token, real in zip(row, mask, strict=True) if not real)
        seen += part.tolist()
    assert sorted(seen) == chosen.tolist()
