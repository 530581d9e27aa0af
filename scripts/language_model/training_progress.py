"""What a person sees of training while it runs: log lines and TensorBoard events."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.common.progress import Progress, format_seconds
from scripts.language_model.training import StepResult


class TrainingProgress(Progress):
    """Progress over the steps of a segment, with loss, learning rate and tokens per second.

    Args:
        label: what is going on.
        done: steps of the segment that a resumed job took over.
        total: steps of the segment.
        options: as for Progress.
    """

    def __init__(self, label: str, *, done: int, total: int, **options: Any) -> None:
        self.latest: StepResult | None = None
        self.tokens = 0
        super().__init__(label, total=total, unit="steps", taken_over=done, **options)

    def step(self, result: StepResult) -> None:
        """Count one finished step."""
        self.latest = result
        self.tokens += result.tokens
        self.advance(1)

    def line(self) -> str:
        """Return the state of the training as one line."""
        elapsed = max(self.clock() - self.started, 1e-9)
        taken = self.done - self.taken_over
        parts = [f"{self.label}: {self.done:,}/{self.total:,} steps"]
        if self.latest is not None:
            parts += [
                f"step {self.latest.step:,}",
                f"loss {self.latest.loss:.4f}",
                f"gradient norm {self.latest.gradient_norm:.3f}",
                f"lr {self.latest.learning_rate:.3g}",
                f"{self.tokens / elapsed:,.0f} tokens/s",
            ]
        if taken and self.total is not None:
            parts.append(f"ETA {format_seconds((self.total - self.done) * elapsed / taken)}")
        return ", ".join(parts)


def event_writer(folder: Path | None, next_step: int) -> tuple[Callable[[StepResult], None], Any]:
    """Return a function that writes a step's events for TensorBoard, and one that ends the file.

    Args:
        folder: where the events go; None for nowhere.
        next_step: number of the first step to come; what an interrupted job wrote of it and of
            later ones is hidden.
    """
    if folder is None:
        return lambda result: None, lambda: None
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder), purge_step=next_step)

    def write(result: StepResult) -> None:
        writer.add_scalar("loss", result.loss, result.step)
        writer.add_scalar("gradient_norm", result.gradient_norm, result.step)
        writer.add_scalar("learning_rate", result.learning_rate, result.step)

    return write, writer.close
