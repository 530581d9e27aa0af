"""Trainings that are compared belong together: same rows, classes, data and seeds."""

import pytest

from scripts.classification.tables import PREDICTIONS
from scripts.common.errors import IntegrityError
from scripts.common.files import read_json, write_json
from scripts.common.tables import read_table, write_table
from tests.classification.comparison_builders import Comparison, noisy

# Two head, two medium, three tail classes.
TRAIN = [60, 30, 10, 8, 4, 3, 2]
TEST = [0] * 12 + [1] * 8 + [2] * 4 + [3] * 3 + [4, 5]


@pytest.fixture
def comparison(tmp_path):
    return Comparison(tmp_path, TRAIN, TEST, list(range(1000, 1000 + len(TEST))))


def _other_rows(comparison):
    path = comparison.runs[1] / "predictions.parquet"
    table = read_table(path, PREDICTIONS)
    write_table(path, table.slice(1), table.schema)


def _other_order(comparison):
    path = comparison.runs[1] / "predictions.parquet"
    table = read_table(path, PREDICTIONS)
    write_table(path, table.take([1, 0, *range(2, table.num_rows)]), table.schema)


def _other_answers(comparison):
    source, goal = (run / "predictions.parquet" for run in comparison.runs[:2])
    goal.write_bytes(source.read_bytes())


def _other_classes(comparison):
    path = comparison.runs[1] / "per_class.tsv"
    path.write_text(path.read_text().replace("c003", "c0x3"))


def _other_data(comparison):
    path = comparison.runs[1] / "metrics.json"
    write_json(path, {**read_json(path), "data_sha256": "e" * 64})


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_other_rows, "other rows than the test split"),
        (_other_order, "other rows than the test split"),
        (_other_answers, "states accuracy"),
        (_other_classes, "other classes"),
        (_other_data, "rest on different data"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(comparison, damage, told):
    comparison.add(noisy(TEST, 0.4, 7, 1))
    comparison.add(noisy(TEST, 0.4, 7, 2), strategy="sqrt")
    damage(comparison)
    with pytest.raises(IntegrityError, match=told):
        comparison.compare()


def test_other_seeds_unknown_strategies_and_repeats_are_refused(comparison):
    comparison.add(TEST)
    comparison.add(TEST, strategy="sqrt", seed=2)
    with pytest.raises(IntegrityError, match="same seeds"):
        comparison.compare()
    with pytest.raises(IntegrityError, match="not in the table"):
        comparison.compare(strategies={"none": {}})
    comparison.runs = comparison.runs[:1] * 2
    with pytest.raises(IntegrityError, match="given twice"):
        comparison.compare()
