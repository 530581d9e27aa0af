"""Dynamic masking: rates by true length, exact counts, replacement shares, whole words, keys."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.keyed_generator import keyed_generator
from scripts.language_model.masking import (
    IGNORED,
    choose_tokens,
    mask_tokens,
    masked_text_row,
    masking_rate,
)
from tests.language_model.tiny_models import CLS, MASK, PAD, SEP, SPECIAL, UNK, tiny_pieces

CONTINUES_FROM = 19  # ids from here are continuation pieces in the tiny vocabulary


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    return tiny_pieces(tmp_path_factory.mktemp("tokenizer"))


def random_row(size: int, seed: int = 0) -> np.ndarray:
    inside = np.random.default_rng(seed).integers(5, 33, size - 2)
    return np.array([CLS, *inside, SEP])


def words_of(ids: np.ndarray) -> list[list[int]]:
    """Positions of each word, counted one by one."""
    words: list[list[int]] = []
    for position, number in enumerate(ids):
        if number < len(SPECIAL):
            words.append([])
        elif number >= CONTINUES_FROM and words and words[-1]:
            words[-1].append(position)
        else:
            words.append([position])
    return [word for word in words if word]


def test_vocabulary_s_ordinary_pieces(pieces):
    assert list(pieces.ordinary) == list(range(5, 33))
    assert pieces.special[:5].all() and not pieces.special[5:].any()
    assert pieces.mask == MASK


@pytest.mark.parametrize(
    ("tokens", "rate"), [(0, 0.118), (768, 0.239), (1536, 0.36), (1537, 0.36), (384, 0.1785)]
)
def test_rate_is_linear_in_the_true_length(tokens, rate):
    assert masking_rate(tokens, 1536, 0.118, 0.36) == pytest.approx(rate)


def test_rows_of_different_true_length_are_masked_at_their_own_rates(pieces):
    for size, rate in ((42, 0.1 + 0.2 * 42 / 402), (202, 0.1 + 0.2 * 202 / 402), (402, 0.3)):
        ids = random_row(size)
        generator = keyed_generator(1, "test", str(size))
        found = masking_rate(size, 402, 0.1, 0.3)
        assert found == pytest.approx(rate)
        _, labels = masked_text_row(ids, found, pieces, generator, whole_word=False)
        assert np.count_nonzero(labels != IGNORED) == round(rate * (size - 2))


@settings(max_examples=200, deadline=None)
@given(
    ids=st.lists(st.integers(0, 32), min_size=1, max_size=40).map(np.array),
    rate=st.floats(0, 1),
    whole_word=st.booleans(),
    seed=st.integers(0, 5),
)
def test_invariants(pieces, ids, rate, whole_word, seed):
    generator = keyed_generator(seed, "test")
    masked, labels = masked_text_row(ids, rate, pieces, generator, whole_word=whole_word)
    chosen = labels != IGNORED
    special = np.isin(ids, [PAD, UNK, CLS, SEP, MASK])
    assert not (chosen & special).any()
    assert np.array_equal(masked[~chosen], ids[~chosen])
    assert np.array_equal(labels[chosen], ids[chosen])
    assert np.isin(masked[chosen], [MASK, *pieces.ordinary]).all()
    maskable = int((~special).sum())
    wanted = max(1, round(rate * maskable)) if rate > 0 and maskable else 0
    count = int(chosen.sum())
    if not whole_word:
        assert count == wanted
        return
    sizes = []
    for word in words_of(ids):
        assert chosen[word].all() or not chosen[word].any()
        sizes += [len(word)] if chosen[word].any() else []
    # The last word chosen is what reaches the number.
    assert wanted <= count and (not sizes or count - max(sizes) < wanted)


def test_every_token_and_word_has_the_same_chance(pieces):
    ids = np.array([CLS, 5, 19, 6, 7, 20, 21, 8, SEP])
    generator = keyed_generator(0, "chance")
    counts = {False: np.zeros(9), True: np.zeros(9)}
    for whole_word, count in counts.items():
        for _ in range(4000):
            count[
                choose_tokens(
                    ids, ~pieces.special[ids], 1 / 7, pieces, generator, whole_word=whole_word
                )
            ] += 1
    expected = 4000 / 7
    assert np.abs(counts[False][1:8] - expected).max() < 5 * np.sqrt(expected)
    expected = 4000 / 4  # one of four words
    assert np.abs(counts[True][1:8] - expected).max() < 5 * np.sqrt(expected)


def test_replacements_are_80_10_10(pieces):
    ids = np.full(20_000, 7)
    masked, labels = mask_tokens(ids, np.arange(20_000), pieces, keyed_generator(0, "shares"))
    assert (labels == 7).all()
    assert np.mean(masked == MASK) == pytest.approx(0.8, abs=0.01)
    other = masked[(masked != MASK) & (masked != 7)]
    assert len(other) / 20_000 == pytest.approx(0.1 * 27 / 28, abs=0.01)
    # Every ordinary piece is about as frequent, special tokens never occur.
    counts = np.bincount(other, minlength=33)
    assert counts[:5].sum() == 0 and counts[7] == 0
    assert counts[8:].min() > 0.5 * counts[8:].mean()


def test_random_numbers_depend_on_the_key_alone(pieces):
    ids = random_row(60)

    def masked(*key: str) -> list[int]:
        generator = keyed_generator(1, "masking", *key)
        return masked_text_row(ids, 0.3, pieces, generator, whole_word=True)[0].tolist()

    first = masked("run", "mlm", "0", "17")
    np.random.seed(5)
    masked("run", "mlm", "0", "18")
    assert masked("run", "mlm", "0", "17") == first
    others = [("run", "mlm", "1", "17"), ("run", "mlm", "0", "1"), ("ru", "mlm", "0", "17")]
    assert all(masked(*other) != first for other in others)
