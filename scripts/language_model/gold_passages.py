"""Passages with gold coreference clusters, their offsets carried over to normalized text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.errors import InputError
from scripts.common.offset_map import normalize_with_map
from scripts.language_model.local_rows import field_of

Span = tuple[int, int]


@dataclass(frozen=True)
class Fields:
    """Names of a passage's fields.

    Attributes:
        text: the raw text that the offsets belong to.
        passage: the passage's own name.
        document: what passages that are not independent share, as a novel.
        clusters: the clusters.
    """

    text: str
    passage: str
    document: str
    clusters: str


@dataclass(frozen=True)
class Passage:
    """A passage in normalized text.

    Attributes:
        name, document, source: its names.
        text: the normalized text.
        clusters: spans and surfaces of each cluster's mentions, in text order; None for a mention
            whose offsets do not give its surface.
    """

    name: str
    document: str
    source: str
    text: str
    clusters: list[list[Span | None]]

    @staticmethod
    def of_row(row: Mapping[str, Any], fields: Fields, path: Path, source: str) -> "Passage":
        """Carry the gold offsets over normalization.

        Raises:
            InputError: a field is missing or of another type, or a mention is not
                [start, end, surface, ...].
        """
        passage = _name_of(row, fields.passage, path)
        document = _name_of(row, fields.document, path)
        raw = field_of(row, fields.text, path)
        if not isinstance(raw, str):
            raise InputError(f"{path}: {fields.text!r} of passage {passage!r} is {raw!r}, not text")
        found = field_of(row, fields.clusters, path)
        if not isinstance(found, list) or not all(isinstance(one, list) for one in found):
            raise InputError(
                f"{path}: {fields.clusters!r} of passage {passage!r} is no list of lists of "
                "mentions; mend it or name another field"
            )
        normalized, offsets = normalize_with_map(raw)
        clusters: list[list[Span | None]] = []
        for cluster in found:
            spans: set[Span] = set()
            unknown: list[None] = []
            for mention in cluster:
                try:
                    start, end, surface = int(mention[0]), int(mention[1]), mention[2]
                except (TypeError, ValueError, IndexError):
                    raise InputError(
                        f"{path}: mention {mention!r} of passage {passage!r} is "
                        "not [start, end, surface, ...]; mend it or name another field"
                    ) from None
                span = offsets.to_normalized(start, end) if raw[start:end] == surface else None
                if span is None:
                    unknown.append(None)
                else:
                    spans.add(span)
            clusters.append([*unknown, *sorted(spans)])
        return Passage(passage, f"{source}:{document}", source, normalized.text, clusters)


def passages_of_rows(
    rows: Sequence[Mapping[str, Any]], fields: Fields, path: Path, source: str
) -> list[Passage]:
    """Return the passages of a file.

    Raises:
        InputError: a row cannot be read as a passage, or two passages have one name, so that their
            items would have one name too.
    """
    passages = [Passage.of_row(row, fields, path, source) for row in rows]
    for name, number in Counter(passage.name for passage in passages).items():
        if number > 1:
            raise InputError(
                f"{path}: passage {name!r} stands twice; name a field that tells passages apart "
                f"in place of {fields.passage!r}, or delete one of them"
            )
    return passages


def _name_of(row: Mapping[str, Any], field: str, path: Path) -> str:
    """Return a field that names something, as text."""
    value = field_of(row, field, path)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InputError(
            f"{path}: {field!r} of a passage is {value!r}, neither text nor a whole number; mend it"
        )
    if any("\ud800" <= letter <= "\udfff" for letter in str(value)):
        raise InputError(f"{path}: {field!r} of a passage, {value!r}, holds a surrogate; mend it")
    return str(value)
