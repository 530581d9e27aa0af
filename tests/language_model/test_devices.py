"""Training on several devices is training on one, up to the order of sums; two processes here.

Everything that needs two processes is trained once, by `team_plays.play`.
"""

import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import safetensors.torch
import torch
from hypothesis import given

from scripts.common.errors import ConfigError
from scripts.language_model.device_processes import run_in_processes
from scripts.language_model.optimization import read_about
from scripts.language_model.team import Team, buckets
from tests.language_model import team_plays
from tests.language_model.team_plays import THREE_PASSES, Stopped, after_each_step, stop_at
from tests.language_model.test_training import fresh_accelerate  # noqa: F401
from tests.language_model.training_runs import Bench, contents, make_bench, steps_of

# Found on the CPU over 11 steps of three passes: losses and norms 1.4e-7, weights 3.6e-7.
TOLERANCE = 1e-5
ALONE: dict[str, Any] = {**THREE_PASSES, "gpu": 1}


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    # 31 rows an epoch, so that the eleventh step of three rows has one, and the second process none
    return make_bench(tmp_path_factory.mktemp("bench"), text_rows=23)


@pytest.fixture(scope="module")
def played(bench) -> Bench:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        with pytest.raises(Stopped), after_each_step(stop_at(5)):
            bench.train("three-stopped", "1.0", save_steps=4, **ALONE)
        run_in_processes(team_plays.play, {"folder": bench.folder}, 2)
    return bench


def seen(bench: Bench, rank: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((bench.folder / f"seen-{rank}.json").read_text())
    return found


def folder_of(bench: Bench, name: str, epoch: str = "1.0") -> Path:
    return bench.folder / name / f"epoch-{epoch}"


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(folder / "model.safetensors")


def test_two_processes_take_the_steps_of_one(played):
    two, one = folder_of(played, "three"), played.train("alone", "1.0", **ALONE)
    steps, expected = steps_of(two), steps_of(one)
    for name in ("step", "epoch", "learning_rate", "tokens", "labelled"):
        assert [row[name] for row in steps] == [row[name] for row in expected], name
    for name in ("loss", "gradient_norm"):
        found = [row[name] for row in steps]
        assert found == pytest.approx([row[name] for row in expected], rel=TOLERANCE), name
    weights, others = weights_of(two), weights_of(one)
    start = weights_of(played.start.parent / "base")
    assert weights.keys() == others.keys()
    for name, weight in weights.items():
        torch.testing.assert_close(weight, others[name], rtol=0, atol=TOLERANCE)
    moved = max(float((weights[name] - start[name]).abs().max()) for name in start)
    assert moved > 1000 * TOLERANCE


def test_where_each_takes_one_pass_the_bits_are_those_of_one_process(played):
    """The sum of two has one order only."""
    two, one = folder_of(played, "two", "0.5"), played.train("alone", "0.5")
    assert contents(two)["model.safetensors"] == contents(one)["model.safetensors"]
    assert steps_of(two) == steps_of(one)
    about, alone = (read_about(folder / "state.safetensors") for folder in (two, one))
    assert (about["processes"], alone["processes"]) == (2, 1)


def test_two_processes_give_the_same_bits_each_time(played):
    assert contents(folder_of(played, "three-again")) == contents(folder_of(played, "three"))


def test_segments_of_two_processes_equal_one_go(played):
    halves = [folder_of(played, "three-cut", epoch) for epoch in ("0.5", "1.0")]
    whole = folder_of(played, "three")
    assert contents(halves[1]) == contents(whole)
    assert steps_of(*halves) == steps_of(whole)


def test_two_processes_interrupted_and_resumed_equal_one_go(played):
    for rank in (0, 1):
        assert seen(played, rank)["saves"] == ["step-000000004"]
        assert seen(played, rank)["resumed_with"] == 5
    stopped, whole = folder_of(played, "three-stopped"), folder_of(played, "three")
    assert contents(stopped) == contents(whole)
    assert steps_of(stopped) == steps_of(whole)
    assert sorted(path.name for path in stopped.iterdir()) == [
        *("config.json", "model.safetensors", "state.safetensors", "steps.parquet")
    ]


def test_only_the_first_process_writes(played):
    assert seen(played, 1)["written"] == []
    assert any("saves" in path for path in seen(played, 0)["written"])
    assert any("model.safetensors" in path for path in seen(played, 0)["written"])


def test_the_threads_are_shared_out(played):
    assert [seen(played, rank)["threads"] for rank in (0, 1)] == [1, 1]  # 3 for two processes


@pytest.mark.parametrize(
    ("change", "step"), [("change_weight-0", 6), ("change_weight-4", 4), ("change_moment-4", 4)]
)
def test_devices_that_part_are_found_before_anything_is_written(played, change, step):
    for rank in (0, 1):
        assert (
            f"step {step}: the devices do not hold the same weights (process 0: "
            in (seen(played, rank)[change])
        )
    assert list((played.folder / change).rglob("*.safetensors")) == []


def test_a_save_of_one_process_is_not_gone_on_from_by_two(played):
    """The number of processes is part of what a save is named by."""
    for rank in (0, 1):
        assert seen(played, rank)["save_of_one"] == ["step-000000004"]
        assert seen(played, rank)["began_with"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"batch": 4, "grad_accumulation": 1},
            "2 devices, but grad_accumulation 1 .* so 1 of them would have nothing to do; set "
            r"batch 2 and grad_accumulation 2 \(the same rows a step\), or set `gpu` .* to 1$",
        ),
        (
            {"batch": 3, "grad_accumulation": 1},
            "; lower batch and raise grad_accumulation, or set `gpu` of train_epoch to 1$",
        ),
    ],
)
def test_fewer_passes_than_devices_are_refused(bench, options, message):
    with pytest.raises(ConfigError, match=message):
        bench.train("refused", "1.0", gpu=2, **options)
    assert not (bench.folder / "refused").exists()


def test_fewer_devices_than_asked_for_are_refused(bench, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    with pytest.raises(ConfigError, match="4 devices are asked for, but torch sees 3; lower `gpu`"):
        bench.train("few", "1.0", gpu=4, batch=1, grad_accumulation=4)


@given(passes=st.integers(0, 12), size=st.integers(1, 5))
def test_every_pass_has_one_process_and_keeps_its_number(passes, size):
    shares = [Team(rank, size).share([f"pass {n}" for n in range(passes)]) for rank in range(size)]
    dealt = sorted(entry for share in shares for entry in share)
    assert dealt == sorted((number, f"pass {number}") for number in range(passes))
    assert all(number % size == rank for rank, share in enumerate(shares) for number, _ in share)


@given(sizes=st.lists(st.integers(1, 9), max_size=12), limit=st.integers(1, 12))
def test_buckets_keep_order_and_limit(sizes, limit):
    tensors = [torch.zeros(size) for size in sizes]
    cut = list(buckets(tensors, limit))
    assert [tensor.numel() for bucket in cut for tensor in bucket] == sizes
    assert all(len(bucket) == 1 or sum(t.numel() for t in bucket) <= limit for bucket in cut)
    assert all(bucket for bucket in cut)


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_two_devices_take_the_steps_of_one(bench):
    one = bench.train("device", "1.0", **ALONE)
    two = [bench.train(name, "1.0", **THREE_PASSES) for name in ("devices", "devices-again")]
    assert contents(two[0]) == contents(two[1])
    for name in ("loss", "gradient_norm"):
        found = [row[name] for row in steps_of(two[0])]
        assert found == pytest.approx([row[name] for row in steps_of(one)], rel=1e-3), name
    assert read_about(two[0] / "state.safetensors")["device"] == "cuda"
