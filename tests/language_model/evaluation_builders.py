"""Small items, tokenizers and models for the tests of the evaluation."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedModel

from scripts.common.wordpiece import WordPiece
from scripts.language_model.analysed_texts import analyser
from scripts.language_model.contexts import Context
from scripts.language_model.evaluation_sets import Item, Noun, item_of
from scripts.language_model.lenient_scores import NounTest
from scripts.language_model.masked_logits import Runner
from tests.corpus.builders import hand_wordpiece

# 삼성 and 전자 have pieces at both places; 박물관 has three after a word's beginning.
PIECES = (
    *("삼성", "##삼성", "전자", "##전자", "서울", "##서울", "부산", "대구", "##대구"),
    *("박물관", "박", "##박", "##물", "##관", "가", "나", "다", "라", "마"),
    *("##가", "##나", "##다", "##라", "##마", "##는", "##은", "##이", "##에서", "##를", "##을"),
    *("말했다", "갔다", "있다", ".", ",", "A", "##A", "the", "신", "##신", "구", "##구"),
)
WORDS = ("삼성", "전자", "서울", "부산", "대구", "박물관", "가나", "다라", "마가나", "나")


@cache
def tiny_wordpiece() -> WordPiece:
    return hand_wordpiece(PIECES)


def saved_tokenizer(folder: Path, wordpiece: WordPiece) -> Path:
    path = folder / "tokenizer.json"
    tokenizer: Tokenizer = wordpiece.tokenizer
    tokenizer.save(str(path))
    return path


@cache
def tiny_model(kind: str = "deberta-v2", vocabulary: int = 0, seed: int = 5) -> PreTrainedModel:
    """A model whose weights are large enough for its answers to differ clearly."""
    sizes: dict[str, Any] = {
        "vocab_size": vocabulary or len(tiny_wordpiece().pieces),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 140,
        "initializer_range": 0.3,
    }
    if kind == "deberta-v2":
        sizes |= {
            "relative_attention": True,
            "pos_att_type": ["c2p", "p2c"],
            "position_buckets": 16,
        }
    torch.manual_seed(seed)
    model: PreTrainedModel = AutoModelForMaskedLM.from_config(AutoConfig.for_model(kind, **sizes))
    return model.eval()


def tiny_runner(model: PreTrainedModel | None = None, batch_tokens: int = 512) -> Runner:
    return Runner(model or tiny_model(), tiny_wordpiece().special_ids["pad"], batch_tokens)


def item(
    text: str,
    answer: str,
    *,
    number: int = 0,
    doc_id: str = "d",
    choices: tuple[str, ...] = (),
    particle: str = "",
    samples: int = 0,
    kind: str = "real_coref",
) -> Item:
    """An item that masks the last occurrence of `answer`; its first one is the antecedent."""
    nouns = [
        Noun(word, start, start + len(word))
        for word in sorted(WORDS, key=len, reverse=True)
        for start in range(len(text))
        if text.startswith(word, start)
    ]
    start = text.rindex(answer)
    first = text.index(answer)
    made = item_of(
        kind,
        text,
        Context(0, len(text)),
        Noun(answer, start, start + len(answer), particle),
        (first, first + len(answer)),
        nouns,
        item_id=f"{kind}:{doc_id}:{number}",
        doc_id=doc_id,
        source="s",
        seed=1,
        choices=choices,
    )
    return {**made, "training_samples": samples, "unseen": samples == 0}


@cache
def tiny_noun_test() -> NounTest:
    return NounTest(tiny_wordpiece(), analyser())
