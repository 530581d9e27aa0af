"""The transformer encoder against the library's own forward pass, one window at a time."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from scripts.common.errors import ConfigError, DownloadError, InputError, IntegrityError
from scripts.retrieval.encoders import load_encoder, text_vectors_of
from scripts.retrieval.pairs import Pair
from scripts.retrieval.transformer_encoder import TransformerEncoder
from scripts.retrieval.transformer_training import TransformerTrainer, pool_content
from scripts.retrieval.windows import cut_windows
from tests.retrieval.encoder_builders import TEXTS, prepare
from tests.retrieval.training_builders import TOPICS, contents, topic_memory, topic_pairs, train

_MIXED = ["고양이", " ".join(TEXTS), "", TEXTS[1], "[SEP] [PAD]"]
_DRAW = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small encoder with random weights, whose windows hold six tokens, two of them shared."""
    return prepare(tmp_path_factory.mktemp("encoder"), kind="transformer")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> TransformerEncoder:
    loaded = load_encoder(folder, threads=1)
    assert isinstance(loaded, TransformerEncoder)
    return loaded


@pytest.fixture(autouse=True)
def _unfrozen_threads() -> Any:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def _by_hand(folder: Path, text: str, window: int, overlap: int) -> np.ndarray:
    """Token vectors from the library's model and tokenizer, without batches and padding."""
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    parts = [np.zeros((0, model.config.hidden_size), np.float32)]
    for w in cut_windows(len(ids), window, overlap):
        row = [tokenizer.cls_token_id, *ids[w.start : w.end], tokenizer.sep_token_id]
        with torch.inference_mode():
            states = model(input_ids=torch.tensor([row])).last_hidden_state[0].numpy()
        # States 1 … are those of the window's tokens, behind [CLS].
        parts.append(states[1 + w.kept_start - w.start : 1 + w.kept_end - w.start])
    return np.concatenate(parts)


def test_token_vectors_are_the_library_s_without_padding_and_special_tokens(
    folder: Path, encoder: TransformerEncoder
) -> None:
    tokens = encoder.token_vectors(_MIXED)
    for number, text in enumerate(_MIXED):
        expected = _by_hand(folder, text, 6, 2)
        np.testing.assert_allclose(tokens.text(number), expected, atol=1e-5)
        mean = encoder.text_vectors([text])[0]
        if len(expected):
            pooled = expected.mean(axis=0)
            np.testing.assert_allclose(mean, pooled / np.linalg.norm(pooled), atol=1e-5)
        else:
            assert not mean.any()
    assert len(tokens.text(1)) > 6 and len(tokens.text(2)) == 0


def test_every_overlap_gives_each_token_once(encoder: TransformerEncoder) -> None:
    long = " ".join(TEXTS)
    count = len(encoder.tokenizer.content([long])[0])
    for window in (1, 2, 5):
        for overlap in range(window):
            cut = TransformerEncoder(encoder.body, encoder.tokenizer, window, overlap, "mean")
            assert len(cut.token_vectors([long]).vectors) == count


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_text_has_the_same_vectors_in_any_batch(encoder: TransformerEncoder, batch: int) -> None:
    together, texts = encoder.token_vectors(_MIXED, batch=batch), encoder.text_vectors(_MIXED)
    np.testing.assert_allclose(encoder.text_vectors(_MIXED, batch=batch), texts, atol=1e-5)
    np.testing.assert_allclose(text_vectors_of(together, "mean"), texts, atol=1e-5)
    for number, text in enumerate(_MIXED):
        alone = encoder.token_vectors([text])
        np.testing.assert_allclose(together.text(number), alone.vectors, atol=1e-5)


@pytest.mark.gpu
def test_both_devices_give_the_same_scores(folder: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    one, other = (load_encoder(folder, threads=1, gpu=gpu).text_vectors(TEXTS) for gpu in (0, 1))
    np.testing.assert_allclose(one @ one.T, other @ other.T, rtol=0, atol=1e-4)


def test_padding_has_no_part_in_a_mean() -> None:
    hidden = torch.tensor([[[9.0], [1.0], [3.0], [9.0]], [[9.0], [9.0], [9.0], [9.0]]])
    hidden[0, 3] = torch.nan
    content = torch.tensor([[False, True, True, False], [False] * 4])
    assert pool_content(hidden, content).tolist() == [[2.0], [0.0]]


@pytest.mark.parametrize("pooling", ["cls", "pooler"])
def test_the_special_token_of_the_first_window_may_stand_for_a_text(
    folder: Path, encoder: TransformerEncoder, pooling: str
) -> None:
    from transformers import AutoModel

    chosen = TransformerEncoder(encoder.body, encoder.tokenizer, 6, 2, pooling)
    ids = encoder.tokenizer.content([_MIXED[1]])[0][:6]
    before, behind = encoder.tokenizer.frame()
    model = AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        output = model(input_ids=torch.tensor([[*before, *ids, *behind]]))
    of_model = {"cls": output.last_hidden_state[0, 0], "pooler": output.pooler_output[0]}
    expected = of_model[pooling].numpy()
    vectors = chosen.text_vectors(_MIXED)
    np.testing.assert_allclose(vectors[1], expected / np.linalg.norm(expected), atol=1e-5)
    assert not vectors[2].any()
    tokens = chosen.token_vectors(_MIXED)
    np.testing.assert_allclose(text_vectors_of(tokens, pooling), vectors, atol=1e-5)
    np.testing.assert_allclose(text_vectors_of(tokens.take([1]), pooling), vectors[[1]], atol=1e-5)
    np.testing.assert_array_equal(tokens.vectors, encoder.token_vectors(_MIXED).vectors)
    fresh = load_encoder(folder, threads=1)
    assert isinstance(fresh, TransformerEncoder)
    _drop_nothing(fresh)
    trainer = TransformerTrainer(
        TransformerEncoder(fresh.body, fresh.tokenizer, 6, 2, pooling), _MIXED
    )
    trained = trainer.encode(np.arange(len(_MIXED)), _DRAW).detach().numpy()
    np.testing.assert_allclose(trained, vectors, atol=1e-5)


def _drop_nothing(encoder: TransformerEncoder) -> None:
    for part in encoder.body.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0


def test_a_model_without_a_pooler_gets_none(tmp_path: Path) -> None:
    options: dict[str, Any] = {"kind": "transformer", "architecture": "roberta"}
    start, memory = prepare(tmp_path, **options), topic_memory(tmp_path / "memory")
    one, other = (
        contents(train(start, memory, topic_pairs(), tmp_path / name, steps=2))
        for name in ("one", "other")
    )
    assert one == other
    with safe_open(tmp_path / "one" / "model.safetensors", framework="numpy") as weights:
        assert not [name for name in weights.keys() if "pooler" in name]  # noqa: SIM118
    with pytest.raises(ConfigError, match="roberta models lack"):
        prepare(tmp_path, pooling="pooler", **options)


def test_the_folder_loads_with_the_library(folder: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.vocab_size == len(tokenizer)
    assert tokenizer.model_max_length == 6 + 2
    assert json.loads((folder / "encoder.json").read_text())["pooling"] == "mean"


def test_a_published_model_is_taken_with_its_tokenizer(
    folder: Path, encoder: TransformerEncoder, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "kind": "transformer",
        "pretrained": str(folder),
        "window": 6,
        "overlap": 3,
    }
    taken = load_encoder(prepare(tmp_path, **options), threads=1)
    np.testing.assert_allclose(
        taken.text_vectors(TEXTS[:1]),
        TransformerEncoder(encoder.body, encoder.tokenizer, 6, 3, "mean").text_vectors(TEXTS[:1]),
        atol=1e-5,
    )
    with pytest.raises(ConfigError, match=r"retrieval\.encoder\.window makes rows of 9 tokens"):
        prepare(tmp_path, **{**options, "window": 7})
    (tmp_path / "nowhere").mkdir()
    with pytest.raises(DownloadError, match="nowhere"):
        prepare(tmp_path, **{**options, "pretrained": str(tmp_path / "nowhere")})


def test_training_ranks_answers_first_and_the_model_loads(tmp_path: Path) -> None:
    start = prepare(
        tmp_path, [text for topic in TOPICS for text in topic], kind="transformer", window=12
    )
    memory = topic_memory(tmp_path / "memory")
    options: dict[str, Any] = {"steps": 60, "batch": 6, "learning_rate": 1e-2, "in_batch": "always"}
    model = train(start, memory, topic_pairs(), tmp_path / "model", **options)
    encoder = load_encoder(model, threads=1)
    queries = encoder.text_vectors([query for query, _ in TOPICS])
    documents = encoder.text_vectors([document for _, document in TOPICS])
    assert (queries @ documents.T).argmax(axis=1).tolist() == list(range(len(TOPICS)))
    facts = json.loads((model / "training.json").read_text())
    assert facts["device"] == "cpu" and facts["losses"][-1][1] < 0.5 * facts["losses"][0][1]
    from transformers import AutoModel

    weights = AutoModel.from_pretrained(model).state_dict()
    before = AutoModel.from_pretrained(start).state_dict()
    changed = {name for name in weights if not torch.equal(weights[name], before[name])}
    # The pooler has no part in token vectors.
    assert changed == {name for name in weights if not name.startswith("pooler")}


def test_self_positives_differ_from_their_query_by_dropout_alone(folder: Path) -> None:
    fresh = load_encoder(folder, threads=1)
    assert isinstance(fresh, TransformerEncoder)
    trainer = TransformerTrainer(fresh, TEXTS)
    numbers = np.array([1, 3, 1])
    one, other, again = trainer.encode(numbers, np.random.default_rng(7)).detach()
    assert not torch.equal(one, again) and one @ again > one @ other
    repeated = trainer.encode(numbers, np.random.default_rng(7)).detach()
    assert torch.equal(repeated, torch.stack([one, other, again]))
    _drop_nothing(fresh)
    whole = TransformerEncoder(fresh.body, fresh.tokenizer, 6, 2, "mean")
    texts = ["고양이", TEXTS[0].split()[0], ""]
    short = [text for text in texts if len(whole.tokenizer.content([text])[0]) <= 6]
    vectors = TransformerTrainer(whole, short).encode(np.arange(len(short)), _DRAW)
    fresh.body.eval()
    np.testing.assert_allclose(vectors.detach().numpy(), whole.text_vectors(short), atol=1e-5)


def test_no_pairs_carry_the_weights_over_and_self_pairs_train(folder: Path, tmp_path: Path) -> None:
    memory = topic_memory(tmp_path / "memory")
    files = contents(train(folder, memory, [], tmp_path / "carried"))
    files.pop("training.json")
    assert files == contents(folder)
    pairs = [Pair(f"d{i}", "document", None, "self") for i in range(len(TOPICS))]
    model = train(folder, memory, pairs, tmp_path / "model", steps=3)
    assert json.loads((model / "training.json").read_text())["steps"] == 3


def test_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from tests.retrieval.test_transformer_encoder import prepare_and_train;"
        "prepare_and_train(Path(sys.argv[1]))"
    )
    # This process has a hash seed of its own.
    prepare_and_train(tmp_path / "here")
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "there")],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": "."},
        timeout=120,
    )
    for name in ("encoder", "model"):
        assert contents(tmp_path / "here" / name) == contents(tmp_path / "there" / name)


def prepare_and_train(folder: Path) -> None:
    """Make an encoder and train it for three steps."""
    folder.mkdir()
    start = prepare(folder, kind="transformer")
    train(start, topic_memory(folder / "memory"), topic_pairs(), folder / "model", steps=3)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"overlap": 6}, ConfigError, "overlap"),
        ({"pooling": "max"}, ConfigError, "pooling"),
        ({"architecture": "t5"}, InputError, r"retrieval\.encoder\.architecture"),
        ({"sizes": {"hidden_size": 8}}, ConfigError, "missing"),
        ({"texts": ["", "  "]}, InputError, "no text"),
    ],
)
def test_what_cannot_be_prepared_is_named(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        prepare(tmp_path, **{"kind": "transformer", **options})


def test_cls_needs_a_special_token_before_the_text(encoder: TransformerEncoder) -> None:
    from tokenizers import processors

    bare = type(encoder.tokenizer)(
        type(encoder.tokenizer.tokenizer).from_str(encoder.tokenizer.tokenizer.to_str()),
        encoder.tokenizer.special_tokens,
        8,
    )
    bare.tokenizer.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B")
    with pytest.raises(ConfigError, match="no special token"):
        TransformerEncoder(encoder.body, bare, 6, 2, "cls")
    assert TransformerEncoder(encoder.body, bare, 6, 2, "mean").text_vectors([""]).shape == (1, 16)


def test_broken_folders_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    folder = prepare(tmp_path, kind="transformer")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(IntegrityError, match="no complete model"):
        load_encoder(folder, threads=1)
    weights.unlink()
    with pytest.raises(IntegrityError, match="no complete model"):
        load_encoder(folder, threads=1)
    (folder / "encoder.json").write_text('{"kind": "transformer"}')
    with pytest.raises(IntegrityError, match="window"):
        load_encoder(folder, threads=1)
