"""Items from texts with a blank, as the Korean LAMBADA has them.

A row has a text with one blank `_`, the answer that fills it, and perhaps other candidates. The
item's text is the filled one and its mention is the blank, so a model is asked at the blank and
nowhere else.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scripts.common.normalize import normalize
from scripts.common.wordpiece import WordPiece
from scripts.language_model.analysed_texts import nouns_of_texts
from scripts.language_model.contexts import context_around, tokenize
from scripts.language_model.evaluation_sets import Item, Noun, item_of

_BLANK = re.compile("_+")


def items_from_blanks(
    rows: Sequence[Mapping[str, Any]],
    wordpiece: WordPiece,
    left_out: Counter[str],
    *,
    kind: str,
    source: str,
    length: int,
    max_masks: int,
    seed: int,
) -> Iterator[Item]:
    """Yield an item for each row.

    Args:
        rows: rows with the fields text, answer and, perhaps, candidates (a list or one form).
        wordpiece: the tokenizer.
        left_out: rows left out by reason, added to in place: "wrong_type", "no_answer",
            "no_blank", "several_blanks", "not_analysed", a reason of `splice_mention`, or
            "out_of_window".
        kind: name of the set.
        source: name of the source.
        length: the shortest length of all runs, in tokens, special tokens included.
        max_masks: most masks of a candidate.
        seed: key of the halves.
    """
    filled = []
    for number, row in enumerate(rows):
        made = _filled(row)
        if isinstance(made, str):
            left_out[made] += 1
        else:
            filled.append((number, *made))
    analyses = nouns_of_texts([text for _, text, _, _ in filled])
    for (number, text, (start, end), choices), nouns in zip(filled, analyses, strict=True):
        if nouns is None:
            left_out["not_analysed"] += 1
            continue
        answer = text[start:end]
        earlier = text.rfind(answer, 0, start)
        antecedent = (earlier, earlier + len(answer)) if earlier >= 0 else None
        tokens = tokenize(text, wordpiece)
        context = context_around(
            tokens, antecedent, (start, end), wordpiece, length=length, max_masks=max_masks
        )
        if context in ("shared_word", "antecedent_unknown", "out_of_window"):
            antecedent = None
            context = context_around(
                tokens, None, (start, end), wordpiece, length=length, max_masks=max_masks
            )
        if isinstance(context, str):
            left_out[context] += 1
            continue
        particles = [noun.particle for noun in nouns if (noun.start, noun.end) == (start, end)]
        yield item_of(
            kind,
            text,
            context,
            Noun(answer, start, end, next(iter(particles), "")),
            antecedent,
            nouns,
            item_id=f"{kind}:{source}:{number}",
            doc_id=f"{source}:{number}",
            source=source,
            seed=seed,
            choices=choices,
        )


def _filled(row: Mapping[str, Any]) -> tuple[str, tuple[int, int], list[str]] | str:
    """Return the filled text, the blank's characters in it and the candidates, or a reason."""
    given = row.get("candidates") or []
    forms = [given] if isinstance(given, str) else given
    answered = row["answer"] or ""
    if not isinstance(forms, list) or not all(
        isinstance(value, str) for value in (row["text"], answered, *forms)
    ):
        return "wrong_type"
    text, answer = normalize(row["text"]).text, normalize(answered).text
    blanks = list(_BLANK.finditer(text))
    if not answer:
        return "no_answer"
    if len(blanks) != 1:
        return "several_blanks" if blanks else "no_blank"
    start = blanks[0].start()
    choices = {normalize(form).text for form in forms}
    return (
        text[:start] + answer + text[blanks[0].end() :],
        (start, start + len(answer)),
        sorted(choices | {answer}) if choices else [],
    )
