"""The summary recovers what was planted: bests, verdicts, paired differences, advice."""

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from scripts.common.check_config import ROOT
from scripts.common.config import load_schema
from scripts.common.errors import InputError, IntegrityError
from scripts.common.run_settings import settings_without_meaning
from scripts.common.runs_table import read_runs
from scripts.language_model import summarize_language_model
from scripts.language_model.bootstrap import Estimate
from scripts.language_model.run_verdicts import (
    NO,
    NOISE,
    YES,
    convergence,
    held_against,
    overfitting,
)
from scripts.language_model.tables import METRICS
from tests.language_model.score_builders import (
    planted_rows,
    write_heldout,
    write_scores,
    write_steps,
)
from tests.language_model.summary_builders import OUTPUTS, demo_track, run_row, write_track

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return demo_track(tmp_path_factory.mktemp("track"))


@pytest.fixture(scope="module")
def runs(track: dict[str, Any]) -> dict[str, Row]:
    return {row["run"]: row for row in read(track["runs_table"])}


@pytest.fixture(scope="module")
def differences(track: dict[str, Any]) -> list[Row]:
    return read(track["differences"])


def found(rows: list[Row], metric: str = "composite_strict", **wanted: str) -> Row:
    (row,) = [
        row
        for row in rows
        if row["metric"] == metric
        and row["subset"] == wanted.get("subset", "all")
        and all(row[name] == value for name, value in wanted.items())
    ]
    return row


def test_bests_and_ranks_are_the_planted_ones(runs: dict[str, Row]) -> None:
    assert runs["mlm_128"]["best_epoch"] == "1.0" and runs["mlm_128"]["best_step"] == "20"
    order = sorted(runs, key=lambda run: int(runs[run]["rank"]))
    assert set(order[:2]) == {"ft_mlm", "ft_combined"}  # planted alike
    assert runs["ft_mlm"]["rank"] == runs["ft_combined"]["rank"] == "1"
    assert order[2] == "combined_128"


def test_overfitting_is_found_where_it_was_planted(runs: dict[str, Row]) -> None:
    assert runs["mlm_128"]["overfitting"] == "yes"
    assert float(runs["mlm_128"]["peak_to_last_low"]) > 0
    assert {runs[name]["overfitting"] for name in ("combined_128", "ft_mlm")} == {"no"}
    assert runs["combined_128"]["peak_to_last"] == ""  # the best is the last


def test_convergence_stability_and_early_stopping(runs: dict[str, Row]) -> None:
    # .30, .55, .52, .35 with a half-width of .06: 1.0 is the first epoch within the interval.
    assert runs["mlm_128"]["convergence_epoch"] == "1.0"
    assert runs["ft_mlm_control"]["convergence_epoch"] == "0.0"  # it never left its start
    assert runs["ft_combined"]["convergence_epoch"] == "0.5"
    # Two checkpoints after 1.0 without a better one.
    assert runs["mlm_128"]["stop_epoch"] == "2.0" and runs["ft_mlm"]["stop_epoch"] == ""
    assert float(runs["mlm_128"]["stability"]) > float(runs["ft_combined"]["stability"])


def test_without_patience_no_run_was_stopped(track: dict[str, Any], runs: dict[str, Row]) -> None:
    assert {row["stopped_after"] + row["left_out"] for row in runs.values()} == {""}
    assert json.loads(track["summary"].read_text(encoding="utf-8"))["stopping"] is None


def test_a_stopped_run_is_told_with_what_was_left_out(tmp_path: Path) -> None:
    rows = {
        "stopped": run_row("stopped", "mlm", epochs="2.5", schedule_epochs="4.0"),
        "whole": run_row("whole", "mlm", epochs="1.5", lr=2e-3),
        "child": run_row("child", "entity_ft", init="stopped@best", epochs="0.5"),
    }
    levels = {
        "stopped": {"0.0": 0.1, "0.5": 0.5, "1.0": 0.3, "1.5": 0.2},
        "whole": {"0.0": 0.1, "0.5": 0.3, "1.0": 0.4, "1.5": 0.5},
        "child": {"0.0": 0.5, "0.5": 0.6},
    }
    arguments = write_track(tmp_path, rows, levels) | {"stop_patience": 2}
    summarize_language_model.run(**arguments)
    told = {row["run"]: row for row in read(arguments["runs_table"])}
    assert (told["stopped"]["stopped_after"], told["stopped"]["left_out"]) == ("1.5", "2.0 2.5")
    assert told["stopped"]["best_epoch"] == "0.5" and told["stopped"]["steps"] == "30"
    assert {told[name]["stopped_after"] for name in ("whole", "child")} == {""}
    summary = json.loads(arguments["summary"].read_text(encoding="utf-8"))
    assert summary["stopping"] == {"patience": 2, "left_out": {"stopped": ["2.0", "2.5"]}}
    assert summary["checkpoints"] == 10
    rows_of_advice = {one["run"] for one in summary["advice"]}
    assert "stopped" not in rows_of_advice  # no further epochs of what got no better


def test_tokens_include_those_of_the_runs_it_came_from(runs: dict[str, Row]) -> None:
    # 10 steps of 1,000 tokens a segment; ft_mlm starts at mlm_128's best, epoch 1.0.
    assert (runs["mlm_128"]["tokens"], runs["mlm_128"]["tokens_at_best"]) == ("40000", "20000")
    assert (runs["ft_mlm"]["tokens"], runs["ft_mlm"]["tokens_at_best"]) == ("20000", "40000")
    assert runs["ft_mlm"]["own_tokens_at_best"] == "20000"
    assert runs["ft_combined"]["tokens_at_convergence"] == "30000"


def test_supervision_is_told_from_its_control(differences: list[Row]) -> None:
    kind = "with and without entity supervision"
    row = found(differences, kind=kind, half="test")
    assert (row["first"], row["second"]) == ("ft_mlm@1.0", "ft_mlm_control@1.0")
    assert row["within_noise"] == "no" and float(row["low"]) > 0.1
    unseen = found(
        differences, "strict_1", kind=kind, half="test", subset="unseen", set="real_coref"
    )
    assert unseen["within_noise"] == "no" and unseen["items"] == "60"


def test_lengths_are_compared_on_the_same_items(differences: list[Row]) -> None:
    row = found(differences, kind="length", first="mlm_256@1.0", half="all")
    assert row["second"] == "mlm_128@1.0"
    assert (float(row["difference"]), row["low"], row["high"]) == (0.0, "0.000000", "0.000000")
    assert row["within_noise"] == "yes"


def test_fine_tuning_is_compared_by_origin(differences: list[Row]) -> None:
    rows = [row for row in differences if row["kind"] == "fine-tuned from"]
    assert {(row["first"], row["second"]) for row in rows} == {
        ("ft_combined@0.5", "ft_mlm@0.5"),
        ("ft_combined@1.0", "ft_mlm@1.0"),
    }


def test_each_best_is_held_against_the_baseline(differences: list[Row]) -> None:
    baseline = "baseline:nearest_noun"
    rows = [row for row in differences if row["second"] == baseline]
    assert {row["half"] for row in rows} == {"test"}
    assert {row["set"] for row in rows} == {"real_coref"}  # all that it answers
    tuned = found(rows, "strict_1", first="ft_mlm@1.0")
    assert tuned["within_noise"] == "no" and float(tuned["difference"]) > 0.3


def test_a_chosen_checkpoint_is_never_compared_on_the_half_that_chose_it(
    differences: list[Row],
) -> None:
    assert {row["half"] for row in differences} == {"all", "test"}
    chosen = {"best of each", "best and last", "against a baseline"}
    assert {row["half"] for row in differences if row["kind"] in chosen} == {"test"}


def test_a_difference_equals_a_slow_bootstrap(
    track: dict[str, Any], differences: list[Row]
) -> None:
    """Other draws, documents one by one: value equal, interval alike."""
    tables = {
        name: pq.read_table(path).to_pylist()
        for name, path in zip(track["evaluated"], track["scores"], strict=True)
    }
    row = found(
        differences,
        "strict_1",
        kind="since the start",
        first="mlm_128@1.0",
        half="all",
        set="real_coref",
    )
    against_start: dict[str, list[float]] = {}
    for one, other in zip(tables["mlm_128@1.0"], tables["mlm_128@0.0"], strict=True):
        if one["set"] == "real_coref":
            against_start.setdefault(one["doc_id"], []).append(one["strict_1"] - other["strict_1"])
    documents = list(against_start.values())
    generator = np.random.default_rng(99)
    means = []
    for _ in range(1500):
        drawn = [documents[i] for i in generator.integers(0, len(documents), len(documents))]
        items = [hit for document in drawn for hit in document]
        means.append(sum(items) / len(items))
    flat = [hit for document in documents for hit in document]
    assert float(row["difference"]) == pytest.approx(sum(flat) / len(flat), abs=1e-6)
    low, high = np.quantile(means, (0.025, 0.975))
    width = high - low
    assert float(row["low"]) == pytest.approx(low, abs=0.12 * width)
    assert float(row["high"]) == pytest.approx(high, abs=0.12 * width)


def test_metrics_hold_every_checkpoint_half_and_subset(track: dict[str, Any]) -> None:
    table = pq.read_table(track["metrics_parquet"])
    assert table.schema.equals(METRICS)
    rows = table.to_pylist()
    names = {f"{row['run']}@{row['epoch']}" for row in rows if row["epoch"]}
    assert names == set(track["evaluated"])
    assert {row["half"] for row in rows} == {"all", "validation", "test"}
    subsets = {row["subset"] for row in rows}
    assert {"all", "seen", "unseen", "particle:JKS", "particle:none"} <= subsets
    one = {
        (row["set"], row["half"], row["subset"], row["metric"]): row
        for row in rows
        if row["run"] == "ft_mlm" and row["epoch"] == "1.0"
    }
    unseen, seen = (one["real_coref", "all", name, "strict_1"] for name in ("unseen", "seen"))
    assert unseen["value"] < seen["value"]  # planted 0.1 lower
    assert unseen["items"] + seen["items"] == one["real_coref", "all", "all", "strict_1"]["items"]
    loss = one["heldout", "all", "all", "loss"]
    assert loss["documents"] == 40 and loss["low"] < loss["value"] < loss["high"]
    assert one["heldout", "all", "all", "pseudo_perplexity"]["documents"] == 30
    assert one["heldout", "test", "all", "loss"]["documents"] == 20
    assert one["composite", "test", "all", "composite_strict"]["items"] == 360
    assert ("real_coref", "all", "all", "choice_1") not in one
    formula = (
        0.4 * one["real_coref", "test", "all", "strict_1"]["value"]
        + 0.3 * one["real_coref", "test", "all", "strict_5"]["value"]
        + 0.3 * one["lambada", "test", "all", "strict_1"]["value"]
    )
    assert one["composite", "test", "all", "composite_strict"]["value"] == pytest.approx(formula)
    assert len(read(track["metrics_table"])) == len(rows)


def test_targets_are_judged_by_the_whole_interval(track: dict[str, Any]) -> None:
    rows = {
        (row["kind"], row["run"], row["metric"], row["rule"]): row
        for row in read(track["targets_table"])
    }
    assert rows["target", "ft_mlm", "real_1", "lenient"]["verdict"] == "yes"
    assert rows["target", "mlm_128", "real_1", "strict"]["verdict"] == "no"
    assert rows["target", "ft_mlm", "real_1", "strict"]["verdict"] == "within noise"
    expected = [row for row in rows.values() if row["kind"] == "expected"]
    assert {row["run"] for row in expected} == {"mlm_128", "mlm_256"}


def test_loss_curves_have_the_planted_losses(track: dict[str, Any]) -> None:
    rows = [row for row in read(track["losses"]) if row["run"] == "mlm_128"]
    assert len(rows) == 40 and rows[-1]["step"] == "40" and rows[-1]["tokens"] == "40000"
    assert float(rows[9]["loss"]) == pytest.approx(4.9)


def test_the_summary_says_what_it_rests_on(track: dict[str, Any]) -> None:
    summary = json.loads(track["summary"].read_text(encoding="utf-8"))
    for key in ("items", "documents", "seed", "versions", "code", "data_sha256", "contamination"):
        assert key in summary
    assert summary["sets"]["real_coref"]["test"] == {"items": 180, "documents": 60, "unseen": 60}
    assert summary["chance"]["real_coref"]["chance_at_1"] == pytest.approx(0.05)
    assert summary["versions"]["torch"] == "2.13.0"


def test_advice_names_untuned_pretraining_further_and_shorter_runs(track: dict[str, Any]) -> None:
    advice = json.loads(track["summary"].read_text(encoding="utf-8"))["advice"]
    rows = read(track["advice"])
    assert [one["row"] for one in advice] == rows
    by_run = {row["run"]: row for row in rows}
    tune = by_run["entity_ft_from_combined_128_best"]
    assert (tune["init"], tune["kind"], tune["length"]) == ("combined_128@best", "entity_ft", "128")
    assert tune["entity_share"] == "" and tune["entity_supervision"] == "yes"
    assert by_run["combined_128"]["epochs"] == "2.0"  # best at its end, schedule not used up
    assert by_run["mlm_128_shorter"]["schedule_epochs"] == "1.0"
    assert "ft_mlm_control" not in by_run and "mlm_128" not in by_run
    assert advice[0]["command"].startswith("snakemake results/language_model/train/")


def test_advised_commands_name_the_runs_own_results(small: dict[str, Any]) -> None:
    summarize_language_model.run(**small | {"results_folder": "/data/두 번째"})
    advice = json.loads(small["summary"].read_text(encoding="utf-8"))["advice"]
    for one in advice:
        command, target = shlex.split(one["command"])
        assert command == "snakemake"
        assert target == f"/data/두 번째/language_model/train/{one['run']}/best.json"
    assert advice


def test_the_same_inputs_give_the_same_bytes(track: dict[str, Any], tmp_path: Path) -> None:
    again = track | {name: tmp_path / file for name, file in OUTPUTS.items()}
    summarize_language_model.run(**again)
    for name in OUTPUTS:
        assert again[name].read_bytes() == track[name].read_bytes(), name


def test_advised_rows_fit_the_table_of_runs(track: dict[str, Any], tmp_path: Path) -> None:
    """The advice beside the runs that it builds on is a table that the plan accepts."""
    rows = {row["run"]: row for row in read(track["advice"])}
    columns = list(next(iter(rows.values())))
    for name, run in track["runs"].items():
        written = {column: run.get(column) for column in columns}
        switches = {True: "yes", False: "no", None: ""}
        cells = {
            column: switches[value] if value is None or isinstance(value, bool) else str(value)
            for column, value in written.items()
        }
        cells |= dict.fromkeys(settings_without_meaning(run["kind"]), "")
        rows.setdefault(name, cells)
    with (tmp_path / "runs.tsv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())
    schema = load_schema(ROOT / "config" / "schema.yaml")
    accepted = read_runs(tmp_path / "runs.tsv", schema, [128, 256])
    assert accepted.keys() == rows.keys()
    assert accepted["combined_128"]["epochs"] == "2.0"
    assert accepted["entity_ft_from_combined_128_best"]["init"] == "combined_128@best"


@pytest.mark.parametrize("given", ["metrics", "evaluation_sets", "contamination"])
def test_a_swapped_file_is_named_and_none_of_its_figures_is_left_out(
    track: dict[str, Any], tmp_path: Path, given: str
) -> None:
    foreign = tmp_path / "foreign.json"
    foreign.write_text('{"foreign": 1}\n')
    listed = isinstance(track[given], list)
    changed = [foreign, *track[given][1:]] if listed else foreign
    outputs = {name: tmp_path / file for name, file in OUTPUTS.items()}
    with pytest.raises(IntegrityError, match=f"{foreign} has no key"):
        summarize_language_model.run(**{**track, **outputs, given: changed})


def test_held_out_losses_are_compared_in_pairs(differences: list[Row]) -> None:
    # Planted: each document's loss falls by the same 0.45 nats a token, so nothing varies.
    for half, documents in (("all", "40"), ("test", "20")):
        row = found(differences, "loss", kind="since the start", first="mlm_128@1.0", half=half)
        assert row["documents"] == documents and row["within_noise"] == "no"
        for name in ("difference", "low", "high"):
            assert float(row[name]) == pytest.approx(-0.45, abs=2e-6)
    same = found(differences, "loss", kind="length", first="mlm_256@1.0", half="test")
    assert [float(same[name]) for name in ("difference", "low", "high")] == [0.0, 0.0, 0.0]
    others = {row["kind"] for row in differences if row["set"] == "heldout"}
    assert {"best of each", "fine-tuned from", "best and last"} <= others
    assert "against a baseline" not in others


def test_other_held_out_text_is_refused(small: dict[str, Any]) -> None:
    write_heldout(small["heldout_scores"][1], 5.0, documents=41)
    with pytest.raises(IntegrityError, match="other held-out text"):
        summarize_language_model.run(**small)


def test_several_seeds_are_spread_and_advised_together(tmp_path: Path) -> None:
    runs = {
        f"mlm_s{seed}": run_row(f"mlm_s{seed}", "mlm", group="mlm", seed=seed) for seed in (1, 2)
    }
    levels = {
        "mlm_s1": {"0.0": 0.1, "0.5": 0.3, "1.0": 0.5},
        "mlm_s2": {"0.0": 0.1, "0.5": 0.3, "1.0": 0.6},
    }
    arguments = write_track(tmp_path, runs, levels)
    summarize_language_model.run(**arguments)
    spread = {row["metric"]: row for row in read(arguments["seeds"])}
    row = spread["composite_strict"]
    values = [float(one["test"]) for one in read(arguments["runs_table"])]
    assert row["seeds"] == "2"
    assert float(row["sd"]) == pytest.approx(abs(values[0] - values[1]) / 2**0.5, abs=1e-5)
    advised = {one["run"]: one for one in read(arguments["advice"])}
    assert advised["mlm"]["seed"] == "1 2" and advised["mlm"]["epochs"] == "2.0"
    assert advised["entity_ft_from_mlm_best"]["init"] == "mlm@best"
    kinds = {row["kind"] for row in read(arguments["differences"])}
    assert "best of each" not in kinds  # seeds of one row are no rivals


@pytest.fixture
def small(tmp_path: Path) -> dict[str, Any]:
    return write_track(
        tmp_path,
        {"mlm": run_row("mlm", "mlm")},
        {"mlm": {"0.0": 0.1, "0.5": 0.3, "1.0": 0.5}},
        documents=12,
    )


def test_steps_that_do_not_follow_are_refused(small: dict[str, Any]) -> None:
    write_steps(small["steps"][1], 12, 20)
    with pytest.raises(IntegrityError, match="does not go on from step 10"):
        summarize_language_model.run(**small)


def test_a_choice_that_was_not_evaluated_is_refused(small: dict[str, Any]) -> None:
    best = json.loads(small["bests"][0].read_text())
    small["bests"][0].write_text(json.dumps(best | {"epoch": "1.5"}))
    with pytest.raises(IntegrityError, match=r"chooses mlm@1\.5"):
        summarize_language_model.run(**small)
    with pytest.raises(IntegrityError, match="run mlm has no chosen checkpoint"):
        summarize_language_model.run(**(small | {"bests": []}))


def test_a_baseline_on_other_items_is_refused(small: dict[str, Any]) -> None:
    rows = planted_rows({"real_coref": 0.5, "lambada": 0.5}, documents=10)
    for path in small["scores"]:
        write_scores(path, rows)
    with pytest.raises(IntegrityError, match="baseline nearest_noun answers item doc0010"):
        summarize_language_model.run(**small)


def test_a_half_without_items_is_named(small: dict[str, Any]) -> None:
    rows = planted_rows({"real_coref": 0.5, "lambada": 0.5}, documents=12)
    kept = [row for row in rows if row["half"] == "validation" or row["set"] == "lambada"]
    for path in small["scores"]:
        write_scores(path, kept)
    with pytest.raises(InputError, match=r"in the test half, which holds \['lambada'\]"):
        summarize_language_model.run(**small)
    assert not small["summary"].exists()


def estimate(value: float, low: float | None, high: float | None) -> Estimate:
    return Estimate(100, 50, value, low, high)


def test_verdicts_by_hand() -> None:
    curve = {
        epoch: estimate(value, value - 0.05, value + 0.05)
        for epoch, value in {"0.0": 0.30, "0.5": 0.44, "1.0": 0.46, "1.5": 0.50}.items()
    }
    assert convergence(curve, curve["1.5"]) == "1.0"  # .46 is the first not below .45
    assert overfitting(None) == NO
    assert overfitting(estimate(0.02, 0.01, 0.03)) == YES
    assert overfitting(estimate(0.02, -0.01, 0.05)) == NOISE
    assert overfitting(estimate(-0.02, -0.03, -0.01)) == NO
    assert held_against(estimate(0.7, 0.69, 0.71), 0.68, None) == YES
    assert held_against(estimate(0.7, 0.66, 0.74), 0.68, None) == NOISE
    assert held_against(estimate(0.6, 0.58, 0.62), 0.68, None) == NO
    assert held_against(estimate(0.9, 0.88, 0.92), 0.5, 0.8) == NO
    assert held_against(estimate(0.9, None, None), 0.5, None) == NOISE
