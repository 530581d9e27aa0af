"""The plan of runs: which checkpoint follows which, where a run starts, which datasets it needs."""

import re

import pytest

from scripts.language_model.plan import LanguageModelPlan

EVALUATION = {"gold": {"file": None}}


def plan_of(**runs):
    common = {"length": 256, "eval_every": "0.5", "init": "base", "kind": "mlm"}
    rows = {name: common | {"run": name} | row for name, row in runs.items()}
    config = {"patience": None, "evaluation": EVALUATION}
    return LanguageModelPlan({"seed": 1, "language_model": config}, rows)


PLAN = plan_of(
    a={"epochs": "1.5"},
    a_b={"epochs": "1.0", "kind": "entity_ft", "init": "a@best", "length": 512},
    c={"epochs": "0.5", "kind": "combined", "init": "a@1.0"},
)


def test_every_checkpoint_is_evaluated_and_so_is_the_start():
    assert PLAN.evaluated() == [
        *[("a", epoch) for epoch in ("0.0", "0.5", "1.0", "1.5")],
        *[("a_b", epoch) for epoch in ("0.0", "0.5", "1.0")],
        *[("c", epoch) for epoch in ("0.0", "0.5")],
    ]


def test_a_checkpoint_goes_on_from_the_one_before_and_the_first_from_the_start():
    assert PLAN.previous("a", "0.5") == "0.0"
    assert PLAN.previous("a", "1.5") == "1.0"
    assert PLAN.checkpoint("a", "1.0") == "<results>/language_model/train/a/epoch-1.0"
    assert PLAN.checkpoint("a", "0.0") == "<results>/language_model/base/256"
    assert PLAN.checkpoint("a_b", "0.0") == "<results>/language_model/train/a/best"
    assert PLAN.checkpoint("c", "0.0") == "<results>/language_model/train/a/epoch-1.0"


def test_only_best_depends_on_a_choice():
    assert PLAN.choice("a_b") == "<results>/language_model/train/a/best.json"
    assert PLAN.choice("a") is None
    assert PLAN.choice("c") is None


def test_runs_name_the_datasets_that_they_need():
    assert PLAN.datasets() == [("entity_coref", "256"), ("entity_coref", "512"), ("mlm", "256")]
    assert PLAN.lengths() == [256, 512]


@pytest.mark.parametrize(
    ("run", "epoch", "last"),
    [("a", "1.5", True), ("a", "1.0", False), ("a_b", "1.0", True), ("c", "0.5", True)],
)
def test_the_last_checkpoint_of_a_run_and_no_other_matches(run, epoch, last):
    pattern = rf"results/train/(?P<run>{PLAN.last_checkpoints()})/epoch-(?P<epoch>\d+\.\d+)/model"
    found = re.fullmatch(pattern, f"results/train/{run}/epoch-{epoch}/model")
    assert (found is not None) == last
    if found:
        assert (found["run"], found["epoch"]) == (run, epoch)


def test_jobs_of_training_are_parted_by_the_last_checkpoint():
    both = {"run", "epoch"}
    first, last = PLAN.jobs_of("train_epoch", both), PLAN.jobs_of("train_last_epoch", both)
    assert [(job["run"], job["epoch"]) for job in last] == [
        ("a", "1.5"),
        ("a_b", "1.0"),
        ("c", "0.5"),
    ]
    assert len(first) + len(last) == 6
    assert len(PLAN.jobs_of("evaluate_checkpoint", both)) == 9
    assert PLAN.jobs_of("select_checkpoint", {"run"}) == [{"run": run} for run in PLAN.runs]
    assert PLAN.jobs_of("refuse_start", {"run"}) == []


def test_without_runs_there_is_no_plan():
    assert not plan_of()
    assert plan_of().evaluated() == []
