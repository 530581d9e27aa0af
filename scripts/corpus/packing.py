"""Packing of tokenized documents into rows of a fixed length, with document boundaries kept."""

from collections.abc import Iterator, Sequence
from typing import Any

_SPECIAL_TOKENS = 2  # [CLS] and [SEP] of a segment
_SHORTEST_PIECE = 1  # a segment carries at least one token of its document


class Packer:
    """Packs documents one after the other.

    Args:
        length: tokens of a row at most, special tokens included.
        cls_id: id that opens a segment.
        sep_id: id that closes a segment.
        one_per_row: start a row with every document.
    """

    def __init__(self, length: int, cls_id: int, sep_id: int, *, one_per_row: bool) -> None:
        self.length, self.cls_id, self.sep_id = length, cls_id, sep_id
        self.one_per_row = one_per_row
        self._clear()

    def _clear(self) -> None:
        self._ids: list[int] = []
        self._segments: list[int] = []
        self._doc_ids: list[str] = []

    def add(self, doc_id: str, token_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Add a document; yield the rows that are full."""
        done = 0
        while done < len(token_ids):
            room = self.length - len(self._ids) - _SPECIAL_TOKENS
            if room < _SHORTEST_PIECE:
                yield from self.finish()
                continue
            piece = token_ids[done : done + room]
            self._ids += [self.cls_id, *piece, self.sep_id]
            self._segments.append(len(piece) + _SPECIAL_TOKENS)
            self._doc_ids.append(doc_id)
            done += len(piece)
        if self.one_per_row:
            yield from self.finish()

    def finish(self) -> Iterator[dict[str, Any]]:
        """Yield the row that is being filled, if there is one."""
        if self._ids:
            row = {
                "input_ids": self._ids,
                "segment_lengths": self._segments,
                "doc_ids": self._doc_ids,
            }
            self._clear()
            yield row
