"""The half of an evaluation set that a document's items stand in."""

from scripts.common.hashing import keyed_fraction

VALIDATION, TEST = "validation", "test"


def half_of_document(seed: int, doc_id: str) -> str:
    """Return "validation" or "test", the same for all items of a document and in every set."""
    return VALIDATION if keyed_fraction(seed, "half", doc_id) < 0.5 else TEST
