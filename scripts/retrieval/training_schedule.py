"""How long and how fast a session is trained, and in which order its samples come."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import ConfigError
from scripts.common.keyed_generator import keyed_generator

STEPS, EPOCHS = BUDGETS = ("steps", "epochs")


@dataclass(frozen=True)
class Schedule:
    """The training of a session.

    Attributes:
        budget: STEPS takes `steps` steps, passing over the samples as often as needed; EPOCHS
            passes over them `epochs` times.
        steps: optimizer steps.
        epochs: passes over the samples.
        batch: samples of a step.
        learning_rate: largest one, after the warm-up; from there it falls linearly to 0.
        warmup_ratio: share of the steps until it is reached, 0 to 1.
        weight_decay: AdamW's decay.
        temperature: of the loss.
        seed: training seed.
        session: number of the session.
    """

    budget: str
    steps: int
    epochs: int
    batch: int
    learning_rate: float
    warmup_ratio: float
    weight_decay: float
    temperature: float
    seed: int
    session: int

    def __post_init__(self) -> None:
        for name, holds, allowed in (
            ("budget", self.budget in BUDGETS, ", ".join(BUDGETS)),
            ("steps", self.budget != STEPS or self.steps >= 1, "1 or more"),
            ("epochs", self.budget != EPOCHS or self.epochs >= 1, "1 or more"),
            ("batch", self.batch >= 1, "1 or more"),
            ("learning_rate", self.learning_rate > 0, "above 0"),
            ("warmup_ratio", 0 <= self.warmup_ratio <= 1, "0 to 1"),
            ("weight_decay", self.weight_decay >= 0, "0 or more"),
            ("temperature", self.temperature > 0, "above 0"),
        ):
            if not holds:
                raise ConfigError(
                    f"retrieval.training.{name} is {getattr(self, name)}; allowed: {allowed}"
                )

    def total_steps(self, samples: int) -> int:
        """Return the steps that are planned for so many samples."""
        if self.budget == STEPS:
            return self.steps if samples else 0
        return self.epochs * -(-samples // self.batch)

    def passes(self, samples: int) -> Iterator[list[NDArray[np.int64]]]:
        """Yield the batches of one pass after the other, in an order keyed by the epoch.

        With STEPS there is no end: whoever takes the steps counts them.
        """
        epoch = 0
        while samples and (self.budget == STEPS or epoch < self.epochs):
            draw = keyed_generator(self.seed, "order of pairs", str(self.session), str(epoch))
            order = draw.permutation(samples)
            yield [order[start : start + self.batch] for start in range(0, samples, self.batch)]
            epoch += 1

    def rate_share(self, step: int, total: int) -> float:
        """Return the share of the learning rate that step 0 … `total` - 1 takes, above 0 to 1."""
        warm_up = round(self.warmup_ratio * total)
        if step < warm_up:
            return (step + 1) / warm_up
        return (total - step) / max(1, total - warm_up)
