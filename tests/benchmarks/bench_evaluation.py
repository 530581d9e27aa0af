"""Speed of the batched evaluation against the item-by-item two-pass form, on one CPU thread.

Both score the same items with the same fresh model (time does not depend on weights); every
number must be equal, log-probabilities within 1e-4 nats, or the benchmark fails. Processor time is
compared, so that other work on the machine does not count. The goal is a factor of 5.

    python -m tests.benchmarks.bench_evaluation --sets FILE … --tokenizer FILE
"""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
import tyro
from transformers import DebertaV2Config, DebertaV2ForMaskedLM, PreTrainedModel

from scripts.common.hashing import keyed_hash
from scripts.common.memory import keep_freed_memory
from scripts.common.wordpiece import WordPiece, load_wordpiece
from scripts.language_model.analysed_texts import analyser
from scripts.language_model.evaluation_sets import Item, read_items
from scripts.language_model.item_scores import ItemScorer
from scripts.language_model.lenient_scores import NounTest
from scripts.language_model.masked_logits import Runner
from tests.benchmarks.item_by_item import ItemByItem

GOAL = 5.0
TOLERANCE = 1e-4
MAX_MASKS, TOP_CANDIDATES = 4, 50
Rows = list[dict[str, Any]]


def main(
    sets: list[Path],
    tokenizer: Path,
    *,
    number: int = 100,
    hidden: int = 128,
    layers: int = 2,
    length: int = 1536,
    batch_tokens: int = 4096,
    rounds: int = 3,
    table: Path | None = None,
) -> None:
    """Measure and print the rates.

    Args:
        sets: evaluation sets.
        tokenizer: their tokenizer.
        number: items, a keyed choice of each set.
        hidden: width of the model.
        layers: its layers.
        length: longest input in tokens.
        batch_tokens: tokens of a batch of the batched form.
        rounds: how often each form runs.
        table: where the Markdown goes as well.
    """
    torch.set_num_threads(1)
    wordpiece = load_wordpiece(tokenizer)
    items = sorted(
        read_items(sets), key=lambda item: keyed_hash(0, "benchmark items", item["item_id"])
    )[:number]
    model = _model(wordpiece, hidden, layers, length)
    analyser().tokenize("준비")

    def batched() -> Rows:
        scorer = ItemScorer(
            Runner(model, wordpiece.special_ids["pad"], batch_tokens),
            wordpiece,
            NounTest(wordpiece, analyser()),
            max_masks=MAX_MASKS,
            top_candidates=TOP_CANDIDATES,
            length=length,
        )
        return list(scorer.score(items))

    def one_by_one() -> Rows:
        form = ItemByItem(
            model, wordpiece, analyser(), max_masks=MAX_MASKS, top_candidates=TOP_CANDIDATES
        )
        return form.score(items, Counter())

    results: dict[str, Rows] = {}
    seconds: dict[str, list[float]] = {"item by item": [], "batched": []}
    for name, form in (("item by item", one_by_one), ("batched", batched)):
        if name == "batched":
            keep_freed_memory()  # cannot be undone, hence not in turn
        for _ in range(rounds):
            rows, taken = _timed(form)
            seconds[name].append(taken)
            results[name] = rows
    _refuse_other_numbers(items, results["item by item"], results["batched"])
    text = _markdown(items, seconds, f"{layers} layers of {hidden}, {len(wordpiece.pieces)} pieces")
    print(text)
    if table is not None:
        table.write_text(text, encoding="utf-8")


def _model(wordpiece: WordPiece, hidden: int, layers: int, length: int) -> PreTrainedModel:
    torch.manual_seed(0)
    config = DebertaV2Config(
        vocab_size=len(wordpiece.pieces),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden // 64),
        intermediate_size=4 * hidden,
        max_position_embeddings=length,
        relative_attention=True,
        pos_att_type=["c2p", "p2c"],
        position_buckets=256,  # type: ignore[call-arg]
        type_vocab_size=0,
    )
    return DebertaV2ForMaskedLM(config).eval()


def _timed(form: Callable[[], Rows]) -> tuple[Rows, float]:
    start = time.process_time()
    rows = form()
    return rows, time.process_time() - start


def _refuse_other_numbers(items: list[Item], slow: Rows, fast: Rows) -> None:
    for item, one, other in zip(items, slow, fast, strict=True):
        for name, value in one.items():
            same = (
                abs(value - other[name]) < TOLERANCE
                if name == "answer_log_probability"
                else value == other[name]
            )
            if not same:
                raise RuntimeError(
                    f"the forms disagree about {name} of {item['item_id']}: {value}, {other[name]}"
                )


def _markdown(items: list[Item], seconds: dict[str, list[float]], model: str) -> str:
    times = {name: median(values) for name, values in seconds.items()}
    factor = times["item by item"] / times["batched"]
    characters = sum(len(item["text"]) for item in items) / len(items)
    rows = [
        f"| {name} | {times[name]:.1f} | {' '.join(f'{value:.1f}' for value in values)} | "
        f"{len(items) / times[name]:.2f} |"
        for name, values in seconds.items()
    ]
    return "\n".join(
        [
            f"{len(items):,} items of {characters:,.0f} characters on average, DeBERTa-v2 of "
            f"{model}, one thread; all scores equal.",
            "",
            "| form | median CPU s | rounds | items/s |",
            "|---|---:|---|---:|",
            *rows,
            "",
            f"- batched / item by item: {factor:.2f} (goal {GOAL:.0f}: "
            f"{'met' if factor >= GOAL else 'not met'})",
            "",
        ]
    )


if __name__ == "__main__":
    tyro.cli(main)
