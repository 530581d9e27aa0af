"""Tokens per second of the training loop against a plain forward-backward loop.

    python -m tests.benchmarks.bench_training --corpus results/corpus --length 256

Both train the same untrained DeBERTa-v2 on the same entity-coreference rows, masked and cut into
steps alike, with the same optimizer. The training loop reads, masks and pads rows as it goes, and
logs; of the plain loop only the library's forward pass with its own loss, the backward pass,
clipping and the optimizer's step are timed, on tensors made beforehand. A second plain loop reads
the rows with this project's own forward pass (logits of labelled tokens alone), so that what the
loop itself costs shows. They take turns, in blocks of steps; the losses have to be the same.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
import tyro
from transformers import PreTrainedModel

from scripts.common.files import write_text
from scripts.common.memory import keep_freed_memory
from scripts.common.wordpiece import load_wordpiece
from scripts.language_model.base_model import fresh_model
from scripts.language_model.batches import ENTITY, BatchPlan
from scripts.language_model.collate import MaskedRow, collate
from scripts.language_model.document_attention import DocumentMaskedLM
from scripts.language_model.masking import pieces_of
from scripts.language_model.optimization import adamw, learning_rate
from scripts.language_model.team import Team
from scripts.language_model.training import (
    ForwardPass,
    StepResult,
    TrainingSettings,
    accelerator_of,
    train_steps,
)
from scripts.language_model.training_progress import TrainingProgress
from scripts.language_model.training_rows import Masking, TrainingRows

HEADER = (
    "| loop | tokens/s, median of blocks | blocks | training loop / this |\n|---|---:|---|---:|\n"
)
_TOLERANCE = 1e-3  # of losses, relative: sums are taken in another order


def main(
    corpus: Path,
    length: int = 256,
    hidden: int = 128,
    layers: int = 2,
    batch: int = 8,
    blocks: int = 6,
    steps: int = 10,
    precision: str = "fp32",
    threads: int = 1,
    table: Path | None = None,
) -> None:
    """Measure and print the table.

    Args:
        corpus: results folder of the corpus track.
        length: length of the dataset.
        hidden: width of the model.
        layers: its layers.
        batch: rows of a step.
        blocks: turns of each loop, after one to warm up.
        steps: steps of a turn.
        precision: "fp32" or "bf16".
        threads: threads of the CPU.
        table: where the table goes as well.
    """
    torch.set_num_threads(threads)
    keep_freed_memory()  # for all loops, so that it is not what is compared
    wordpiece = load_wordpiece(corpus / "tokenizer/tokenizer.json")
    rows = TrainingRows(
        {ENTITY: corpus / f"entity_coref/{length}/dataset"},
        pieces_of(wordpiece),
        Masking(1, "bench", length, 0.15, 0.15, False, True, 0.15),
    )
    plan = BatchPlan(rows.lengths, entity_share=0.5, rows_per_step=batch, seed=1, run="bench")
    sizes = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": max(2, hidden // 64),
        "intermediate_size": 4 * hidden,
        "position_buckets": 32,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    total = (blocks + 1) * steps
    settings = TrainingSettings("bench", 1, 1e-3, total // 10, total, batch, 1, 1.0, length)
    accelerator = accelerator_of(precision)

    def fresh() -> PreTrainedModel:
        model = fresh_model("deberta-v2", sizes, wordpiece, length=length, seed=1)
        return model.to(accelerator.device)

    def masked(step: int) -> list[MaskedRow]:
        return rows.masked(plan.rows_of_step(step))

    loops: dict[str, Callable[[int, int], list[float]]] = {
        "training loop": _training_loop(fresh(), accelerator, masked, settings),
        "plain loop, the library's forward pass": _plain_loop(
            fresh(), accelerator, masked, settings, own_forward=False
        ),
        "plain loop, own forward pass": _plain_loop(
            fresh(), accelerator, masked, settings, own_forward=True
        ),
    }
    losses: dict[str, list[float]] = {name: [] for name in loops}
    rates: dict[str, list[float]] = {name: [] for name in loops}
    for block in range(blocks + 1):
        first, last = block * steps, (block + 1) * steps
        tokens = sum(row.tokens for step in range(first, last) for row in masked(step))
        for name, loop in loops.items():
            seconds, found = loop_time(loop, first, last)
            losses[name] += found
            if block:  # the first turn warms up
                rates[name].append(tokens / seconds)
    require_same(losses)
    parameters = fresh().num_parameters()
    text = report(rates) + (
        f"\n{total} steps of {batch} rows of up to {length} tokens, {parameters:,} parameters, "
        f"{precision} on {accelerator.device.type}, {threads} threads, torch {torch.__version__}; "
        f"losses equal within {_TOLERANCE:g}, {losses['training loop'][0]:.3f} at the first and "
        f"{losses['training loop'][-1]:.3f} at the last step.\n"
    )
    print(text)
    if table is not None:
        write_text(table, text)


def loop_time(
    loop: Callable[[int, int], list[float]], first: int, last: int
) -> tuple[float, list[float]]:
    """Return the seconds that a loop takes for steps [first, last), and their losses.

    A loop that prepares tensors gives the time back that this took, as its last number.
    """
    started = time.perf_counter()
    *found, prepared = loop(first, last)
    return time.perf_counter() - started - prepared, found


def _training_loop(
    model: PreTrainedModel, accelerator: Any, masked: Any, settings: TrainingSettings
) -> Callable[[int, int], list[float]]:
    optimizer = adamw(model, 0.01)

    def loop(first: int, last: int) -> list[float]:
        found: list[float] = []
        progress = TrainingProgress("bench", done=0, total=last - first)

        def after_step(result: StepResult) -> None:
            found.append(result.loss)
            progress.step(result)

        train_steps(
            model,
            optimizer,
            accelerator,
            lambda step: [ForwardPass(0, masked(step))],
            settings,
            team=Team(),
            first=first,
            last=last,
            after_step=after_step,
        )
        return [*found, 0.0]

    return loop


def _plain_loop(
    model: PreTrainedModel,
    accelerator: Any,
    masked: Any,
    settings: TrainingSettings,
    *,
    own_forward: bool,
) -> Callable[[int, int], list[float]]:
    optimizer = adamw(model, 0.01)
    documents = DocumentMaskedLM(model)
    device = accelerator.device

    def loop(first: int, last: int) -> list[float]:
        started = time.perf_counter()
        batches = [
            collate(masked(step), model.config.pad_token_id).to(device)
            for step in range(first, last)
        ]
        prepared = time.perf_counter() - started
        found = []
        model.train()
        for step, batch in zip(range(first, last), batches, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(
                    step,
                    peak=settings.lr,
                    warmup_steps=settings.warmup_steps,
                    total_steps=settings.total_steps,
                )
            with accelerator.autocast():
                if own_forward:
                    labelled = (batch.labels >= 0).sum()
                    loss = documents(batch.input_ids, batch.segments, batch.labels) / labelled
                else:
                    loss = model(
                        input_ids=batch.input_ids,
                        attention_mask=batch.segments,
                        labels=batch.labels,
                    ).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            found.append(float(loss.detach()))
        return [*found, prepared]

    return loop


def require_same(losses: dict[str, list[float]]) -> None:
    """End with an error where a loop has other losses than the first one."""
    name, expected = next(iter(losses.items()))
    for other, found in losses.items():
        for step, (a, b) in enumerate(zip(expected, found, strict=True)):
            if abs(a - b) > _TOLERANCE * abs(a):
                raise SystemExit(f"step {step}: {name} has loss {a}, {other} {b}")


def report(rates: dict[str, list[float]]) -> str:
    """Return the table; the ratio is the median over blocks of the ratio within a block."""
    own = rates["training loop"]
    lines = [
        f"| {name} | {median(found):,.0f} | {' '.join(f'{rate:,.0f}' for rate in found)} | "
        f"{median(a / b for a, b in zip(own, found, strict=True)):.2f} |\n"
        for name, found in rates.items()
    ]
    return HEADER + "".join(lines)


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
