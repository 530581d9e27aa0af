"""Faults of single rows, found in the data: which rows, and how they look in a few words.

A text without characters is named as empty and never as a duplicate. Rows of a conflicting
duplicate are named as such and not once more as label noise.
"""

from dataclasses import dataclass
from typing import Any

NULL_LABEL = "null_label"
EMPTY_TEXT = "empty_text"
SINGLETON = "singleton"
TEST_ONLY_CLASS = "test_only_class"
CROSS_SPLIT_DUPLICATE = "cross_split_duplicate"
CONFLICTING_DUPLICATE = "conflicting_duplicate"
LABEL_NOISE = "label_noise"
_EXAMPLES = 5

# Rows of each fault: those of `labelled`, by a condition over them. The training split of the
# input is the parameter where one is asked for.
_OTHER_SPLITS = "given_split IS NOT NULL AND given_split <> $train"
_CONDITIONS = {
    EMPTY_TEXT: "empty",
    SINGLETON: "label IN (SELECT label FROM labelled GROUP BY label HAVING count(*) = 1)",
    TEST_ONLY_CLASS: (
        f"{_OTHER_SPLITS} AND label NOT IN "
        "(SELECT label FROM labelled WHERE given_split = $train OR given_split IS NULL)"
    ),
    CROSS_SPLIT_DUPLICATE: (
        "NOT empty AND given_split IS NOT NULL AND text_key IN "
        "(SELECT text_key FROM labelled WHERE given_split = $train INTERSECT "
        f"SELECT text_key FROM labelled WHERE {_OTHER_SPLITS})"
    ),
    CONFLICTING_DUPLICATE: (
        "NOT empty AND text_key IN (SELECT text_key FROM labelled WHERE NOT empty "
        "GROUP BY text_key HAVING min(label) < max(label))"
    ),
    LABEL_NOISE: (
        "row IN (SELECT row FROM noise WHERE suspect) AND row NOT IN "
        f"(SELECT row FROM suspects WHERE fault = '{CONFLICTING_DUPLICATE}')"
    ),
}
_OF_GIVEN_SPLIT = (TEST_ONLY_CLASS, CROSS_SPLIT_DUPLICATE)

_LARGEST_CLASSES = (
    "SELECT label || ' (' || count(*) || ')' FROM labelled JOIN suspects USING (row) "
    "WHERE fault = $fault GROUP BY label ORDER BY count(*) DESC, label LIMIT $most"
)
_FIRST_ROWS = (
    "SELECT 'row ' || row || ' (' || label || ')' FROM labelled JOIN suspects USING (row) "
    "WHERE fault = $fault ORDER BY row LIMIT $most"
)
_SAME_TEXTS = (
    "SELECT 'rows ' || string_agg(row, ', ' ORDER BY row) || ': ' || "
    "string_agg(DISTINCT {column}, ' / ' ORDER BY {column}) "
    "FROM (SELECT *, row_number() OVER (PARTITION BY text_key ORDER BY row) AS place "
    "FROM labelled JOIN suspects USING (row) WHERE fault = $fault) WHERE place <= $most "
    "GROUP BY text_key ORDER BY min(row) LIMIT $most"
)
_LIKELIER = (
    "SELECT 'row ' || row || ': ' || given.label || ' -> ' || names.label || ' (' || "
    "printf('%.2f', predicted_probability) || ')' "
    "FROM suspects JOIN noise USING (row) JOIN labelled AS given USING (row) "
    "JOIN names ON names.label_id = predicted_id WHERE fault = $fault "
    "ORDER BY own_probability - predicted_probability, row LIMIT $most"
)
_EXAMPLES_OF = {
    EMPTY_TEXT: _FIRST_ROWS,
    SINGLETON: _FIRST_ROWS,
    TEST_ONLY_CLASS: _LARGEST_CLASSES,
    CROSS_SPLIT_DUPLICATE: _SAME_TEXTS.format(column="given_split"),
    CONFLICTING_DUPLICATE: _SAME_TEXTS.format(column="label"),
    LABEL_NOISE: _LIKELIER,
}


@dataclass(frozen=True)
class RowFault:
    """Rows that have a fault.

    Attributes:
        rows: how many.
        classes: classes with such rows.
        examples: a few of them, for a person.
    """

    rows: int
    classes: int
    examples: tuple[str, ...]


def find_row_faults(
    database: Any, labels: list[str], null_rows: list[int], train: str | None
) -> dict[str, RowFault]:
    """Fill the table `suspects` and sum up each fault that was found.

    Args:
        database: with the tables of `audited_rows`.
        labels: label of each id.
        null_rows: rows of the input that have no label.
        train: the input's own training split, None where it has no splits.

    Returns:
        What was found, by fault; rows without a label are in the table alone.
    """
    database.execute("CREATE TABLE suspects (row BIGINT, fault VARCHAR)")
    database.execute("CREATE TABLE names (label_id INT, label VARCHAR)")
    if labels:
        database.execute(
            "INSERT INTO names SELECT unnest(?), unnest(?)", [list(range(len(labels))), labels]
        )
    if null_rows:
        database.execute("INSERT INTO suspects SELECT unnest(?), ?", [null_rows, NULL_LABEL])
    found = {}
    for fault, condition in _CONDITIONS.items():
        if fault in _OF_GIVEN_SPLIT and train is None:
            continue
        parameters = {"train": train} if fault in _OF_GIVEN_SPLIT else {}
        database.execute(
            f"INSERT INTO suspects SELECT row, '{fault}' FROM labelled WHERE {condition}",
            parameters,
        )
        ((rows, classes),) = database.execute(
            "SELECT count(*), count(DISTINCT label) FROM labelled JOIN suspects USING (row) "
            "WHERE fault = ?",
            [fault],
        ).fetchall()
        if rows:
            examples = database.execute(
                _EXAMPLES_OF[fault], {"fault": fault, "most": _EXAMPLES}
            ).fetchall()
            found[fault] = RowFault(rows, classes, tuple(text for (text,) in examples))
    return found
