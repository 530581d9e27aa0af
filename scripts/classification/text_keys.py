"""Keys under which texts are the same: exactly, or up to form, case, spacing and punctuation.

A key is a 128-bit BLAKE2b digest, so that a million texts are compared in 16 MB; two different
texts with one digest are not to be expected, not even of someone who looks for them.
"""

import hashlib
import unicodedata

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Keys = npt.NDArray[np.uint64]  # (n, 2)

_BYTES = 16
_NO_KEY = (1 << 64) - 1
_UNCOMMON = r"[^\x00-\x7f\x{ac00}-\x{d7a3}]"
_LEFT_OUT = ("Z", "P", "Cc", "Cf")  # Unicode categories
_LEFT_OUT_ASCII = r"""[\x00-\x20\x7f!"#%&'()*,\-./:;?@\[\\\]_{}]+"""


def exact_keys(texts: pa.Array) -> Keys:
    """Return a key for each text; equal texts have equal keys.

    Args:
        texts: (n,) strings; a null has a key of its own that no text has.

    Returns:
        (n, 2) unsigned numbers.
    """
    encoded = texts.cast(pa.binary()).to_pylist()
    blake = hashlib.blake2b
    nothing = _NO_KEY.to_bytes(8, "little") * 2
    digests = b"".join(
        nothing if text is None else blake(text, digest_size=_BYTES).digest() for text in encoded
    )
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2).astype(np.uint64)


def near_form(text: str) -> str:
    """Return a text after NFKC, case folding and removal of spacing, controls and punctuation."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(c for c in folded if not unicodedata.category(c).startswith(_LEFT_OUT))


def near_forms(texts: pa.Array) -> pa.Array:
    """Return `near_form` of each text, null where there is no text or nothing is left of it.

    Texts of ASCII and Hangul syllables, most of Korean bookkeeping, need no table of Unicode.
    """
    quick = pc.replace_substring_regex(pc.ascii_lower(texts), _LEFT_OUT_ASCII, "")
    uncommon = pc.fill_null(pc.match_substring_regex(texts, _UNCOMMON), False)
    if pc.any(uncommon).as_py():
        slow = [near_form(text) for text in texts.filter(uncommon).to_pylist()]
        quick = pc.replace_with_mask(quick, uncommon, pa.array(slow, pa.string()))
    return pc.if_else(pc.equal(quick, ""), pa.scalar(None, pa.string()), quick)


def first_places(keys: Keys, compared: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return, for each row, the place of the first one with the same key.

    Args:
        keys: (n, 2) keys.
        compared: (n,) whether a row takes part; one that does not has its own place.

    Returns:
        (n,) places, none greater than its own.
    """
    places = np.flatnonzero(compared)
    firsts = np.arange(len(keys), dtype=np.int64)
    if places.size:
        one, other = keys[places, 0], keys[places, 1]
        order = np.lexsort((other, one))  # stable: equal keys stay in order of their rows
        one, other = one[order], other[order]
        begins = np.ones(order.size, np.bool_)
        begins[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
        sorted_places = places[order]
        firsts[sorted_places] = sorted_places[begins][np.cumsum(begins) - 1]
    return firsts
