"""Sizes reach transformers under its own names, and settings that are no sizes do not."""

from scripts.common.model_sizes import model_sizes


def test_sizes_by_transformers_names():
    given = {"model": None, "layers": 2, "heads": 4, "dropout": 0.1, "activation": "linear"}
    assert model_sizes(given) == {
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "linear",
    }
