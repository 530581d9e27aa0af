"""The start model: repeatable, fitting its tokenizer, from a folder as well, and clear refusals."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scripts.common.base_models import ARCHITECTURES
from scripts.common.errors import ConfigError, DownloadError, InputError
from scripts.language_model import prepare_base_model
from scripts.language_model.base_model import fresh_model, pretrained_model
from scripts.language_model.checkpoints import load_checkpoint
from tests.language_model.tiny_models import (
    KINDS,
    SIZES,
    plain_logits,
    random_ids,
    tiny_model,
    tiny_wordpiece,
    write_tokenizer,
)


def prepare(folder: Path, **options) -> tuple[Path, Path]:
    """Run the step into `folder`; its two files."""
    tokenizer = write_tokenizer(folder / "tokenizer.json")
    settings = {
        "length": 32,
        "pretrained": None,
        "revision": None,
        "architecture": "deberta-v2",
        "sizes": SIZES,
        "seed": 3,
    }
    files = folder / "model.safetensors", folder / "config.json"
    prepare_base_model.run(tokenizer, *files, **{**settings, **options})
    return files


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_fresh_model_repeats_and_guesses_evenly(tmp_path, architecture):
    first = prepare(tmp_path / "a", architecture=architecture)
    second = prepare(tmp_path / "b", architecture=architecture)
    other = prepare(tmp_path / "c", architecture=architecture, seed=4)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[0].read_bytes() != other[0].read_bytes()
    model = load_checkpoint(*first)
    assert model.config.model_type == architecture
    assert model.config.untrained
    logits = plain_logits(model, random_ids(4, 32))
    entropy = -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1).mean()
    assert float(entropy) == pytest.approx(math.log(model.config.vocab_size), rel=0.01)


def test_models_of_two_lengths_have_the_same_weights_where_positions_are_named(tmp_path):
    sizes = {**SIZES, "max_position_embeddings": 16, "position_buckets": 8}
    short = load_checkpoint(*prepare(tmp_path / "short", length=16, sizes=sizes))
    long = load_checkpoint(*prepare(tmp_path / "long", length=64, sizes=sizes))
    assert long.config.max_position_embeddings == 64
    assert torch.equal(
        plain_logits(short, random_ids(2, 16)), plain_logits(long, random_ids(2, 16))
    )


def test_global_random_state_neither_matters_nor_changes(tmp_path):
    wordpiece = tiny_wordpiece(tmp_path)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    weights = fresh_model("bert", SIZES, wordpiece, length=16, seed=3).state_dict()
    assert torch.equal(torch.rand(3), expected)
    again = fresh_model("bert", SIZES, wordpiece, length=16, seed=3).state_dict()
    assert all(torch.equal(weights[name], again[name]) for name in weights)


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        ({**SIZES, "hiden_size": 16}, "hiden_size"),
        ({name: SIZES[name] for name in SIZES if name != "hidden_size"}, "hidden_size"),
        ({**SIZES, "hidden_size": 15}, "num_attention_heads 2"),
    ],
)
def test_sizes_that_do_not_fit(tmp_path, sizes, names):
    with pytest.raises(ConfigError, match=names):
        prepare(tmp_path, sizes=sizes)


def test_architecture_that_is_unknown(tmp_path):
    with pytest.raises(InputError, match="'gpt2' is not supported; choose one of deberta-v2"):
        prepare(tmp_path, architecture="gpt2")


def save_pretrained(folder: Path, kind: str, **options) -> Path:
    """A model as a hub repository holds it."""
    tiny_model(kind, **options).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "roberta"])
def test_pretrained_model_from_a_folder_keeps_its_logits(tmp_path, kind):
    folder = save_pretrained(tmp_path / "hub", kind)
    files = prepare(tmp_path / "run", pretrained=str(folder), length=80)
    model = load_checkpoint(*files)
    ids = random_ids(2, 32)
    assert torch.equal(plain_logits(model, ids), plain_logits(tiny_model(kind), ids))
    assert not getattr(model.config, "untrained", False)
    assert plain_logits(model, random_ids(1, 80)).shape[1] == 80


def test_folder_loads_offline_in_a_process_of_its_own(tmp_path):
    folder = save_pretrained(tmp_path / "hub", "deberta-v2")
    tokenizer = write_tokenizer(tmp_path / "tokenizer.json")
    command = [sys.executable, "-m", "scripts.language_model.prepare_base_model"]
    command += ["--tokenizer", str(tokenizer), "--model", str(tmp_path / "m.safetensors")]
    command += ["--model-config", str(tmp_path / "c.json"), "--length", "32", "--seed", "1"]
    command += ["--pretrained", str(folder), "--revision", "None"]
    command += ["--architecture", "deberta-v2", "--sizes", "{}"]
    offline = {"HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(command, env=offline, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m.safetensors").exists()


def test_hub_model_without_a_revision_is_its_newest_commit_with_a_warning(
    tmp_path, monkeypatch, caplog
):
    asked = []

    def refuse(name, **place):
        asked.append((name, place["revision"]))
        raise OSError("nobody answers")

    monkeypatch.setattr("transformers.AutoConfig.from_pretrained", refuse)
    with pytest.raises(DownloadError, match="nobody answers"):
        prepare(tmp_path, pretrained="kakaobank/kf-deberta-base")
    assert asked == [("kakaobank/kf-deberta-base", "main")]
    assert "kakaobank/kf-deberta-base is not pinned" in caplog.text


def test_hub_model_that_cannot_be_had(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match=r"model nobody/nothing: .*HF_TOKEN") as caught:
        prepare(tmp_path, pretrained="nobody/nothing", revision="abc")
    assert "\n" not in str(caught.value)


def test_gated_model_without_a_token(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("You are trying to access a gated repo.\nMake sure to have access to it")

    monkeypatch.setattr("transformers.AutoConfig.from_pretrained", refuse)
    with pytest.raises(DownloadError, match=r"gated repo.*set HF_TOKEN"):
        prepare(tmp_path, pretrained="some/gated", revision="abc")


def test_folder_with_half_a_model(tmp_path):
    folder = save_pretrained(tmp_path / "hub", "bert")
    (folder / "model.safetensors").unlink()
    with pytest.raises(DownloadError, match="check its name, revision and files"):
        prepare(tmp_path / "run", pretrained=str(folder))


def test_folder_of_another_architecture(tmp_path):
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2"}), encoding="utf-8")
    with pytest.raises(InputError, match="'gpt2' is not supported"):
        prepare(tmp_path / "run", pretrained=str(folder))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 50}, "50 token embeddings .* has 33 pieces"),
        ({"pad_token_id": 1}, "padding id 1, the tokenizer .* padding id 0"),
    ],
)
def test_model_of_another_tokenizer(tmp_path, options, message):
    folder = save_pretrained(tmp_path / "hub", "bert", **options)
    with pytest.raises(InputError, match=message):
        prepare(tmp_path / "run", pretrained=str(folder))


def test_tokenizer_without_a_mask(tmp_path):
    description = json.loads(write_tokenizer(tmp_path / "whole.json").read_text(encoding="utf-8"))
    description["added_tokens"] = [
        token for token in description["added_tokens"] if token["content"] != "[MASK]"
    ]
    del description["model"]["vocab"]["[MASK]"]
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(InputError, match=r"has no \[MASK\]"):
        prepare_base_model.run(
            path,
            tmp_path / "model.safetensors",
            tmp_path / "config.json",
            length=32,
            pretrained=None,
            revision=None,
            architecture="bert",
            sizes=SIZES,
            seed=1,
        )


def test_missing_head_starts_alike_each_time(tmp_path, caplog):
    model = tiny_model("bert")
    model.base_model.save_pretrained(tmp_path / "hub")
    wordpiece = tiny_wordpiece(tmp_path)
    loaded = [
        pretrained_model(str(tmp_path / "hub"), None, wordpiece, seed=1).state_dict()
        for _ in range(2)
    ]
    assert all(torch.equal(loaded[0][name], loaded[1][name]) for name in loaded[0])
    assert "start at random" in caplog.text
