r"""Values as text, and several of them joined into one text.

    memo:직원 식대 결제 | posted:2024-03-05 | amount:+ 1.25 e6 | counterparty:NULL

Dates are ISO, numbers sign, mantissa (1 <= m < 10, or 0) and exponent of ten, so that a model sees
their size. Where a value holds the separator's first mark (its first character that is no space), a
backslash stands before it, also before a backslash and before the word NULL; so different values
never give one text. A row in which every value is missing or blank has no text at all.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.errors import ConfigError, InputError

MISSING = "NULL"
TEXT, NUMBER, DATE = "text", "number", "date"  # what a column of CSV can be

# Leading zeros mark codes, and more digits than these are an identifier: both stay text.
_NUMBER = (
    r"^\s*[+-]?(0|[1-9][0-9]{0,17}|[1-9][0-9]{0,2}(,[0-9]{3}){1,5})(\.[0-9]{1,18})?"
    r"([eE][+-]?[0-9]{1,3})?\s*$"
)
_DATE = r"^(?P<year>[0-9]{4})[-/.](?P<month>[0-9]{1,2})[-/.](?P<day>[0-9]{1,2})$"


def number_form(number: str) -> str:
    """Return a number, as a program prints it, as sign, mantissa and exponent of ten.

    `1250000` gives `+ 1.25 e6`, `-0.05` gives `- 5 e-2`, 0 `+ 0 e0`, an infinite one `+ inf`.
    """
    sign, digits, exponent = Decimal(number).as_tuple()
    mark = "-" if sign else "+"
    if not isinstance(exponent, int):
        return f"{mark} inf"
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return "+ 0 e0"  # of -0.0 as well, which equals 0
    power = exponent + len(text) - 1
    text = text.rstrip("0")
    return f"{mark} {text[0]}{'.' if text[1:] else ''}{text[1:]} e{power}"


class Joiner:
    """Joins the values of a row.

    Args:
        columns: names of the columns, in order.
        separator: stands between two of them.

    Raises:
        ConfigError: the separator could not be told from the values.
    """

    def __init__(self, columns: Sequence[str], separator: str) -> None:
        mark = separator.lstrip()[:1] or separator.lstrip(" ")[:1]
        if not mark or mark in "\\:" or mark.isalnum():
            raise ConfigError(
                f"separator {separator!r} cannot be told from the text that it separates; allowed: "
                "one whose first mark is no letter, digit, colon or backslash, as ' | '"
            )
        self.separator, self._mark = separator, mark
        self._names = [self._escaped(name) for name in columns]

    def joined(self, values: Sequence[pa.Array]) -> pa.Array:
        """Return the texts of rows.

        Args:
            values: texts of each column, null where missing.
        """
        fields = []
        for name, column in zip(self._names, values, strict=True):
            escaped = pc.replace_substring_regex(column, rf"[\x{{{ord(self._mark):x}}}\\]", r"\\\0")
            escaped = pc.if_else(
                pc.equal(column, MISSING), pa.scalar(f"\\{MISSING}", pa.string()), escaped
            )
            fields.append(
                pc.binary_join_element_wise(f"{name}:", pc.fill_null(escaped, MISSING), "")
            )
        texts = pc.binary_join_element_wise(*fields, self.separator)
        return pc.if_else(_all_blank(values), pa.scalar("", pa.string()), texts)

    def _escaped(self, text: str) -> str:
        return re.sub(rf"[{re.escape(self._mark)}\\]", r"\\\g<0>", text)


def texts_of(column: pa.Array, name: str, where: str) -> pa.Array:
    """Return a column's values as text, null where they are missing (null or not a number).

    Args:
        column: text, numbers, truth values, dates or times of any Arrow type.
        name: its name, for the message.
        where: the file, for the message.

    Raises:
        InputError: it holds lists, structures or bytes.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return column.cast(pa.string())
    if pa.types.is_null(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.string())
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _mapped(column.cast(pa.string()))
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return column.cast(pa.string())
    if pa.types.is_timestamp(kind):
        # A day that was stored as its first instant is a day.
        iso = pc.replace_substring(column.cast(pa.string()), " ", "T")
        return pc.replace_substring_regex(iso, r"T00:00:00(\.0+)?$", "")
    raise InputError(
        f"{where}: column '{name}' holds {kind}, which is no text, number, truth value or date; "
        "convert it or name another column"
    )


def csv_texts_of(column: pa.Array, kind: str) -> pa.Array:
    """Return a CSV column's values as text, going by what the whole column is."""
    if kind == TEXT:
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    if kind == NUMBER:
        return _mapped(pc.replace_substring(trimmed, ",", ""))
    return _iso(trimmed)


def csv_kinds_of(column: pa.Array) -> set[str]:
    """Return what a piece of a CSV column can be; the whole is what all its pieces can be.

    Numbers may have commas at thousands, dates `-`, `/` or `.`. Codes with leading zeros are text.
    """
    known = pc.utf8_trim_whitespace(column.drop_null())
    known = known.filter(pc.not_equal(known, ""))
    kinds = {TEXT}
    if pc.all(pc.match_substring_regex(known, _NUMBER), min_count=0).as_py():
        kinds.add(NUMBER)
    if pc.all(pc.match_substring_regex(known, _DATE), min_count=0).as_py() and _are_days(known):
        kinds.add(DATE)
    return kinds


def _iso(texts: pa.Array) -> pa.Array:
    """Return dates with dashes and two digits for month and day."""
    year, month, day = pc.extract_regex(texts, _DATE).flatten()
    return pc.binary_join_element_wise(
        year, pc.utf8_lpad(month, 2, "0"), pc.utf8_lpad(day, 2, "0"), "-"
    )


def _are_days(texts: pa.Array) -> bool:
    try:
        _iso(texts).cast(pa.date32())
    except pa.ArrowInvalid:
        return False
    return True


def _all_blank(values: Sequence[pa.Array]) -> pa.Array:
    blank: npt.NDArray[np.bool_] = np.ones(len(values[0]), np.bool_)
    for column in values:
        trimmed = pc.utf8_trim_whitespace(column)
        blank &= pc.fill_null(pc.equal(trimmed, ""), True).to_numpy(zero_copy_only=False)
    return pa.array(blank)


def _mapped(numbers: pa.Array) -> pa.Array:
    """Return printed numbers in their form; equal ones are converted once."""
    coded = numbers.dictionary_encode()
    forms = [number_form(number) for number in coded.dictionary.to_pylist()]
    return pa.array(forms, pa.string()).take(coded.indices)
