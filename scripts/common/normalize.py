"""The text of a document as every later step sees it.

Rules, in this order:

1. Line ends (CRLF, CR, VT, FF, NEL, U+2028, U+2029) become a line feed.
2. Every other kind of space (tab, U+00A0, U+3000, U+2000-200A, ...) becomes one ordinary space.
3. Control characters, zero-width and direction marks, soft hyphens, tags and Hangul fillers are
   removed and counted.
4. A lone surrogate, which no encoding can hold, becomes U+FFFD and is counted.
5. NFC: conjoining jamo join into syllables. Compatibility jamo (as in ㅋㅋ) are letters that an
   author typed on purpose and stay; they do not count as Hangul syllables.
6. White space at both ends is cut off.
"""

import re
import unicodedata
from dataclasses import dataclass

_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_SPACE = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_REMOVED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")

# Rules 1 to 4, in order: what is replaced, and by what (one character or none).
SUBSTITUTIONS = ((_LINE_END, "\n"), (_SPACE, " "), (_REMOVED, ""), (_SURROGATE, "\ufffd"))


@dataclass(frozen=True)
class NormalizedText:
    """A normalized text and what had to be mended in it.

    Attributes:
        text: the text, encodable as UTF-8, in NFC.
        removed_characters: number of invisible characters that were removed.
        replaced_surrogates: number of lone surrogates that became U+FFFD.
    """

    text: str
    removed_characters: int
    replaced_surrogates: int


def normalize(raw: str) -> NormalizedText:
    """Apply the module's rules to a raw text; a second application changes nothing."""
    text, numbers = raw, []
    for pattern, replacement in SUBSTITUTIONS:
        text, number = pattern.subn(replacement, text)
        numbers.append(number)
    _, _, removed, replaced = numbers
    return NormalizedText(unicodedata.normalize("NFC", text).strip(), removed, replaced)
