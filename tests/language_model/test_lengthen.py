"""Raising a model's length leaves its logits up to the old length as they were, bit for bit."""

from typing import Any

import pytest
import torch

from scripts.common.base_models import longest_row
from scripts.common.errors import ConfigError, InputError
from scripts.language_model.checkpoints import load_checkpoint, save_checkpoint
from scripts.language_model.lengthen import lengthened
from tests.language_model.tiny_models import KINDS, plain_logits, random_ids, tiny_model

LENGTH = 512  # the published models' full length: remapped buckets show at large distances only


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raised", [513, 2048])
def test_logits_over_the_full_old_length_are_unchanged(tmp_path, kind, raised):
    model = tiny_model(kind, positions=LENGTH)
    ids = random_ids(1, LENGTH)
    expected = plain_logits(model, ids)
    longer = lengthened(model, raised)
    assert longest_row(longer.config) == raised
    assert torch.equal(plain_logits(longer, ids), expected)
    # Saved and loaded again, and at the new length.
    files = tmp_path / "model.safetensors", tmp_path / "config.json"
    save_checkpoint(longer, *files)
    loaded = load_checkpoint(*files)
    assert longest_row(loaded.config) == raised
    assert torch.equal(plain_logits(loaded, ids), expected)
    long_ids = random_ids(1, min(raised, 640), seed=1)
    assert torch.equal(plain_logits(loaded, long_ids), plain_logits(longer, long_ids))


def test_raising_the_positions_alone_would_remap_the_buckets():
    """The trap that the explicit maximum avoids; a short input does not show it."""
    model = tiny_model("deberta-v2", positions=LENGTH, position_buckets=64)
    config = type(model.config).from_dict(model.config.to_dict())
    config.max_position_embeddings = 2048
    naive = type(model)(config).eval()
    naive.load_state_dict(model.state_dict())
    short, full = random_ids(1, 32), random_ids(1, LENGTH)
    assert torch.equal(plain_logits(naive, short), plain_logits(model, short))
    assert not torch.allclose(plain_logits(naive, full), plain_logits(model, full), atol=1e-3)
    raised = lengthened(model, 2048)
    assert torch.equal(plain_logits(raised, full), plain_logits(model, full))


def test_roberta_keeps_its_padding_row_and_repeats_the_learned_ones():
    model = tiny_model("roberta", positions=16)
    old = model.roberta.embeddings.position_embeddings.weight
    longer: Any = lengthened(model, 40)
    new = longer.roberta.embeddings.position_embeddings.weight
    assert new.shape[0] == 42
    assert torch.equal(new[:18], old)
    for position in range(40):
        assert torch.equal(new[2 + position], old[2 + position % 16])


def test_twice_raised_equals_once_raised():
    model = tiny_model("deberta-v2", positions=64)
    ids = random_ids(1, 200)
    expected = plain_logits(lengthened(model, 200), ids)
    assert torch.equal(plain_logits(lengthened(lengthened(model, 100), 200), ids), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_model_that_is_long_enough_stays_itself(kind):
    model = tiny_model(kind, positions=64)
    assert lengthened(model, 64) is model
    assert lengthened(model, 10) is model


def test_lengths_that_cannot_be():
    model = tiny_model("bert")
    with pytest.raises(ConfigError, match="length 0"):
        lengthened(model, 0)
    model.config.model_type = "electra"
    with pytest.raises(InputError, match="of electra models cannot be raised to 99"):
        lengthened(model, 99)
