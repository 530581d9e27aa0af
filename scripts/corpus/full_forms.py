"""Shortened names within one document: 삼성 for a 삼성전자 that was named before.

Korean clips a name to its beginning once the full name has been given. A form is counted as the
entity of a longer form of the same document if all of this holds:

1. It is the beginning of the longer form. (Endings are left alone: 남도 is no name of 전라남도.)
2. Of all the document's forms that begin with it, each is the beginning of the next longer one, and
   the longest is the full form. Beside 삼성전자 and 삼성물산 a 삼성 could be either, and beside
   전라남도 and 전라북도 a 전라: it stays what it is.
3. The full form occurs twice or more, so that merging adds mentions to entities of the document and
   makes no new ones.
4. The full form is named first. A 한국 that stands before the first 한국은행 is not short for it.

A full form begins no other form, so it is never merged itself: the relation needs no second pass
and depends on no order but the text's. By rule 4 the first mention of a merged entity, which is the
antecedent, is the full form, and every target is the beginning of its antecedent.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice, takewhile


def full_forms(forms: Sequence[str]) -> dict[str, str]:
    """Return the full form of each shortened one.

    Args:
        forms: forms of a document's proper nouns without spaces, in text order, repeated as they
            are mentioned.
    """
    number = Counter(forms)
    place = {form: index for index, form in reversed(list(enumerate(forms)))}
    ordered = sorted(number)
    full: dict[str, str] = {}
    for index, form in enumerate(ordered):
        longer = _forms_that_begin_with(form, ordered, index + 1)
        longest = max(longer, key=len, default=form)
        if (
            all(longest.startswith(other) for other in longer)
            and number[longest] > 1
            and place[longest] < place[form]
        ):
            full[form] = longest
    return full


def _forms_that_begin_with(form: str, ordered: Sequence[str], first: int) -> list[str]:
    """Return the longer forms that begin with one; in sorted order they follow it at once."""
    following = islice(ordered, first, None)
    return list(takewhile(lambda other: other.startswith(form), following))
