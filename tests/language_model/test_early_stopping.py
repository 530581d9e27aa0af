"""Early stopping: where planted composites end a run, and what is said where a start is gone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import ConfigError, IntegrityError
from scripts.language_model import refuse_start
from scripts.language_model.composite import DEFAULT_WEIGHTS
from scripts.language_model.early_stopping import stop_after, validation_composite
from scripts.language_model.plan import LanguageModelPlan
from tests.language_model.score_builders import item_row, planted_rows, write_scores

VALUES = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=12)
EPOCHS = ["0.5", "1.0", "1.5", "2.0", "2.5"]


@given(VALUES, st.integers(1, 4))
def test_early_stopping_against_a_slow_definition(values: list[float], patience: int) -> None:
    """It stops at the first checkpoint whose last `patience` values set no new record."""
    expected = None
    for place in range(len(values)):
        recent = range(place - patience + 1, place + 1)
        if recent[0] >= 1 and all(values[i] <= max(values[:i]) for i in recent):
            expected = place
            break
    assert stop_after(values, patience) == expected
    assert stop_after(values, None) is None


def test_a_patience_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="patience is 0"):
        stop_after([0.1, 0.2], 0)


def test_rounding_is_no_progress() -> None:
    assert stop_after([0.3, 0.1 + 0.2], 1) == 1  # 0.30000000000000004


def hits(level: int, *, test: int = 0) -> list[dict]:
    """Return ten items of each set and half, of which so many are hit at 1."""
    return [
        item_row(
            f"{half}{number}/{name}/0",
            doc_id=f"{half}{number}",
            set=name,
            half=half,
            strict_1=number < hit,
        )
        for half, hit in (("validation", level), ("test", test))
        for name in ("real_coref", "lambada")
        for number in range(10)
    ]


def test_the_composite_is_that_of_the_validation_half(tmp_path: Path) -> None:
    path = write_scores(tmp_path / "items.parquet", hits(6, test=1))
    assert validation_composite(path, DEFAULT_WEIGHTS) == pytest.approx(0.6)
    other_test_half = write_scores(tmp_path / "other.parquet", hits(6, test=10))
    assert validation_composite(other_test_half, DEFAULT_WEIGHTS) == pytest.approx(0.6)


def test_one_checkpoint_alone_has_the_value_that_the_choice_gives_it(tmp_path: Path) -> None:
    """The selection reads all checkpoints side by side; both must judge by the same numbers."""
    from scripts.language_model.score_table import read_scores
    from scripts.language_model.select_checkpoint import choose

    paths = [
        write_scores(
            tmp_path / f"{place}.parquet",
            planted_rows({"real_coref": level, "lambada": level}, documents=50),
        )
        for place, level in enumerate((0.3, 0.7, 0.5))
    ]
    table = read_scores(paths, ["a@0.5", "a@1.0", "a@1.5"])
    chosen = choose(table, weights=DEFAULT_WEIGHTS, resamples=50, seed=1)
    alone = [validation_composite(path, DEFAULT_WEIGHTS) for path in paths]
    assert alone == pytest.approx(chosen.values, abs=1e-14)


def plan_of(patience: int | None, **runs: dict) -> LanguageModelPlan:
    common = {"length": 256, "eval_every": "0.5", "init": "base", "kind": "mlm"}
    rows = {name: common | {"run": name} | row for name, row in runs.items()}
    return LanguageModelPlan({"seed": 1, "language_model": {"patience": patience}}, rows)


def known_of(folder: Path, levels: dict[str, list[int]]) -> Callable[[str, str], float | None]:
    """Write evaluations with so many hits of ten; the test half says the opposite."""
    files = {
        (run, EPOCHS[place]): write_scores(
            folder / run / EPOCHS[place] / "items.parquet", hits(level, test=10 - level)
        )
        for run, found in levels.items()
        for place, level in enumerate(found)
    }

    def known(run: str, epoch: str) -> float | None:
        path = files.get((run, epoch))
        return None if path is None else validation_composite(path, DEFAULT_WEIGHTS)

    return known


@pytest.mark.parametrize(
    ("levels", "patience", "end"),
    [
        ([3, 4, 5, 6, 7], 1, "2.5"),  # never stops
        ([3, 4, 4, 6, 7], 1, "1.5"),  # a tie is no progress
        ([3, 4, 4, 6, 7], 2, "2.5"),
        ([5, 4, 3, 6, 7], 1, "1.0"),
        ([5, 4, 3, 6, 7], 2, "1.5"),
        ([5, 4, 3, 6, 7], 3, "2.5"),
        ([5, 4, 3, 2, 1], 4, "2.5"),  # by the last one, where nothing is left out
        ([2, 5, 3, 5, 7], 2, "2.0"),  # back at the best is no progress
        ([0, 0, 0, 0, 0], 2, "1.5"),
        ([5, 4, 3, 6, 7], None, "2.5"),
        ([5], 1, "1.0"),  # what is open is trained next
        ([5, 4], 2, "1.5"),
        ([], 1, "0.5"),
    ],
)
def test_planted_composites_end_a_run(
    levels: list[int], patience: int | None, end: str, tmp_path: Path
) -> None:
    plan = plan_of(patience, a={"epochs": "2.5"})
    reached = plan.reached("a", known_of(tmp_path, {"a": levels}))
    assert reached == EPOCHS[: EPOCHS.index(end) + 1]


def test_no_evaluation_is_read_without_patience_and_none_after_the_end(tmp_path: Path) -> None:
    asked = []

    def known(run: str, epoch: str) -> float:
        asked.append(epoch)
        return 0.5

    assert plan_of(None, a={"epochs": "2.5"}).reached("a", known) == EPOCHS
    assert asked == []
    assert plan_of(1, a={"epochs": "2.5"}).reached("a", known) == ["0.5", "1.0"]
    assert asked == ["0.5", "1.0"]


def test_every_run_reaches_its_own_end(tmp_path: Path) -> None:
    plan = plan_of(1, a={"epochs": "1.5"}, b={"epochs": "1.5"})
    known = known_of(tmp_path, {"a": [5, 4, 6], "b": [4, 5, 6]})
    assert plan.evaluated_so_far(known) == [
        *[("a", epoch) for epoch in ("0.0", "0.5", "1.0")],
        *[("b", epoch) for epoch in ("0.0", "0.5", "1.0", "1.5")],
    ]


@pytest.mark.parametrize(
    ("levels", "patience", "reached"),
    [
        ([5, 4], 1, False),
        ([5, 4], 2, True),
        ([5, 4], None, True),
        ([5], 1, None),
        ([4, 5], 1, True),
        ([], 1, None),
        ([5, 4, 3], 2, True),
    ],
)
def test_a_start_is_there_gone_or_open(
    levels: list[int], patience: int | None, reached: bool | None, tmp_path: Path
) -> None:
    plan = plan_of(
        patience,
        a={"epochs": "2.5"},
        child={"epochs": "0.5", "init": "a@1.5"},
        best={"epochs": "0.5", "init": "a@best"},
    )
    known = known_of(tmp_path, {"a": levels})
    assert plan.start_is_reached("child", known) is reached
    assert plan.start_is_reached("best", known) is True
    assert plan.start_is_reached("a", known) is True


def refused(folder: Path, levels: list[int], patience: int) -> None:
    scores = [
        write_scores(folder / f"{place}.parquet", hits(level)) for place, level in enumerate(levels)
    ]
    refuse_start.run(
        scores,
        folder / "refused.json",
        run="child",
        init="a@2.5",
        epochs=EPOCHS[: len(levels)],
        weights=DEFAULT_WEIGHTS,
        patience=patience,
    )


def test_a_gone_start_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        refused(tmp_path, [3, 5, 5, 4], 2)
    assert str(told.value) == (
        "run child, init = a@2.5: a was stopped after epoch 2.0, since by language_model.patience "
        "= 2 no checkpoint after epoch 1.0 was better (composite 0.5000 on the validation half); "
        "start from a@best or another of 0.5, 1.0, 1.5, 2.0, raise patience, or set it to null"
    )
    assert not (tmp_path / "refused.json").exists()


def test_scores_by_which_the_run_goes_on_are_no_reason(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"run a does not end at epoch 1\.0.*run again"):
        refused(tmp_path, [3, 5], 1)
