"""Models from outside: what their files carry is never run, whoever would say yes."""

import io
import json
import pickle
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from scripts.classification.encoder_model import EncoderModel
from scripts.common.encoder_body import published_body, read_body
from scripts.common.encoder_tokenizer import published_tokenizer
from scripts.common.errors import ExpectedError, InputError
from scripts.corpus import fetch_tokenizer
from scripts.language_model.base_model import pretrained_model
from tests.language_model.tiny_models import tiny_model, tiny_wordpiece, write_tokenizer

LOADERS = ("base model", "encoder", "tokenizer", "corpus tokenizer", "own encoder", "classifier")


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.check_call, (["touch", str(self.mark)],)


def write_model(folder: Path, extra: dict[str, Any]) -> Path:
    """A small model whose weights are pickled, with what else is to be pickled among them."""
    model = tiny_model("bert")
    model.config.architectures = ["BertForMaskedLM"]
    model.config.save_pretrained(folder)
    write_tokenizer(folder / "tokenizer.json")
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")
    }
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **special})
    )
    torch.save({**model.state_dict(), **extra}, folder / "pytorch_model.bin")
    return folder


def add_own_code(folder: Path, mark: Path) -> None:
    """Let the model ask for classes of its own, in a module that does harm when imported."""
    classes = {
        f"Auto{name}": f"evil.Evil{name}"
        for name in ("Config", "ModelForMaskedLM", "ModelForSequenceClassification")
    }
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": classes}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer |= {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.E", "evil.E"]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')\n")


def load(loader: str, folder: Path, scratch: Path) -> object:
    name = str(folder)
    if loader == "base model":
        return pretrained_model(name, None, tiny_wordpiece(scratch), seed=1)
    if loader == "encoder":
        tokenizer = published_tokenizer(str(scratch / "plain"), None, 16)
        return published_body(name, None, tokenizer, seed=1)
    if loader == "tokenizer":
        return published_tokenizer(name, None, 16)
    if loader == "corpus tokenizer":
        fetch_tokenizer.run(scratch / "t.json", scratch / "tc.json", model=name)
        return scratch / "t.json"
    return read_body(folder) if loader == "own encoder" else EncoderModel.read(folder)


@pytest.mark.parametrize("loader", ["base model", "encoder"])
def test_pickled_weights_are_read_and_a_pickled_payload_is_refused(
    tmp_path: Path, loader: str
) -> None:
    mark = tmp_path / "pwned"
    write_model(tmp_path / "plain", {})
    assert isinstance(load(loader, tmp_path / "plain", tmp_path), torch.nn.Module)
    evil = write_model(tmp_path / "evil", {"payload": Payload(mark)})
    with pytest.raises(InputError, match="pickled and hold more than tensors") as caught:
        load(loader, evil, tmp_path)
    assert str(evil) in str(caught.value) and "\n" not in str(caught.value)
    assert not mark.exists()
    torch.load(evil / "pytorch_model.bin", weights_only=False)
    assert mark.exists(), "the payload is one"


@pytest.mark.parametrize("loader", ["own encoder", "classifier"])
def test_models_of_the_workflow_are_read_from_safetensors_alone(
    tmp_path: Path, loader: str
) -> None:
    with pytest.raises(ExpectedError, match="safetensors"):
        load(loader, write_model(tmp_path / "model", {}), tmp_path)


@pytest.mark.parametrize("loader", LOADERS)
def test_a_models_own_code_is_not_run_even_if_the_terminal_says_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 10))
    write_model(tmp_path / "plain", {})
    folder = write_model(tmp_path / "evil", {})
    add_own_code(folder, tmp_path / "pwned")
    with pytest.raises(ExpectedError, match="evil") as caught:
        load(loader, folder, tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_a_pickle_in_the_place_of_safetensors_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", {})
    (folder / "pytorch_model.bin").unlink()
    (folder / "model.safetensors").write_bytes(pickle.dumps(Payload(tmp_path / "pwned")))
    for loader in ("base model", "own encoder"):
        with pytest.raises(ExpectedError):
            load(loader, folder, tmp_path)
    assert not (tmp_path / "pwned").exists()
