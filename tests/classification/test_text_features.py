"""TF-IDF features: learned from training texts alone, the same after a round trip."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from scripts.classification.prepare_features import run
from scripts.classification.text_features import (
    Vocabulary,
    learn_vocabulary,
    read_features,
    write_features,
)
from scripts.common.errors import ConfigError, InputError, IntegrityError
from tests.classification.linear_builders import Folders, write_planted, write_split

TEXTS = ["가나 가나", "가나다", "라", ""]


def learn(texts, **changed):
    settings = {"ngram_min": 2, "ngram_max": 2, "max_features": 100, "min_count": 1, **changed}
    return learn_vocabulary(texts, **settings)


def test_weights_by_hand():
    vocabulary, features = learn(TEXTS)
    # Bigrams inside words, a space at either end.
    assert vocabulary.ngrams == [" 가", " 라", "가나", "나 ", "나다", "다 ", "라 "]
    # "가나 가나": " 가", "가나" in two texts and "나 " in one, each twice.
    common, single = np.log(5 / 3) + 1, np.log(5 / 2) + 1
    raw = (1 + np.log(2)) * np.array([common, common, single])
    expected = np.zeros(7)
    expected[[0, 2, 3]] = raw / np.linalg.norm(raw)
    assert features.toarray()[0] == pytest.approx(expected, abs=1e-6)
    assert features.toarray()[3].tolist() == [0] * 7


def test_a_written_vocabulary_gives_the_same_features(tmp_path: Path):
    vocabulary, features = learn(TEXTS)
    vocabulary.write(tmp_path)
    again = Vocabulary.read(tmp_path).features(TEXTS)
    for part in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(features, part), getattr(again, part))
    unknown = Vocabulary.read(tmp_path).features(["바사", "가나"])
    assert unknown.toarray()[0].tolist() == [0] * 7 and unknown[[1]].nnz == 3


def test_a_written_matrix_is_read_as_it_was_and_a_damaged_one_refused(tmp_path: Path):
    matrix = csr_array(np.array([[0, 0.5, 0], [0, 0, 0], [0.25, 0, 1]], np.float32))
    path = tmp_path / "train.safetensors"
    write_features(path, matrix)
    assert np.array_equal(read_features(path).toarray(), matrix.toarray())
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(IntegrityError, match="no complete safetensors file"):
        read_features(path)
    write_features(path, csr_array((matrix.data, [9, 0, 2], matrix.indptr), shape=(3, 10)))
    broken = read_features(path)
    broken._shape = (3, 3)
    write_features(path, broken)
    with pytest.raises(IntegrityError, match="holds no sparse matrix"):
        read_features(path)
    with pytest.raises(IntegrityError, match="missing"):
        read_features(tmp_path / "test.safetensors")


def test_words_of_the_held_out_splits_are_unknown(tmp_path: Path):
    folders = write_planted(tmp_path, train=[40, 20], held_out=[5, 5])
    before = (folders.features / "vocabulary.json").read_bytes()
    train_bytes = (folders.features / "train.safetensors").read_bytes()
    write_split(Folders(tmp_path), "test", [1, 1, 30, 30], noise=0, key=2)
    run(folders.parquet, folders.features, ngram_min=1, ngram_max=3, max_features=2000, min_count=2)
    assert (folders.features / "vocabulary.json").read_bytes() == before
    assert (folders.features / "train.safetensors").read_bytes() == train_bytes
    letters = set("".join(Vocabulary.read(folders.features).ngrams))
    assert set("출장숙박") <= letters and not set("전기광고") & letters
    assert read_features(folders.features / "test.safetensors").shape[0] == 62


def test_settings_that_leave_nothing_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no n-gram of 2 to 2 characters stands in 3 of the 4"):
        learn(TEXTS, min_count=3)
    with pytest.raises(InputError, match="stands in 9 of the 4 training texts"):
        learn(TEXTS, min_count=9)
    with pytest.raises(InputError, match="no n-gram"):
        learn(["", " "])
    with pytest.raises(ConfigError, match="n-grams of 3 to 2"):
        run(tmp_path, tmp_path, ngram_min=3, ngram_max=2, max_features=9, min_count=1)
