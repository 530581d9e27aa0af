"""The hashed encoder against a word-by-word second implementation, and what must not matter."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.errors import ConfigError, IntegrityError
from scripts.retrieval.encoders import load_encoder, text_vectors_of
from scripts.retrieval.hashed_encoder import BucketFrequencies, HashedSettings, fresh_hashed_encoder
from scripts.retrieval.hashed_ngrams import hash_ngrams, split_words
from tests.retrieval.encoder_builders import TEXTS, prepare

_SETTINGS = HashedSettings(dimension=8, buckets=97, ngram_min=2, ngram_max=3, dropout=0.0)
_ENCODER = fresh_hashed_encoder(_SETTINGS, np.ones(97, np.float32), seed=5)


def _ngrams(word: str, low: int, high: int) -> list[str]:
    bordered = f"\x00{word}\x00"
    return [
        bordered[place : place + size]
        for size in range(low, high + 1)
        for place in range(len(bordered) - size + 1)
    ]


@given(st.lists(st.text("가나다abc한", min_size=1, max_size=9), max_size=12))
def test_words_have_a_bucket_for_each_n_gram_and_one_for_themselves(words: list[str]) -> None:
    together = hash_ngrams(words, ngram_min=2, ngram_max=4, buckets=1009)
    for number, word in enumerate(words):
        mine = together.buckets[together.offsets[number] : together.offsets[number + 1]]
        assert len(mine) == len(_ngrams(word, 2, 4)) + 1
        alone = hash_ngrams([word], ngram_min=2, ngram_max=4, buckets=1009)
        assert mine.tolist() == alone.buckets.tolist()


def test_equal_n_grams_share_a_bucket_and_others_spread() -> None:
    words = ["학교에서", "학교는", "대학교"]
    hashed = hash_ngrams(words, ngram_min=2, ngram_max=2, buckets=1 << 30)
    buckets = [
        set(hashed.buckets[s:e].tolist())
        for s, e in zip(hashed.offsets[:-1], hashed.offsets[1:], strict=True)
    ]
    assert len(buckets[0] & buckets[1]) == 2  # border + 학, 학교
    assert len(buckets[0] & buckets[2]) == 1  # 학교
    many = [f"{number}번째" for number in range(4_000)]
    hashed = hash_ngrams(many, ngram_min=9, ngram_max=9, buckets=64)  # the whole words only
    counts = np.bincount(hashed.buckets, minlength=64)
    expected = len(many) / 64
    # Chi-square with 63 degrees of freedom: 103 is its 99.9 % point.
    assert ((counts - expected) ** 2 / expected).sum() < 103


def test_anagrams_and_repeats_differ_as_whole_words() -> None:
    words = ["ab", "ba", "aa", "aaa", "aabb", "abab"]
    hashed = hash_ngrams(words, ngram_min=9, ngram_max=9, buckets=1 << 30)
    assert len(set(hashed.buckets.tolist())) == len(words)


def test_words_are_cut_at_marks_and_folded() -> None:
    rows = split_words(["서울, 서울!", "", "ＡＢＣ abc"])
    assert rows.words == ["서울", "abc"]
    assert rows.numbers.tolist() == [0, 0, 1, 1]
    assert rows.offsets.tolist() == [0, 2, 2, 4]


def test_a_token_is_the_mean_of_its_buckets_times_the_projection() -> None:
    turned = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)
    encoder = type(_ENCODER)(_SETTINGS, _ENCODER.table, turned)
    tokens = encoder.token_vectors(["버스와 지하철"])
    for number, word in enumerate(["버스와", "지하철"]):
        buckets = hash_ngrams([word], ngram_min=2, ngram_max=3, buckets=97).buckets
        expected = encoder.table[buckets].astype(np.float64).mean(0) @ turned
        np.testing.assert_allclose(tokens.vectors[number], expected, atol=1e-5)
    mean = tokens.vectors.astype(np.float64).mean(0)
    np.testing.assert_allclose(
        encoder.text_vectors(["버스와 지하철"])[0], mean / np.linalg.norm(mean), atol=1e-5
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("가나다 ,.ab", max_size=30), max_size=9), st.integers(1, 4))
def test_a_text_has_the_same_vectors_in_any_batch(texts: list[str], batch: int) -> None:
    tokens = _ENCODER.token_vectors(texts, batch=batch)
    vectors = _ENCODER.text_vectors(texts, batch=batch)
    assert len(tokens.offsets) == len(texts) + 1 and vectors.shape == (len(texts), 8)
    for number, text in enumerate(texts):
        alone = _ENCODER.token_vectors([text])
        mine = tokens.vectors[tokens.offsets[number] : tokens.offsets[number + 1]]
        np.testing.assert_allclose(mine, alone.vectors, atol=1e-6)
        np.testing.assert_allclose(vectors[number], _ENCODER.text_vectors([text])[0], atol=1e-5)
    np.testing.assert_allclose(text_vectors_of(tokens, "mean"), vectors, atol=1e-5)


def test_texts_without_words_have_no_tokens_and_a_row_of_zeros() -> None:
    texts = ["", "…!?", "버스", "   "]
    tokens = _ENCODER.token_vectors(texts)
    assert np.diff(tokens.offsets).tolist() == [0, 0, 1, 0]
    for vectors in (_ENCODER.text_vectors(texts), text_vectors_of(tokens, "mean")):
        lengths = np.linalg.norm(vectors, axis=1)
        np.testing.assert_allclose(lengths, [0, 0, 1, 0], atol=1e-6)
    assert _ENCODER.text_vectors([]).shape == (0, 8)


def test_bucket_weights_follow_document_frequencies() -> None:
    texts = ["버스 버스 택시", "버스", "버스 기차"]
    counter = BucketFrequencies(_SETTINGS)
    counter.add(texts[:1])
    counter.add(texts[1:])
    weights = counter.weights()
    frequencies = np.zeros(97)
    for text in texts:
        words = list(set(text.split()))
        buckets = hash_ngrams(words, ngram_min=2, ngram_max=3, buckets=97).buckets
        frequencies[np.unique(buckets)] += 1
    expected = np.log(4 / (1 + frequencies)) + 1
    np.testing.assert_allclose(weights, expected / expected.max(), rtol=1e-6)


def test_a_written_encoder_reads_back_the_same(tmp_path: Path) -> None:
    folder = prepare(tmp_path)
    encoder = load_encoder(folder, threads=1)
    again = load_encoder(prepare(tmp_path / "again"), threads=1)
    np.testing.assert_array_equal(encoder.text_vectors(TEXTS), again.text_vectors(TEXTS))
    other = load_encoder(prepare(tmp_path / "other", seed=4), threads=1)
    assert not np.allclose(encoder.text_vectors(TEXTS), other.text_vectors(TEXTS), atol=0.1)


def test_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.retrieval.encoder_builders import *;"
        "from scripts.retrieval.encoders import load_encoder; folder = prepare(Path(sys.argv[1]));"
        "vectors = load_encoder(folder, threads=1).token_vectors(TEXTS).vectors;"
        "Path(sys.argv[1], 'vectors').write_bytes(vectors.tobytes());"
        "assert not {'torch', 'transformers', 'tokenizers'} & set(sys.modules)"
    )
    results = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "."}
        subprocess.run(
            [sys.executable, "-c", program, str(folder)], check=True, env=environment, timeout=60
        )
        files = ("vectors", "encoder/encoder.json", "encoder/encoder.safetensors")
        results.append([(folder / name).read_bytes() for name in files])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("dimension", 0), ("buckets", 0), ("ngram_min", 0), ("ngram_max", 1), ("dropout", 1.0)],
)
def test_impossible_settings_are_named(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        prepare(tmp_path, **{name: value})


def test_a_hashed_encoder_has_no_special_tokens_to_pool(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pooling"):
        prepare(tmp_path, pooling="cls")
    with pytest.raises(ConfigError, match="cls"):
        text_vectors_of(_ENCODER.token_vectors(TEXTS), "cls")
    with pytest.raises(ConfigError, match="kind"):
        prepare(tmp_path, kind="hasht")


def test_broken_folders_are_named(tmp_path: Path) -> None:
    folder = prepare(tmp_path)
    weights = folder / "encoder.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    with pytest.raises(IntegrityError, match="safetensors"):
        load_encoder(folder, threads=1)
    weights.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        load_encoder(folder, threads=1)
    description = folder / "encoder.json"
    description.write_text('{"kind": "hashed"}')
    with pytest.raises(IntegrityError, match="dimension"):
        load_encoder(folder, threads=1)
    description.write_text('{"kind": "other"}')
    with pytest.raises(IntegrityError, match="other"):
        load_encoder(folder, threads=1)
