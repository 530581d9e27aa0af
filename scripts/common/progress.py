"""Progress of long work: done/total, passed, rate and time left.

It goes to the log, to the terminal and to the job's record.
"""

import logging
import time
from collections.abc import Callable

from scripts.common.job_record import Stage, note_stage

_logger = logging.getLogger(__name__)
_SECONDS_BETWEEN_NOTES = 1.0


def format_seconds(seconds: float) -> str:
    """Return a duration as H:MM:SS."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


class Progress:
    """Counts finished items and reports at most once in `every_seconds`.

    Args:
        label: what is going on, e.g. "score_shard news/000".
        total: number of items, or None where it is unknown.
        unit: the items' name in the plural.
        batches: number of batches, where the work comes in batches.
        batch_size: items of a batch, where all but the last hold the same number; it gives the
            number of batches.
        taken_over: items that an interrupted job had done before; they count as done from the
            beginning, and are no part of the rate.
    """

    def __init__(
        self,
        label: str,
        *,
        total: int | None,
        unit: str = "documents",
        batches: int | None = None,
        batch_size: int | None = None,
        taken_over: int = 0,
        every_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label, self.total, self.unit = label, total, unit
        if batch_size is not None and total is not None:
            batches = -(-total // batch_size)
        self.batches, self.batch_size = batches, batch_size
        self.every_seconds, self.clock = every_seconds, clock
        self.taken_over, self.batch = taken_over, 0
        self.done = self.passed = taken_over
        self.started = self.reported = self.noted = clock()
        self.stage_number: int | None = None
        self._note()

    def advance(self, done: int, passed: int | None = None, *, batch_ended: bool = False) -> None:
        """Add finished items, and how many of them passed; report when it is time."""
        self.done += done
        self.passed += done if passed is None else passed
        self.batch += batch_ended
        now = self.clock()
        if now - self.noted >= _SECONDS_BETWEEN_NOTES:
            self.noted = now
            self._note()
        if now - self.reported >= self.every_seconds:
            self.reported = now
            _logger.info("%s", self.line())

    def line(self) -> str:
        """Return the state of the work as one line."""
        elapsed = max(self.clock() - self.started, 1e-9)
        rate = (self.done - self.taken_over) / elapsed
        total = f"/{self.total:,}" if self.total is not None else ""
        parts = [f"{self.label}: {self.done:,}{total} {self.unit}"]
        if self.batches is not None:
            parts.insert(1, f"batch {self.batch}/{self.batches}")
        share = f" ({self.passed / self.done:.1%})" if self.done else ""
        parts += [f"passed {self.passed:,}{share}", f"{rate:,.1f} {self.unit}/s"]
        if self.total is not None and rate > 0:
            parts.append(f"ETA {format_seconds((self.total - self.done) / rate)}")
        return ", ".join(parts)

    def finish(self) -> None:
        """Report the closing summary."""
        self._note()
        _logger.info("%s, finished in %s", self.line(), format_seconds(self.clock() - self.started))

    def _note(self) -> None:
        stage = Stage(
            label=self.label,
            unit=self.unit,
            done=self.done,
            total=self.total,
            passed=self.passed,
            batch=None if self.batches is None else self.batch,
            batches=self.batches,
            batch_size=self.batch_size,
            seconds=self.clock() - self.started,
            taken_over=self.taken_over,
        )
        self.stage_number = note_stage(stage, number=self.stage_number)
