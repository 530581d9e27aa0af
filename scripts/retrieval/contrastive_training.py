"""The loop that trains an encoder of any kind on the samples of a session.

Dropout and order are functions of (seed, session, step or epoch), so a training that is started
again gives the same bytes, on the same device with the same number of threads.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.common.errors import InputError
from scripts.common.keyed_generator import keyed_generator
from scripts.common.progress import Progress
from scripts.retrieval.contrastive import contrastive_losses
from scripts.retrieval.training_samples import Batch, Samples, make_batch
from scripts.retrieval.training_schedule import Schedule

_MAX_GRAD_NORM = 1.0
_POINTS = 100  # of the curve of losses


class Trainer(Protocol):
    """An encoder in training."""

    device: torch.device

    def parameter_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Return the parameters with their rates and decays."""

    def encode(self, texts: NDArray[np.int64], draw: np.random.Generator) -> Tensor:
        """Return (n, d) unit vectors of texts, by their numbers, under dropout."""


@dataclass
class Course:
    """What happened in a training.

    Attributes:
        steps: optimizer steps taken.
        skipped: samples that came up with nothing to contrast their positive with, each time.
        losses: last step and mean loss of up to about 100 stretches of steps.
    """

    steps: int = 0
    skipped: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)


def train(trainer: Trainer, samples: Samples, schedule: Schedule, in_batch: str) -> Course:
    """Train an encoder in place.

    Args:
        trainer: the encoder in training.
        samples: the session's samples.
        schedule: how long and how fast.
        in_batch: when other samples' positives are negatives.

    Raises:
        InputError: a loss is no finite number.
    """
    total = schedule.total_steps(len(samples.samples))
    groups = trainer.parameter_groups(schedule.learning_rate, schedule.weight_decay)
    optimizer = torch.optim.AdamW(groups, lr=schedule.learning_rate, fused=True)
    parameters = [parameter for group in groups for parameter in group["params"]]
    rates = [group["lr"] for group in groups]
    curve = _Curve(total)
    progress = Progress("train_encoder", total=total, unit="steps")
    contrasted: set[int] = set()
    idle: set[int] = set()
    for batches in schedule.passes(len(samples.samples)):
        before = curve.steps
        for numbers in batches:
            if curve.steps == total:
                break
            batch = make_batch([samples.samples[number] for number in numbers], in_batch)
            contrasted.update(numbers[batch.contrasted].tolist())
            idle.update(numbers[~batch.contrasted].tolist())
            if not batch.contrasted.any():
                continue
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * schedule.rate_share(curve.steps, total)
            loss = _loss(trainer, samples, batch, schedule, curve.steps)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, _MAX_GRAD_NORM)
            optimizer.step()
            curve.add(loss.item())
            progress.advance(1, batch_ended=True)
        # ASSUME that where no batch of a pass can be contrasted, none of the next can; another
        # order could tell otherwise only where batches are tiny.
        if curve.steps in (before, total):
            break
    progress.finish()
    curve.close()
    return Course(curve.steps, len(idle - contrasted), curve.points)


def _loss(
    trainer: Trainer, samples: Samples, batch: Batch, schedule: Schedule, step: int
) -> Tensor:
    """Return the mean loss of the batch's samples that have something to contrast."""
    draw = keyed_generator(schedule.seed, "dropout", str(schedule.session), str(step))
    rows = torch.from_numpy(np.flatnonzero(batch.contrasted)).to(trainer.device)
    texts = batch.candidates[batch.candidates < len(samples.texts)]
    # One pass for both sides; a text that is query and candidate is encoded twice.
    vectors = trainer.encode(np.concatenate([batch.queries, texts]), draw)
    queries, candidates = vectors[: len(batch.queries)], vectors[len(batch.queries) :]
    prototypes = samples.prototypes[batch.candidates[len(texts) :] - len(samples.texts)]
    if len(prototypes):
        means = torch.from_numpy(prototypes).to(trainer.device)
        candidates = torch.cat([candidates, torch.nn.functional.normalize(means, dim=1)])
    losses = contrastive_losses(
        queries[rows],
        candidates,
        torch.from_numpy(batch.positives).to(trainer.device)[rows],
        torch.from_numpy(batch.allowed).to(trainer.device)[rows],
        schedule.temperature,
    )
    return losses.mean()


class _Curve:
    """Means of losses over stretches of steps."""

    def __init__(self, total: int) -> None:
        self._stretch = max(1, -(-total // _POINTS))
        self._sum, self._added = 0.0, 0
        self.steps = 0
        self.points: list[tuple[int, float]] = []

    def add(self, loss: float) -> None:
        """Add the loss of the next step."""
        self.steps += 1
        if not np.isfinite(loss):
            raise InputError(
                f"the loss of step {self.steps} is {loss}; lower retrieval.training.learning_rate "
                "or raise its temperature"
            )
        self._sum, self._added = self._sum + loss, self._added + 1
        if self._added == self._stretch:
            self.close()

    def close(self) -> None:
        """End the present stretch, if it has a step."""
        if self._added:
            self.points.append((self.steps, self._sum / self._added))
            self._sum, self._added = 0.0, 0
