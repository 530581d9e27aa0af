"""Training in segments equals training in one go, bit for bit, and equals a plain loop."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from torch.nn import functional
from transformers import get_linear_schedule_with_warmup

from scripts.common.wordpiece import load_wordpiece
from scripts.language_model import training
from scripts.language_model.batches import ENTITY, TEXT, BatchPlan
from scripts.language_model.checkpoints import load_checkpoint
from scripts.language_model.masking import IGNORED, pieces_of
from scripts.language_model.optimization import adamw, learning_rate
from scripts.language_model.training_rows import Masking, TrainingRows
from tests.language_model.tiny_models import entity_rows
from tests.language_model.training_runs import (
    LENGTH,
    SETTINGS,
    Bench,
    contents,
    make_bench,
    steps_of,
)
from tests.workflow.harness import ROOT


@pytest.fixture(autouse=True)
def fresh_accelerate():
    """Accelerate keeps the precision for the life of a process; here one process trains in two."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return make_bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def whole(bench) -> Path:
    """Two epochs in one go: 16 steps."""
    return bench.train("whole", "2.0")


class Fault(BaseException):
    """An end that no handler of the code under test expects."""


def stop_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training end after so many steps of a job."""
    inner = training.train_steps

    def failing(*arguments: Any, after_step: Any, **options: Any) -> None:
        taken = 0

        def counted(result: training.StepResult) -> None:
            nonlocal taken
            after_step(result)
            taken += 1
            if taken == steps:
                raise Fault

        inner(*arguments, after_step=counted, **options)

    monkeypatch.setattr(training, "train_steps", failing)


@pytest.mark.parametrize("cuts", [["0.5", "1.0", "1.5", "2.0"], ["1.3", "2.0"]])
def test_segments_equal_one_go(bench, whole, cuts):
    folders = [
        bench.train(f"cut-{cuts[0]}", epoch, previous)
        for previous, epoch in zip(["0.0", *cuts], cuts, strict=False)
    ]
    whole_about, last = contents(whole), contents(folders[-1])
    assert last["model.safetensors"] == whole_about["model.safetensors"]
    assert last["config.json"] == whole_about["config.json"]
    assert last["state.safetensors"] == whole_about["state.safetensors"]
    assert steps_of(*folders) == steps_of(whole)
    steps = steps_of(whole)
    assert [row["step"] for row in steps] == list(range(1, 17))
    assert [row["epoch"] for row in steps] == [step / 8 for step in range(1, 17)]


def test_epochs_that_are_added_later_change_nothing_before(bench, whole):
    """The schedule's end fixes the learning rate, not the last epoch that is trained."""
    first = bench.train("extended", "1.0")
    before = contents(first)
    bench.train("extended", "2.0", "1.0")
    assert contents(first) == before
    assert steps_of(first) == steps_of(whole)[:8]


@pytest.mark.parametrize("stop", [3, 5, 9])
def test_interrupted_inside_a_segment_and_resumed(bench, whole, monkeypatch, caplog, stop):
    name = f"interrupted-{stop}"
    with monkeypatch.context() as patch:
        stop_after(stop, patch)
        with pytest.raises(Fault):
            bench.train(name, "2.0", save_steps=4)
    folder = bench.folder / name / "epoch-2.0"
    assert not (folder / "model.safetensors").exists()
    saved = stop // 4 * 4
    assert [path.name for path in folder.glob("saves/*/*")] == (
        [f"step-{saved:09d}"] if saved else []
    )
    caplog.set_level("INFO")
    bench.train(name, "2.0", save_steps=4)
    assert (f"going on after step {saved}," in caplog.text) == bool(saved)
    assert contents(folder) == contents(whole)
    assert steps_of(folder) == steps_of(whole)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("config.json", "model.safetensors", "state.safetensors", "steps.parquet")
    ]


def test_interrupted_in_the_second_segment_and_twice(bench, whole, monkeypatch):
    bench.train("twice", "0.5")
    for _ in range(2):
        with monkeypatch.context() as patch:
            stop_after(4, patch)
            with pytest.raises(Fault):
                bench.train("twice", "2.0", "0.5", save_steps=2)
    folder = bench.train("twice", "2.0", "0.5", save_steps=2)
    assert contents(folder) == contents(whole)


KILLED = """
import os, signal, sys
from pathlib import Path
from scripts.language_model import segment_saves, training
from tests.language_model.tiny_models import entity_rows
from tests.language_model.training_runs import Bench
inner = segment_saves.save_optimizer
calls = 0
def save_and_die(*arguments):
    global calls
    calls += 1
    inner(*arguments)
    if calls == 3:
        os.kill(os.getpid(), signal.SIGKILL)  # in the middle of the third save
segment_saves.save_optimizer = save_and_die
Bench(Path(sys.argv[1])).train("killed", "2.0", save_steps=3)
"""


def test_killed_in_the_middle_of_a_save_and_resumed(bench, whole, caplog):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLED, str(bench.folder)]
    killed = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    caplog.set_level("INFO")
    folder = bench.train("killed", "2.0", save_steps=3)
    # The half save of step 9 is not taken: the one of step 6 is whole.
    assert "going on after step 6," in caplog.text
    assert contents(folder) == contents(whole)
    assert steps_of(folder) == steps_of(whole)


def test_save_of_other_settings_is_not_gone_on_from(bench, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(5, patch)
        with pytest.raises(Fault):
            bench.train("edited", "1.0", save_steps=2)
    folder = bench.train("edited", "1.0", save_steps=2, lr=0.002)
    assert contents(folder) == contents(bench.train("straight", "1.0", lr=0.002))


def test_saves_need_not_be_at_the_same_steps(bench, whole, monkeypatch):
    """How often a job saves is no part of the result."""
    with monkeypatch.context() as patch:
        stop_after(5, patch)
        with pytest.raises(Fault):
            bench.train("seldom", "2.0", save_steps=5)
    assert contents(bench.train("seldom", "2.0", save_steps=7)) == contents(whole)


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_other_architectures_train_in_segments_too(tmp_path, architecture):
    bench = make_bench(tmp_path, architecture)
    halves = [bench.train("cut", "0.5"), bench.train("cut", "1.0", "0.5")]
    one = bench.train("one", "1.0")
    assert contents(halves[1]) == contents(one)
    assert steps_of(*halves) == steps_of(one)


@pytest.mark.parametrize("kind", ["mlm", "entity_ft"])
def test_kinds_of_one_dataset(bench, kind):
    unused = {"mlm": "entity_dataset", "entity_ft": "mlm_dataset"}[kind]
    rows = {"mlm": 24, "entity_ft": 10}[kind]
    steps = steps_of(bench.train(kind, "1.0", kind=kind, **{unused: None}))
    assert len(steps) == -(-rows // 4)


def changed_labels(bench: Bench, folder: Path) -> Path:
    """The entity dataset with other target entities, everything else the same."""
    from datasets import load_from_disk

    data = load_from_disk(str(bench.folder / "entity"))
    data = data.map(
        lambda row: {"label_ids": [17, 31] if row["label_ids"] != [17, 31] else [5, 19]}
    )
    data.save_to_disk(str(folder))
    for name in ("metadata.json", "README.md"):
        (folder / name).write_bytes((bench.folder / "entity" / name).read_bytes())
    return folder


@pytest.mark.parametrize("kind", ["entity_ft", "combined"])
def test_loss_depends_on_the_target_entity_only_under_supervision(bench, tmp_path, kind):
    other = changed_labels(bench, tmp_path / "other")

    def losses(supervised: bool, dataset: Path) -> list[float]:
        name = f"label-{kind}-{supervised}-{dataset.name}"
        options = {"entity_supervision": supervised, "entity_dataset": dataset, "kind": kind}
        return [row["loss"] for row in steps_of(bench.train(name, "1.0", **options))]

    own = bench.folder / "entity"
    assert losses(False, own) == losses(False, other)
    with_own, with_other = losses(True, own), losses(True, other)
    assert with_own[0] != with_other[0] and with_own != losses(False, own)


def test_supervision_learns_the_masked_entity_and_the_control_does_not(tmp_path):
    """In the tiny rows the antecedent, two tokens at a fixed place, is the answer."""
    no_dropout: dict[str, Any] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    bench = make_bench(tmp_path, initializer_range=0.2, **no_dropout)

    def masked_entity_loss(supervised: bool) -> float:
        out = bench.train(
            f"learn-{supervised}",
            "40.0",
            kind="entity_ft",
            schedule_epochs="40.0",
            lr=0.02,
            extra_masking=0.1,
            entity_supervision=supervised,
            max_grad_norm=5.0,
        )
        model = load_checkpoint(out / "model.safetensors", out / "config.json")
        total = 0.0
        for row in entity_rows(10, LENGTH):
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([row["input_ids"]])).logits[0, 8:10]
            total += float(functional.cross_entropy(logits, torch.tensor(row["label_ids"])))
        return total / 10

    supervised, control = masked_entity_loss(True), masked_entity_loss(False)
    assert supervised < 1.5
    assert control > 3.0


def plain_losses(bench: Bench, steps: int) -> list[float]:
    """A loop of its own: the library's forward pass row by row, its AdamW and its schedule."""
    files = bench.start / "model.safetensors", bench.start / "config.json"
    model = load_checkpoint(*files).train()
    named = [(name, weight) for name, weight in model.named_parameters()]
    groups = [
        {"params": [w for n, w in named if w.ndim > 1], "weight_decay": SETTINGS["weight_decay"]},
        {"params": [w for n, w in named if w.ndim <= 1], "weight_decay": 0.0},
    ]
    # The library's schedule begins with a rate of 0; ours is one step ahead of it in the warm-up.
    optimizer = torch.optim.AdamW(groups, lr=SETTINGS["lr"], fused=False)
    total = 16
    warmup = round(SETTINGS["warmup_ratio"] * total)
    pieces = pieces_of(load_wordpiece(bench.tokenizer))
    rows = TrainingRows(
        {TEXT: bench.folder / "mlm", ENTITY: bench.folder / "entity"},
        pieces,
        Masking(42, "tiny", LENGTH, 0.1, 0.3, True, True, 0.15),
    )
    plan = BatchPlan(rows.lengths, entity_share=0.25, rows_per_step=4, seed=42, run="tiny")
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            rise = (step + 1) / warmup
            group["lr"] = SETTINGS["lr"] * (
                rise if step < warmup else (total - step) / (total - warmup)
            )
        loss, labelled = torch.zeros(()), 0
        for row in rows.masked(plan.rows_of_step(step)):
            start = 0
            for size in row.segment_lengths.tolist():
                ids = torch.from_numpy(row.input_ids[start : start + size].astype(np.int64))
                labels = torch.from_numpy(row.labels[start : start + size].astype(np.int64))
                logits = model(input_ids=ids[None]).logits[0]
                loss = loss + functional.cross_entropy(
                    logits, labels, ignore_index=IGNORED, reduction="sum"
                )
                labelled += int((labels != IGNORED).sum())
                start += size
        optimizer.zero_grad()
        (loss / labelled).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), SETTINGS["max_grad_norm"])
        optimizer.step()
        losses.append(float(loss.detach() / labelled))
    return losses


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_losses_are_those_of_a_plain_loop_however_a_step_is_cut(tmp_path, batch):
    bench = make_bench(tmp_path, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    options = {"batch": batch, "grad_accumulation": 4 // batch}
    found = [row["loss"] for row in steps_of(bench.train("plain", "1.0", **options))]
    assert found == pytest.approx(plain_losses(bench, 8), rel=2e-4)
    assert found[-1] < found[0]


def test_bf16_and_gradient_checkpointing_stay_near(bench, whole):
    exact = [row["loss"] for row in steps_of(whole)][:8]
    checkpointed = bench.train("checkpointed", "1.0", gradient_checkpointing=True)
    assert [row["loss"] for row in steps_of(checkpointed)] == pytest.approx(exact, rel=1e-5)
    AcceleratorState._reset_state(reset_partial_state=True)
    rounded = bench.train("bf16", "1.0", precision="bf16")
    assert [row["loss"] for row in steps_of(rounded)] == pytest.approx(exact, rel=0.02)
    files = rounded / "model.safetensors", rounded / "config.json"
    assert {weight.dtype for weight in load_checkpoint(*files).parameters()} == {torch.float32}


def test_learning_rate_by_hand():
    rates = [learning_rate(s, peak=1.0, warmup_steps=4, total_steps=10) for s in range(10)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])
    flat = [learning_rate(s, peak=2.0, warmup_steps=0, total_steps=4) for s in range(4)]
    assert flat == pytest.approx([2, 1.5, 1, 0.5])


def test_learning_rate_falls_as_the_library_s():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([weight], lr=0.3)
    schedule = get_linear_schedule_with_warmup(optimizer, 5, 20)
    for step in range(20):
        if step >= 5:
            mine = learning_rate(step, peak=0.3, warmup_steps=5, total_steps=20)
            assert mine == pytest.approx(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()


def test_biases_and_norms_do_not_decay(bench):
    model = load_checkpoint(bench.start / "model.safetensors", bench.start / "config.json")
    optimizer = adamw(model, 0.1)
    decays = {
        id(weight): group["weight_decay"]
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    for name, weight in model.named_parameters():
        assert decays[id(weight)] == (0.0 if "bias" in name or "LayerNorm" in name else 0.1), name


def test_table_of_steps_counts_true_tokens(bench, whole):
    rows = TrainingRows(
        {TEXT: bench.folder / "mlm", ENTITY: bench.folder / "entity"},
        pieces_of(load_wordpiece(bench.tokenizer)),
        Masking(42, "tiny", LENGTH, 0.1, 0.3, True, True, 0.15),
    )
    plan = BatchPlan(rows.lengths, entity_share=0.25, rows_per_step=4, seed=42, run="tiny")
    for step, row in enumerate(steps_of(whole)):
        masked = rows.masked(plan.rows_of_step(step))
        assert row["tokens"] == sum(len(part.input_ids) for part in masked)
        assert row["labelled"] == sum(int((part.labels != IGNORED).sum()) for part in masked)
        assert row["gradient_norm"] > 0


def test_events_can_be_read_and_hide_what_an_interrupted_job_did_twice(bench, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = bench.folder / "events"
    with monkeypatch.context() as patch:
        stop_after(5, patch)
        with pytest.raises(Fault):
            bench.train("watched", "1.0", save_steps=3, events=events)
    out = bench.train("watched", "1.0", save_steps=3, events=events)
    read = EventAccumulator(str(events)).Reload()
    assert set(read.Tags()["scalars"]) == {"loss", "gradient_norm", "learning_rate"}
    shown = [(event.step, event.value) for event in read.Scalars("loss")]
    expected = [(row["step"], row["loss"]) for row in steps_of(out)]
    assert [step for step, _ in shown] == [step for step, _ in expected]
    assert [value for _, value in shown] == pytest.approx([loss for _, loss in expected], rel=1e-6)


def test_progress_says_where_training_is(bench, caplog):
    caplog.set_level("INFO")
    bench.train("told", "0.5")
    line = next(text for text in caplog.messages if "finished in" in text)
    for part in (
        "train_epoch tiny 0.5: 4/4 steps, step 4, loss ",
        "lr 0.0",
        "tokens/s, ETA 0:00:00",
    ):
        assert part in line
    start = next(text for text in caplog.messages if text.startswith("run tiny"))
    assert "steps 1 to 4 of 16, 8 an epoch; cpu fp32, 1 threads, torch" in start
