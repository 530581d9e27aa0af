"""Entity rows: the k masks carry their labels, the antecedent stays readable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.errors import IntegrityError
from scripts.common.keyed_generator import keyed_generator
from scripts.language_model.entity_rows import entity_row
from scripts.language_model.masking import IGNORED
from tests.language_model.tiny_models import CLS, MASK, SEP, tiny_pieces

IDS = np.array([CLS, 7, 6, 19, 8, 20, 9, 10, MASK, MASK, 21, 11, 12, SEP])
LABELS = np.array([6, 19])


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    return tiny_pieces(tmp_path_factory.mktemp("tokenizer"))


def make(pieces, **options):
    settings_ = {
        "ids": IDS,
        "label_ids": LABELS,
        "mask_start": 8,
        "antecedent": (2, 4),
        "generator": keyed_generator(0, "test"),
        "supervised": True,
        "extra_masking": 0.0,
        "whole_word": False,
    }
    return entity_row(pieces=pieces, **{**settings_, **options})


def test_all_masks_of_the_mention_are_labelled(pieces):
    masked, labels = make(pieces)
    assert np.array_equal(masked, IDS)
    assert labels.tolist() == [IGNORED] * 8 + [6, 19] + [IGNORED] * 4


def test_without_supervision_the_masks_stand_without_label(pieces):
    masked, labels = make(pieces, supervised=False)
    assert np.array_equal(masked, IDS)
    assert (labels == IGNORED).all()


def test_supervision_changes_the_mention_s_labels_and_nothing_else(pieces):
    options = {"extra_masking": 0.4, "whole_word": True}
    with_labels = make(pieces, generator=keyed_generator(3, "test"), **options)
    without = make(pieces, generator=keyed_generator(3, "test"), supervised=False, **options)
    assert np.array_equal(with_labels[0], without[0])
    assert np.flatnonzero(with_labels[1] != without[1]).tolist() == [8, 9]


@settings(max_examples=200, deadline=None)
@given(rate=st.floats(0, 1), whole_word=st.booleans(), seed=st.integers(0, 50))
def test_further_masks_spare_the_antecedent_and_the_mention(pieces, rate, whole_word, seed):
    masked, labels = make(
        pieces, generator=keyed_generator(seed, "t"), extra_masking=rate, whole_word=whole_word
    )
    assert masked[2:4].tolist() == [6, 19] and (labels[2:4] == IGNORED).all()
    assert masked[8:10].tolist() == [MASK, MASK] and labels[8:10].tolist() == [6, 19]
    assert masked[0] == CLS and masked[-1] == SEP
    # 8 tokens are left: 1 and 4 to 7 and 10 to 12.
    further = np.delete(labels, [8, 9])
    count = np.count_nonzero(further != IGNORED)
    wanted = max(1, round(rate * 8)) if rate > 0 else 0
    assert count == wanted or (whole_word and wanted <= count <= wanted + 1)


@pytest.mark.parametrize(
    "options",
    [
        {"mask_start": 7},
        {"mask_start": 13},
        {"label_ids": np.array([6, 19, 20])},
        {"label_ids": np.array([], dtype=int)},
    ],
)
def test_row_without_its_masks(pieces, options):
    with pytest.raises(IntegrityError, match="build the dataset again"):
        make(pieces, **options)
