"""Trains the encoder of a stream on the pairs of one session.

In: the encoder to start from, the memory that holds the texts, and the training pairs. Out: a
folder with the trained encoder, of the same form as the one it started from, and training.json.
Method: softmax contrastive loss on cosines of texts that the encoder in training encodes anew
(`contrastive.py`), AdamW, warm-up and linear decay. A session without pairs carries the encoder
over byte for byte.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.common.entry import entry

_logger = logging.getLogger(__name__)
TRAINING = "training.json"
_PACKAGES = ("torch", "numpy", "scipy", "transformers", "tokenizers")


def run(
    start: Path,
    memory: Path,
    pairs: Path,
    model: Path,
    *,
    session: int,
    budget: str,
    steps: int,
    epochs: int,
    batch: int,
    learning_rate: float,
    temperature: float,
    warmup_ratio: float,
    weight_decay: float,
    in_batch: str,
    seed: int,
    threads: int,
    gpu: int = 1,
    code_hash: str = "",
) -> None:
    """Train the encoder.

    Args:
        start: folder of the encoder to start from.
        memory: folder of the stream's memory after this session.
        pairs: lines of training pairs.
        model: folder to write.
        session: number of the session.
        budget: "steps" or "epochs", which of the two next decides.
        steps: optimizer steps; the pairs are passed over as often as needed.
        epochs: passes over the pairs.
        batch: pairs of a step.
        learning_rate: largest one, after the warm-up; from there it falls linearly to 0.
        temperature: by which cosines are divided.
        warmup_ratio: share of the steps until the largest rate is reached.
        weight_decay: AdamW's decay.
        in_batch: when the positives of a batch's other pairs are negatives of a pair too:
            "when_needed", where it has none of its own, or "always".
        seed: training seed, which keys the order of pairs and dropout.
        threads: threads of the CPU.
        gpu: devices: 0 trains on the CPU, 1 on the GPU where there is one (transformers only).
        code_hash: version of this step's code.

    Raises:
        ConfigError: a value is not allowed.
        InputError: a loss is no finite number.
        IntegrityError: a file is missing or broken, or a pair names what the memory lacks.
    """
    from scripts.common.files import atomic_folder, write_json
    from scripts.retrieval.training_samples import read_samples, require_in_batch
    from scripts.retrieval.training_schedule import Schedule

    require_in_batch(in_batch)
    schedule = Schedule(
        budget=budget,
        steps=steps,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        warmup_ratio=warmup_ratio,
        weight_decay=weight_decay,
        temperature=temperature,
        seed=seed,
        session=session,
    )
    samples = read_samples(memory, pairs)
    facts: dict[str, Any] = {"steps": 0, "skipped": 0, "losses": [], "device": None}
    encoder = None
    if samples.samples:
        encoder, facts = _trained(start, samples, schedule, in_batch, threads=threads, gpu=gpu)
    with atomic_folder(model) as folder:
        if encoder is None:
            _carry_over(start, folder)
        else:
            encoder.write(folder)
        write_json(
            folder / TRAINING,
            {
                "session": session,
                "seed": seed,
                "pairs": len(samples.samples),
                "kinds": samples.kinds,
                **facts,
                "threads": threads,
                "versions": _versions(),
                "code": code_hash,
            },
        )
    _logger.info(
        "session %d: %d pairs, %d steps, %d pairs had nothing to contrast",
        *(session, len(samples.samples), facts["steps"], facts["skipped"]),
    )


def _trained(
    start: Path, samples: Any, schedule: Any, in_batch: str, *, threads: int, gpu: int
) -> tuple[Any, dict[str, Any]]:
    """Return the encoder, None where no step could be taken, and what happened."""
    import torch

    from scripts.common.memory import keep_freed_memory
    from scripts.retrieval.contrastive_training import train
    from scripts.retrieval.encoders import load_encoder

    torch.set_num_threads(threads)
    keep_freed_memory()
    trainer = _trainer(load_encoder(start, threads=threads, gpu=gpu), samples.texts)
    with _memory_named(schedule.batch):
        course = train(trainer, samples, schedule, in_batch)
    return trainer.result() if course.steps else None, {
        "steps": course.steps,
        "skipped": course.skipped,
        "losses": [[step, round(loss, 6)] for step, loss in course.losses],
        "device": trainer.device.type,
    }


def _trainer(encoder: Any, texts: list[str]) -> Any:
    """Return the trainer of an encoder's kind; each imports its own libraries."""
    from scripts.retrieval.encoder_folder import HASHED

    if encoder.kind == HASHED:
        from scripts.retrieval.hashed_training import HashedTrainer

        return HashedTrainer(encoder, texts)
    from scripts.common.repeatable_kernels import choose_repeatable_kernels
    from scripts.retrieval.transformer_training import TransformerTrainer

    if encoder.body.device.type == "cuda":
        choose_repeatable_kernels()
    return TransformerTrainer(encoder, texts)


@contextmanager
def _memory_named(batch: int) -> Iterator[None]:
    """Turn a want of memory into a line that names the batch."""
    import torch

    from scripts.common.errors import ConfigError

    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        on_cpu = "DefaultCPUAllocator" in str(error)
        if not (isinstance(error, torch.OutOfMemoryError) or on_cpu):
            raise
        raise ConfigError(
            f"out of memory with batch {batch} and the negatives of its pairs; lower "
            "retrieval.training.batch or retrieval.encoder.window"
        ) from None


def _carry_over(start: Path, folder: Path) -> None:
    """Copy the encoder's files as they are."""
    import shutil

    for path in sorted(start.iterdir()):
        if path.is_file() and path.name != TRAINING:
            shutil.copyfile(path, folder / path.name)


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in _PACKAGES}


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
