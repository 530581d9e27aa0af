"""Labels as texts: whatever type the label column has, one text for each class."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.errors import InputError

# How tools print a missing value: as a label it is probably none.
NULL_LIKE = frozenset({"nan", "null", "none", "na", "n/a", "<na>", "#n/a", "nat", "-"})
STRING, INTEGER = "string", "int64"
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
_EXACT = 1 << 53  # whole numbers below it are exact as float64


def label_texts(
    column: pa.Array, class_names: list[str] | None, *, name: str, where: str
) -> pa.Array:
    """Return labels as text, null where there is none (null, NaN, blank text, class -1).

    Args:
        column: the label column.
        class_names: names by number where it is a ClassLabel column of `datasets`.
        name: its name, for the message.
        where: the file, for the message.

    Raises:
        InputError: it holds fractions, lists, structures, bytes or times, or a class number without
            a name.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if class_names is not None and pa.types.is_integer(kind):
        return _named(column, class_names, f"{where}: column '{name}'")
    if pa.types.is_floating(kind):
        column = _whole_numbers(column, f"{where}: column '{name}'")
    elif not (
        label_type(kind) == STRING
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    ):
        raise InputError(
            f"{where}: column '{name}' holds {kind}, which is no label; allowed: text, whole "
            "numbers or truth values"
        )
    texts = column.cast(pa.string())
    blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
    return pc.if_else(blank, pa.scalar(None, pa.string()), texts)


def label_type(kind: pa.DataType) -> str:
    """Return the name under which the report lists a label column's Arrow type."""
    if pa.types.is_dictionary(kind):
        return label_type(kind.value_type)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return STRING
    return INTEGER if pa.types.is_integer(kind) else str(kind)


def is_whole(label: str) -> bool:
    """Return whether a label from CSV is a whole number as programs print it."""
    return _WHOLE.fullmatch(label) is not None


def _named(column: pa.Array, names: list[str], where: str) -> pa.Array:
    numbers = column.cast(pa.int64())
    numbers = pc.if_else(pc.equal(numbers, -1), pa.scalar(None, pa.int64()), numbers)
    top, low = pc.max(numbers).as_py(), pc.min(numbers).as_py()
    if top is not None and (top >= len(names) or low < 0):
        raise InputError(
            f"{where} holds class {top if top >= len(names) else low}, but its feature names "
            f"{len(names)} classes; save the dataset again"
        )
    return pa.array(names, pa.string()).take(numbers)


def _whole_numbers(column: pa.Array, where: str) -> pa.Array:
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    known = values[~np.isnan(values)]
    odd = known[(known != np.trunc(known)) | (np.abs(known) >= _EXACT)]
    if odd.size:
        raise InputError(
            f"{where} holds {odd[0]}, which is no whole number; labels are names or whole numbers"
        )
    missing = pa.array(np.isnan(values))
    whole = pa.array(np.where(np.isnan(values), 0, values).astype(np.int64))
    return pc.if_else(missing, pa.scalar(None, pa.int64()), whole)
