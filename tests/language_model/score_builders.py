"""Invented item scores: checkpoints of known accuracy on documents of several items."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.common.tables import table_of_rows, write_table
from scripts.language_model.tables import HELDOUT_SCORES, ITEM_SCORES, STEPS

PARTICLES = ("JKS", "JKO", "")


def item_row(item_id: str, **given: Any) -> dict[str, Any]:
    """Return one row of scores; a hit at 1 is one at 5."""
    row = {
        "item_id": item_id,
        "set": "real_coref",
        "doc_id": item_id.rpartition("/")[0],
        "half": "validation",
        "unseen": False,
        "particle": "JKS",
        "strict_1": False,
        "strict_5": False,
        "lenient_1": False,
        "lenient_5": False,
        "choice_1": None,
        "entity_1": False,
        "rank": None,
        "candidates": 20,
        "answer_log_probability": -3.0,
        "best": "서울",
    } | given
    for rule in ("strict", "lenient"):
        row[f"{rule}_5"] = row[f"{rule}_5"] or row[f"{rule}_1"]
    return row


def planted_rows(
    accuracy: Mapping[str, float],
    *,
    documents: int,
    per_document: int = 3,
    seed: int = 1,
    spread: float = 0.15,
    unseen_drop: float = 0.0,
) -> list[dict[str, Any]]:
    """Return items of `real_coref` and `lambada` whose hits are drawn with these probabilities.

    Args:
        accuracy: probability of a hit at 1 by set; a hit at 5 comes 0.15 more often.
        documents: documents; even ones are of the validation half.
        per_document: items of a document and set.
        seed: of the draws; the same seed gives the same difficulty of documents and items.
        spread: standard deviation of a document's accuracy, shared by its items.
        unseen_drop: what is taken from the probability of items with an unseen entity.
    """
    fixed = np.random.default_rng(seed)
    easier = fixed.normal(0.0, spread, documents)
    luck = fixed.random((documents, per_document, len(accuracy)))
    rows = []
    for document in range(documents):
        for place, (name, probability) in enumerate(sorted(accuracy.items())):
            for number in range(per_document):
                unseen = number == 0
                chance = probability + easier[document] - unseen_drop * unseen
                drawn = luck[document, number, place]
                rows.append(
                    item_row(
                        f"doc{document:04d}/{name}/{number}",
                        doc_id=f"doc{document:04d}",
                        set=name,
                        half=("validation", "test")[document % 2],
                        unseen=unseen,
                        particle=PARTICLES[number % 3],
                        strict_1=bool(drawn < chance - 0.1),
                        strict_5=bool(drawn < chance + 0.05),
                        lenient_1=bool(drawn < chance),
                        lenient_5=bool(drawn < chance + 0.15),
                        choice_1=bool(drawn < chance) if name == "lambada" else None,
                        entity_1=bool(drawn < chance),
                        answer_log_probability=-4.0 + 2.0 * float(chance),
                    )
                )
    return rows


def score_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    return table_of_rows(rows, ITEM_SCORES)


def write_scores(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, score_table(rows), ITEM_SCORES)
    return path


def write_heldout(path: Path, loss: float, *, documents: int = 40, seed: int = 5) -> Path:
    """Write held-out sums of documents whose loss a token lies around `loss`, in nats.

    Difficulty and tokens of a document follow from the seed alone; every fourth has no sentence.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fixed = np.random.default_rng(seed)
    harder, tokens = fixed.normal(0.0, 0.3, documents), fixed.integers(5, 60, documents)
    rows = [
        {
            "doc_id": f"doc{document:04d}",
            "half": ("validation", "test")[document % 2],
            "loss_sum": float(tokens[document] * (loss + harder[document])),
            "loss_tokens": int(tokens[document]),
            "sentence_sum": 12 * (loss + harder[document]) if document % 4 else 0.0,
            "sentence_tokens": 12 if document % 4 else 0,
        }
        for document in range(documents)
    ]
    write_table(path, table_of_rows(rows, HELDOUT_SCORES), HELDOUT_SCORES)
    return path


def write_steps(
    path: Path, first: int, last: int, *, loss: float = 5.0, tokens: int = 1000
) -> Path:
    """Write a segment's steps with a loss that falls slowly."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "step": step,
            "epoch": step / 10,
            "loss": loss - 0.01 * step,
            "gradient_norm": 1.0,
            "learning_rate": 1e-4,
            "tokens": tokens,
            "labelled": tokens // 5,
        }
        for step in range(first, last + 1)
    ]
    write_table(path, table_of_rows(rows, STEPS), STEPS)
    return path
