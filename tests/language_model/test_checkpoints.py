"""Checkpoints come back as they were written, and say what does not fit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedModel

from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import read_json, write_json
from scripts.language_model.checkpoints import load_checkpoint, save_checkpoint

SIZES: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 34,
}
RELATIVE = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8}


def model_of(kind: str) -> PreTrainedModel:
    torch.manual_seed(3)
    config = AutoConfig.for_model(kind, **SIZES, **(RELATIVE if kind == "deberta-v2" else {}))
    model: PreTrainedModel = AutoModelForMaskedLM.from_config(config).eval()
    return model


@pytest.mark.parametrize("kind", ["deberta-v2", "bert", "roberta"])
def test_saved_and_loaded_gives_the_same_logits_and_bytes(tmp_path: Path, kind: str) -> None:
    model = model_of(kind)
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    save_checkpoint(model, tmp_path / "a.safetensors", tmp_path / "a.json")
    before = torch.random.get_rng_state()
    loaded = load_checkpoint(tmp_path / "a.safetensors", tmp_path / "a.json")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert type(loaded) is type(model) and not loaded.training
    with torch.no_grad():
        assert torch.equal(loaded(input_ids=ids).logits, model(input_ids=ids).logits)
    save_checkpoint(loaded, tmp_path / "b.safetensors", tmp_path / "b.json")
    for name in ("safetensors", "json"):
        assert (tmp_path / f"a.{name}").read_bytes() == (tmp_path / f"b.{name}").read_bytes()


def test_tied_embeddings_are_written_once_and_stay_tied(tmp_path: Path) -> None:
    save_checkpoint(model_of("bert"), tmp_path / "model.safetensors", tmp_path / "config.json")
    tensors = load_file(tmp_path / "model.safetensors")
    assert sum(tuple(tensor.shape) == (40, 16) for tensor in tensors.values()) == 1
    loaded = load_checkpoint(tmp_path / "model.safetensors", tmp_path / "config.json")
    output = loaded.get_output_embeddings()
    assert output is not None
    assert output.weight is loaded.get_input_embeddings().weight


def test_weights_of_another_architecture_are_named(tmp_path: Path) -> None:
    save_checkpoint(model_of("bert"), tmp_path / "bert.safetensors", tmp_path / "bert.json")
    save_checkpoint(model_of("deberta-v2"), tmp_path / "deb.safetensors", tmp_path / "deb.json")
    with pytest.raises(InputError, match="another architecture"):
        load_checkpoint(tmp_path / "bert.safetensors", tmp_path / "deb.json")


def test_broken_files_are_named(tmp_path: Path) -> None:
    save_checkpoint(model_of("bert"), tmp_path / "model.safetensors", tmp_path / "config.json")
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IntegrityError, match="no complete safetensors"):
        load_checkpoint(tmp_path / "model.safetensors", tmp_path / "config.json")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(IntegrityError, match="missing"):
        load_checkpoint(tmp_path / "model.safetensors", tmp_path / "config.json")


def test_an_unknown_model_type_is_named(tmp_path: Path) -> None:
    save_checkpoint(model_of("bert"), tmp_path / "model.safetensors", tmp_path / "config.json")
    for kind in ("nonesuch", "vit"):
        write_json(
            tmp_path / "config.json", {**read_json(tmp_path / "config.json"), "model_type": kind}
        )
        with pytest.raises(InputError, match="names no masked language model"):
            load_checkpoint(tmp_path / "model.safetensors", tmp_path / "config.json")
