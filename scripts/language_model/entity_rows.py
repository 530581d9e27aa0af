"""Rows of the entity-coreference objective: a mention's k masks and what they have to be filled by.

The dataset's rows hold the window with the mention masked already (scripts/common/splice.py), so
the labels come from `label_ids`. A collator that labels only what it masked itself would give those
masks no label, and nothing would be learned of the entity; that is the unsupervised control here.
"""

import numpy as np

from scripts.common.errors import IntegrityError
from scripts.language_model.masking import Pieces, choose_tokens, mask_tokens


def entity_row(
    ids: np.ndarray,
    label_ids: np.ndarray,
    mask_start: int,
    antecedent: tuple[int, int],
    pieces: Pieces,
    generator: np.random.Generator,
    *,
    supervised: bool,
    extra_masking: float,
    whole_word: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return input ids and labels of one sample.

    Further tokens are masked at random, never in the antecedent, which has to stay readable.

    Args:
        ids: the window with the mention masked, shape (n,).
        label_ids: the mention's pieces, shape (k,).
        mask_start: position of the first of the k masks.
        antecedent: first position of the antecedent, and the one behind its last.
        pieces: the vocabulary.
        generator: source of randomness of the further masks.
        supervised: whether the k masks carry their labels; without, nothing asks for the entity.
        extra_masking: share of the other tokens to mask, 0 for none.
        whole_word: whether the pieces of a word are masked together.

    Raises:
        IntegrityError: there are no k masks where the row says.
    """
    mention = slice(mask_start, mask_start + len(label_ids))
    if not len(label_ids) or not np.array_equal(
        ids[mention], np.full(len(label_ids), pieces.mask, dtype=ids.dtype)
    ):
        raise IntegrityError(
            f"an entity row has no {len(label_ids)} masks at token {mask_start}; build the dataset "
            "again"
        )
    maskable = ~pieces.special[ids]
    maskable[slice(*antecedent)] = False
    chosen = choose_tokens(ids, maskable, extra_masking, pieces, generator, whole_word=whole_word)
    masked, labels = mask_tokens(ids, chosen, pieces, generator)
    if supervised:
        labels[mention] = label_ids
    return masked, labels
