"""What a run cannot be trained with is one clear line, before hours are spent."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from scripts.common.errors import ConfigError, InputError, IntegrityError
from scripts.language_model import prepare_base_model
from scripts.language_model.document_attention import DocumentMaskedLM
from tests.language_model.test_training import fresh_accelerate  # noqa: F401
from tests.language_model.tiny_models import SIZES, write_tokenizer
from tests.language_model.training_runs import LENGTH, Bench, make_bench, steps_of


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return make_bench(tmp_path_factory.mktemp("bench"))


def refused(bench: Bench, error: type[Exception], message: str, **options) -> None:
    """The segment ends in one line, and leaves no output."""
    epoch = options.pop("epoch", "1.0")
    with pytest.raises(error, match=message) as caught:
        bench.train("refused", epoch, **options)
    assert "\n" not in str(caught.value)
    assert not [path for path in (bench.folder / "refused").rglob("*") if path.is_file()]


def fresh_start(
    folder: Path, *, length: int = LENGTH, initializer_range: float = 0.02
) -> dict[str, Path]:
    """An untrained model."""
    files = {"start": folder / "model.safetensors", "start_config": folder / "config.json"}
    prepare_base_model.run(
        write_tokenizer(folder / "tokenizer.json"),
        files["start"],
        files["start_config"],
        length=length,
        pretrained=None,
        revision=None,
        architecture="deberta-v2",
        sizes={**SIZES, "initializer_range": initializer_range},
        seed=1,
    )
    return files


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epoch": "2.5"}, r"epoch 2.5 lies beyond schedule_epochs 2.0"),
        ({"epoch": "0.5", "previous": "0.5"}, "does not come after"),
        ({"lr": 0.0}, "lr 0.0 is no positive number"),
        ({"lr": math.nan}, "lr nan is no positive number"),
        ({"max_grad_norm": -1.0}, "max_grad_norm -1.0"),
        ({"warmup_ratio": 1.5}, "warmup_ratio 1.5 lies in 0..1"),
        ({"weight_decay": -0.1}, "weight_decay -0.1"),
        ({"precision": "fp16"}, "precision 'fp16'; choose one of fp32, bf16"),
        ({"kind": "clm"}, "kind 'clm'; choose one of mlm, entity_ft, combined"),
        ({"entity_dataset": None}, "kind combined needs the dataset entity_coref"),
        ({"mlm_dataset": None, "kind": "mlm"}, "kind mlm needs the dataset mlm"),
        ({"mask_min": 0.5, "mask_max": 0.4}, "mask_min at most mask_max"),
        ({"extra_masking": 1.2}, "extra_masking 1.2: rates lie in 0..1"),
        ({"entity_share": "1.0"}, "entity_share 1.0 is not between 0 and 1"),
        ({"entity_share": None}, "entity_share None is not between 0 and 1"),
        ({"entity_share": math.nan}, "entity_share nan is not between 0 and 1"),
        ({"schedule_epochs": "NaN"}, "schedule_epochs 'NaN' is no decimal number"),
        ({"epoch": "x"}, "epoch 'x' is no decimal number"),
        ({"batch": 0}, "batch and grad_accumulation must be 1 or more"),
        ({"epoch": "0.01"}, "no step between epoch 0.0 and 0.01.*8 steps an epoch; lower batch"),
    ],
)
def test_settings_that_cannot_be(bench, options, message):
    refused(bench, ConfigError, message, **options)


def test_dataset_built_for_another_tokenizer(bench, tmp_path):
    other = json.loads(bench.tokenizer.read_text(encoding="utf-8"))
    other["version"] = "1.0 "
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(other), encoding="utf-8")
    refused(bench, InputError, "was built for another tokenizer .*build it again", tokenizer=path)


def test_dataset_of_another_length(bench):
    refused(bench, InputError, "built for rows of 32 tokens, the run has length 64", length=64)


def test_rows_longer_than_the_dataset_says(bench, tmp_path):
    folder = shutil.copytree(bench.folder / "mlm", tmp_path / "mlm")
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    (folder / "metadata.json").write_text(json.dumps({**metadata, "seq_len": 20}))
    refused(
        bench,
        InputError,
        "has a row of 3[0-9] tokens, more than the run's length 20",
        **{"length": 20, "kind": "mlm", "mlm_dataset": folder},
    )


def test_length_beyond_the_model_s_limit(bench, tmp_path):
    files = fresh_start(tmp_path, length=16)
    refused(bench, InputError, "takes rows of 16 tokens, the run has length 32", **files)


def test_weights_of_another_architecture(bench, tmp_path):
    other = make_bench(tmp_path, "bert")
    refused(
        bench,
        InputError,
        "holds the weights of another architecture",
        start=other.start / "model.safetensors",
    )


def test_model_of_another_tokenizer(bench, tmp_path):
    other = make_bench(tmp_path, "bert", vocab_size=40)
    files = {
        "start": other.start / "model.safetensors",
        "start_config": other.start / "config.json",
    }
    refused(bench, InputError, "40 token embeddings .*33 pieces", **files)


def test_model_that_is_missing(bench, tmp_path):
    refused(bench, IntegrityError, "is missing", start=tmp_path / "none.safetensors")


@pytest.fixture(scope="module")
def half(bench) -> Path:
    return bench.train("half", "0.5")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"run": "other"}, "is the state of .*'run': 'tiny'.* needed is .*'run': 'other'"),
        ({"previous": "1.0", "epoch": "1.5"}, "'step': 4"),
        ({"batch": 4}, "'steps_per_epoch': 8"),
    ],
)
def test_state_of_another_segment(bench, half, options, message):
    files = {
        "start": half / "model.safetensors",
        "start_config": half / "config.json",
        "state_before": half / "state.safetensors",
    }
    refused(bench, IntegrityError, message, **{"previous": "0.5", **files, **options})


def test_state_of_another_architecture(bench, half, tmp_path):
    other = make_bench(tmp_path, "bert")
    refused(
        bench,
        IntegrityError,
        "training state of another architecture",
        **{"previous": "0.5", "state_before": half / "state.safetensors"},
        **{"start": other.start / "model.safetensors", "start_config": other.start / "config.json"},
    )


@pytest.mark.parametrize("damage", ["truncated", "missing", "foreign"])
def test_state_that_is_broken(bench, half, tmp_path, damage):
    path = tmp_path / "state.safetensors"
    if damage == "truncated":
        path.write_bytes((half / "state.safetensors").read_bytes()[:-100])
    if damage == "foreign":
        save_file({"a": torch.zeros(1)}, path)
    message = "is missing" if damage == "missing" else "is no complete training state"
    files = {"start": half / "model.safetensors", "start_config": half / "config.json"}
    refused(bench, IntegrityError, message, previous="0.5", state_before=path, **files)


def test_segment_without_the_state_before(bench, half):
    files = {"start": half / "model.safetensors", "start_config": half / "config.json"}
    refused(bench, IntegrityError, "no training state", previous="0.5", state_before=None, **files)


def test_dataset_without_training_rows(bench, tmp_path):
    folder = tmp_path / "mlm"
    folder.mkdir()
    (folder / "metadata.json").write_bytes((bench.folder / "mlm/metadata.json").read_bytes())
    (folder / "README.md").touch()
    refused(bench, InputError, "has no training row", mlm_dataset=folder)


def test_dataset_that_is_cut(bench, tmp_path):
    folder = shutil.copytree(bench.folder / "mlm", tmp_path / "mlm")
    (next((folder / "train").glob("*.arrow"))).unlink()
    refused(bench, IntegrityError, "is incomplete", mlm_dataset=folder)


def test_control_with_nothing_to_learn(bench):
    refused(
        bench,
        InputError,
        "step 1: none of its 4 rows has a label; raise .*extra_masking",
        **{"kind": "entity_ft", "entity_supervision": False, "extra_masking": 0.0},
    )


def start_of(bench: Bench, folder: Path, change) -> dict[str, Path]:
    """The bench's start model with changed weights."""
    weights = load_file(bench.start / "model.safetensors")
    folder.mkdir(exist_ok=True)
    save_file({name: change(weight) for name, weight in weights.items()}, folder / "m.safetensors")
    return {"start": folder / "m.safetensors", "start_config": bench.start / "config.json"}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_loss_that_is_no_number_names_step_and_rate(bench, tmp_path, value):
    files = start_of(bench, tmp_path, lambda weight: torch.full_like(weight, value))
    message = "run tiny, step 1: loss nan.* at learning rate 0.00333; lower lr"
    refused(bench, InputError, message, **files)


def test_loss_that_diverges_while_training(bench):
    """A rate so large that numbers overflow after a few steps; clipping does not help."""
    refused(bench, InputError, r"run tiny, step [2-9]: loss .*lower lr", lr=1e37)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 12 bytes"),
    ],
)
def test_out_of_memory_names_batch_and_length(bench, monkeypatch, error):
    def exhausted(*arguments, **options):
        raise error

    monkeypatch.setattr(DocumentMaskedLM, "hidden_states", exhausted)
    message = r"out of memory with batch 2 of up to \d+ tokens; lower batch .* or lower length 32"
    refused(bench, ConfigError, message)


def test_other_runtime_errors_keep_their_traceback(bench, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("a bug")

    monkeypatch.setattr(DocumentMaskedLM, "hidden_states", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        bench.train("refused", "1.0")


def test_first_loss_of_an_untrained_model_is_ln_v(bench, tmp_path):
    out = bench.train("guessing", "0.5", **fresh_start(tmp_path))
    assert steps_of(out)[0]["loss"] == pytest.approx(math.log(33), rel=0.1)
    assert json.loads((out / "config.json").read_text(encoding="utf-8"))["untrained"] is False


def test_untrained_model_that_does_not_guess_evenly(bench, tmp_path):
    message = r"first loss of the untrained model is .* costs 3.497; lower .*initializer_range"
    refused(bench, InputError, message, **fresh_start(tmp_path, initializer_range=1.0))
