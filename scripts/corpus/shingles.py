"""Sets of character shingles and their Jaccard similarity."""


def shingles(text: str, size: int) -> set[str]:
    """Return the distinct substrings of `size` characters, white space removed.

    A text shorter than `size` has itself as its only shingle, an empty one has none.
    """
    letters = "".join(text.split())
    if len(letters) <= size:
        return {letters} if letters else set()
    return {letters[start : start + size] for start in range(len(letters) - size + 1)}


def jaccard(first: set[str], second: set[str]) -> float:
    """Return the size of the intersection over that of the union; 0 where both are empty."""
    union = len(first | second)
    return len(first & second) / union if union else 0.0
