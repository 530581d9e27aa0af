"""The registry of labels: sorted surviving labels are the numbers 0..C-1, without empty places."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.errors import ExpectedError, IntegrityError
from scripts.common.files import read_json, write_json

_NEAREST = 3
_SIMILAR = 0.4  # labels are often short: one of two letters alike is 0.5
_LISTED = 5


class UnknownLabelError(ExpectedError):
    """A label that the registry does not hold."""


@dataclass(frozen=True)
class LabelMap:
    """Labels and their ids.

    Attributes:
        labels: the labels; the place of each is its id.
        merged: rare labels that stand for another one, which is among `labels`.
    """

    labels: tuple[str, ...]
    merged: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, labels: Sequence[str], merged: Mapping[str, str] | None = None) -> Self:
        """Return the registry of distinct labels in any order (sorted by code point)."""
        return cls(tuple(sorted(set(labels))), dict(sorted((merged or {}).items())))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a registry.

        Raises:
            IntegrityError: the file is missing or is no registry.
        """
        content = read_json(path)
        if not _is_registry(content):
            raise IntegrityError(
                f"{path} is no label map (labels sorted and distinct, their count, the merged "
                "ones); delete it and run again"
            )
        return cls(tuple(content["labels"]), content["merged"])

    def write(self, path: Path) -> None:
        """Write the registry as JSON."""
        write_json(
            path,
            {"labels": list(self.labels), "count": len(self.labels), "merged": dict(self.merged)},
        )

    def __len__(self) -> int:
        return len(self.labels)

    def ids(self, labels: Sequence[Any] | pa.Array) -> npt.NDArray[np.int32]:
        """Return the ids of labels; a merged label has the id of what it stands for.

        Raises:
            UnknownLabelError: a label is none of the registry's, or is no text.
        """
        if not isinstance(labels, pa.Array):
            odd = [label for label in labels if not isinstance(label, str)]
            if odd:
                raise UnknownLabelError(
                    f"the label {odd[0]!r} is no text; give labels as the texts of the label map"
                )
            labels = pa.array(labels, pa.string())
        known = [*self.labels, *self.merged]
        place = {label: number for number, label in enumerate(self.labels)}
        numbers = np.array(
            [*range(len(self.labels)), *(place[goal] for goal in self.merged.values())], np.int32
        )
        found = pc.index_in(labels, value_set=pa.array(known, pa.string()))
        if found.null_count:
            unknown = pc.unique(labels.filter(pc.is_null(found))).to_pylist()
            raise UnknownLabelError(self._explain(unknown, found.null_count))
        return numbers[found.to_numpy(zero_copy_only=False)]

    def names(self, ids: Sequence[int] | npt.NDArray[np.integer[Any]]) -> list[str]:
        """Return the labels of ids in 0..C-1."""
        return [self.labels[number] for number in ids]

    def _explain(self, unknown: list[str | None], rows: int) -> str:
        first = unknown[0]
        listed = ", ".join(repr(label) for label in unknown[:_LISTED])
        more = f" and {len(unknown) - _LISTED} more" if len(unknown) > _LISTED else ""
        near = (
            []
            if first is None
            else difflib.get_close_matches(first, self.labels, _NEAREST, _SIMILAR)
        )
        hint = f"; nearest to {first!r}: {', '.join(map(repr, near))}" if near else ""
        return (
            f"{rows} labels are none of the {len(self.labels)} of the label map: {listed}{more}"
            f"{hint}; correct them, or train with them"
        )


def _is_registry(content: Any) -> bool:
    if not isinstance(content, dict) or content.keys() != {"labels", "count", "merged"}:
        return False
    labels, merged = content["labels"], content["merged"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        return False
    if not isinstance(merged, dict) or content["count"] != len(labels):
        return False
    if not all(isinstance(goal, str) for goal in merged.values()):
        return False
    if set(merged) & set(labels) or not set(merged.values()) <= set(labels):
        return False
    return labels == sorted(set(labels))
