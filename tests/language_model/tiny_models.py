"""Tiny models, tokenizers and datasets for the tests of training."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedModel

from scripts.common.corpus_tables import ENTITY_COREF_ROWS, MLM_ROWS
from scripts.common.files import sha256_file
from scripts.common.wordpiece import WordPiece, load_wordpiece
from scripts.language_model.masking import Pieces, pieces_of

SYLLABLES = "가나다라마바사아자차카타파하"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(5)
KINDS = ("deberta-v2", "deberta-v2 with absolute positions", "bert", "roberta")
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


@cache
def vocabulary() -> dict[str, int]:
    """Special tokens, then every syllable as a word's begin and as its inside."""
    pieces = [*SPECIAL, *SYLLABLES, *(f"##{letter}" for letter in SYLLABLES)]
    return {piece: number for number, piece in enumerate(pieces)}


def write_tokenizer(path: Path) -> Path:
    """A WordPiece of this vocabulary as tokenizer.json."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordPiece(vocabulary(), unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(SPECIAL))
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return path


def tiny_wordpiece(folder: Path) -> WordPiece:
    return load_wordpiece(write_tokenizer(folder / "tokenizer.json"))


def tiny_pieces(folder: Path) -> Pieces:
    return pieces_of(tiny_wordpiece(folder))


def tiny_model(kind: str, *, positions: int = 32, seed: int = 0, **options: Any) -> Any:
    """A model with weights large enough that every part of it matters.

    Args:
        kind: one of KINDS.
        positions: tokens of its longest row.
        seed: seed of the weights.
        options: further values of its config.
    """
    architecture = kind.split()[0]
    settings: dict[str, Any] = {
        **SIZES,
        "vocab_size": len(vocabulary()),
        "pad_token_id": PAD,
        "max_position_embeddings": positions,
        "initializer_range": 0.4,
    }
    if architecture == "deberta-v2":
        settings |= {
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 8,
            "position_biased_input": "absolute" in kind,
            "norm_rel_ebd": "layer_norm",
        }
    if architecture == "roberta":
        settings["pad_token_id"] = 1  # as in the published models, so positions begin at 2
        settings["max_position_embeddings"] = positions + 2
    config = AutoConfig.for_model(architecture, **{**settings, **options})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return AutoModelForMaskedLM.from_config(config).eval()


def random_ids(count: int, length: int, seed: int = 0) -> torch.Tensor:
    """Rows of ordinary pieces, shape (count, length)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(len(SPECIAL), len(vocabulary()), (count, length), generator=generator)


def plain_logits(model: PreTrainedModel, ids: torch.Tensor) -> torch.Tensor:
    """What the library itself computes for rows without padding."""
    with torch.inference_mode():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


def write_dataset(
    folder: Path, schema: pa.Schema, rows: list[dict[str, Any]], tokenizer: Path, length: int
) -> Path:
    """A dataset folder with these training rows, as the corpus track leaves it."""
    from datasets import Dataset, DatasetDict, disable_progress_bars

    disable_progress_bars()
    table = Dataset(pa.Table.from_pylist(rows, schema=schema))
    DatasetDict({"train": table}).save_to_disk(str(folder))
    metadata = {"tokenizer_sha256": sha256_file(tokenizer), "seq_len": length}
    (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    (folder / "README.md").write_text("tiny", encoding="utf-8")
    return folder


def text_rows(count: int, length: int, seed: int = 0) -> list[dict[str, Any]]:
    """Packed rows of two documents each; the second is short, of varying length."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        segments = [length // 2, int(generator.integers(4, length // 2))]
        ids: list[int] = []
        for size in segments:
            inside = generator.integers(len(SPECIAL), len(vocabulary()), size - 2)
            ids += [CLS, *inside.tolist(), SEP]
        rows.append(
            {
                "input_ids": ids,
                "segment_lengths": segments,
                "doc_ids": [f"{number}-a", f"{number}-b"],
            }
        )
    return rows


def entity_rows(count: int, length: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows whose antecedent, tokens 2 to 4, is the answer for the two masks."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        size = int(generator.integers(12, length + 1))
        ids = [CLS, *generator.integers(5, len(vocabulary()), size - 2).tolist(), SEP]
        answer = [int(generator.integers(5, 19)), int(generator.integers(19, 33))]
        ids[2:4], ids[8:10] = answer, [MASK, MASK]
        row = dict.fromkeys(ENTITY_COREF_ROWS.names) | {
            "doc_id": str(number),
            "antecedent_token_start": 2,
            "antecedent_token_end": 4,
            "mask_token_start": 8,
            "label_ids": answer,
            "input_ids": ids,
        }
        rows.append(row)
    return rows


def write_text_dataset(folder: Path, tokenizer: Path, *, count: int, length: int) -> Path:
    return write_dataset(folder, MLM_ROWS, text_rows(count, length), tokenizer, length)


def write_entity_dataset(folder: Path, tokenizer: Path, *, count: int, length: int) -> Path:
    return write_dataset(folder, ENTITY_COREF_ROWS, entity_rows(count, length), tokenizer, length)
