"""Values become texts that can be read back, whatever stands in them."""

import math
import re
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.classification.field_text import (
    DATE,
    NUMBER,
    TEXT,
    Joiner,
    csv_kinds_of,
    csv_texts_of,
    number_form,
    texts_of,
)
from scripts.common.errors import ConfigError, InputError


def number_of(form: str) -> Decimal:
    """Return the number of a form."""
    sign, *rest = form.split(" ")
    return Decimal(sign + "".join(rest))


def fields_of(text: str, columns: list[str], separator: str) -> dict[str, str | None]:
    """Return the values that a joined text was made of."""
    mark = separator.strip(" ")[0]
    before = separator.index(mark)
    parts, start, place = [], 0, 0
    while place < len(text):
        if text[place] == "\\":
            place += 2
        elif text[place] == mark:
            parts.append(text[start : place - before])
            start = place = place - before + len(separator)
        else:
            place += 1
    fields: dict[str, str | None] = {}
    for column, part in zip(columns, [*parts, text[start:]], strict=True):
        escaped = "".join(f"\\{c}" if c in (mark, "\\") else c for c in column)
        assert part.startswith(f"{escaped}:")
        value = part.removeprefix(f"{escaped}:")
        fields[column] = None if value == "NULL" else re.sub(r"(?s)\\(.)", r"\1", value)
    return fields


texts = st.text(st.sampled_from("가나 a|\\:NUL-\n\t,;·€"), max_size=12)


@pytest.mark.parametrize(
    ("number", "form"),
    [
        ("1250000", "+ 1.25 e6"),
        ("-0.05", "- 5 e-2"),
        ("0", "+ 0 e0"),
        ("0.00", "+ 0 e0"),
        ("-0", "+ 0 e0"),
        ("7", "+ 7 e0"),
        ("1000", "+ 1 e3"),
        ("-1e-07", "- 1 e-7"),
        ("123456789012345678901234567890.5", "+ 1.234567890123456789012345678905 e29"),
        ("inf", "+ inf"),
        ("-inf", "- inf"),
    ],
)
def test_form_of_a_number(number, form):
    assert number_form(number) == form
    assert number_of(form) == Decimal(number)


@given(st.floats(allow_nan=False) | st.integers(-(10**25), 10**25))
def test_every_number_is_read_back_exactly(number):
    found = number_of(number_form(repr(number)))
    assert float(found) == number if isinstance(number, float) else int(found) == number


@given(
    st.lists(st.tuples(texts | st.none(), texts | st.none(), texts | st.none()), min_size=1),
    st.sampled_from([" | ", "|", "||", "\t", "\n", " -- ", ", ", "; ", "·", " €=€ ", "|a"]),
)
def test_a_joined_text_is_read_back(rows, separator):
    columns = ["memo", "a|b:c", "적요"]
    joiner = Joiner(columns, separator)
    values = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    for row, text in zip(rows, joiner.joined(values).to_pylist(), strict=True):
        if all(not (value or "").strip() for value in row):
            assert text == ""
        else:
            assert fields_of(text, columns, separator) == dict(zip(columns, row, strict=True))


def test_the_joined_text_looks_as_documented():
    joiner = Joiner(["memo", "posted", "amount", "counterparty"], " | ")
    values = [
        pa.array(["직원 식대 a|b"]),
        texts_of(pa.array([date(2024, 3, 5)]), "posted", "x"),
        texts_of(pa.array([1250000.0]), "amount", "x"),
        pa.array([None], pa.string()),
    ]
    assert joiner.joined(values).to_pylist() == [
        r"memo:직원 식대 a\|b | posted:2024-03-05 | amount:+ 1.25 e6 | counterparty:NULL"
    ]


@pytest.mark.parametrize("separator", ["", " ", "   ", "\\", " \\ ", ": ", "a", " 1 ", "한"])
def test_a_separator_that_could_be_text_is_refused(separator):
    with pytest.raises(ConfigError, match="cannot be told from the text"):
        Joiner(["a", "b"], separator)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, None, -20]), ["+ 1 e0", None, "- 2 e1"]),
        (pa.array([0.1, math.nan, -math.inf], pa.float32()), ["+ 1 e-1", None, "- inf"]),
        (pa.array([Decimal("12.50")], pa.decimal128(9, 2)), ["+ 1.25 e1"]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array(["가", None], pa.large_string()), ["가", None]),
        (pa.array([True, None]), ["true", None]),
        (pa.array([None, None]), [None, None]),
        (pa.array([datetime(2024, 1, 2), datetime(2024, 1, 2, 3, 4)], pa.timestamp("ns")),
         ["2024-01-02", "2024-01-02T03:04:00.000000000"]),
        (pa.array([date(999, 1, 2)], pa.date32()), ["0999-01-02"]),
    ],
)  # fmt: skip
def test_texts_of_typed_columns(column, expected):
    assert texts_of(column, "x", "file").to_pylist() == expected


@pytest.mark.parametrize("column", [pa.array([[1]]), pa.array([b"x"]), pa.array([{"a": 1}])])
def test_a_column_of_no_single_value_is_refused(column):
    with pytest.raises(InputError, match=r"^file: column 'x' holds .*convert it"):
        texts_of(column, "x", "file")


@pytest.mark.parametrize(
    ("cells", "kind", "expected"),
    [
        (["1", "-2.50", None, " 1,250,000 ", ""], NUMBER,
         ["+ 1 e0", "- 2.5 e0", None, "+ 1.25 e6", None]),
        (["2024-3-5", "2024.03.06", "2024/12/31", None], DATE,
         ["2024-03-05", "2024-03-06", "2024-12-31", None]),
        (["2024-02-30"], TEXT, ["2024-02-30"]),
        (["007", "12"], TEXT, ["007", "12"]),
        (["1,25", "3"], TEXT, ["1,25", "3"]),
        (["1", "2024-01-01"], TEXT, ["1", "2024-01-01"]),
        (["1" * 30], TEXT, ["1" * 30]),
        (["1e5"], NUMBER, ["+ 1 e5"]),
    ],
)  # fmt: skip
def test_what_a_csv_column_is(cells, kind, expected):
    column = pa.array(cells, pa.string())
    found = csv_kinds_of(column)
    assert (found == {TEXT}) if kind == TEXT else (found == {TEXT, kind})
    assert csv_texts_of(column, kind).to_pylist() == expected
