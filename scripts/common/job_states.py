"""The jobs of a results folder by their own records, and figures over several of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.common.job_record import FAILED, FINISHED, RUNNING, JobRecord, Stage, read_record

SILENT_SECONDS = 60.0
RECENT_SECONDS = 600.0


@dataclass(frozen=True)
class Job:
    """A job as its record tells.

    Attributes:
        track: the track that it belongs to.
        key: name of its log below the track's logs, without suffix: the step, then the job.
        log: its log; the record lies beside it.
        record: its own words.
    """

    track: str
    key: str
    log: Path
    record: JobRecord

    @property
    def name(self) -> str:
        """The rule and what distinguishes its jobs."""
        return " ".join([self.record.rule, *self.record.wildcards.values()])

    @property
    def stage(self) -> Stage | None:
        """The piece of work that began last."""
        return self.record.stages[-1] if self.record.stages else None

    @property
    def finished(self) -> bool:
        """Whether it ended well."""
        return self.record.state == FINISHED

    @property
    def failed(self) -> bool:
        """Whether it ended badly."""
        return self.record.state == FAILED

    def is_working(self, now: float) -> bool:
        """Tell whether it runs, by a word of the last minute (`now` in seconds of the epoch)."""
        return self.record.state == RUNNING and now - self.record.updated <= SILENT_SECONDS

    def is_silent(self, now: float) -> bool:
        """Tell whether it should be running, but has said nothing for over a minute."""
        return self.record.state == RUNNING and now - self.record.updated > SILENT_SECONDS

    @property
    def span(self) -> "Span":
        """When it worked, and how many items it finished in its last stage."""
        done = self.stage.done if self.stage is not None else 0
        return Span(self.record.started, self.record.updated, done)


@dataclass(frozen=True)
class Span:
    """A job's time from its start to its last word, in seconds, and the items done in it."""

    start: float
    end: float
    done: int


class RecordReader:
    """Reads the records below a results folder again and again; only changed files are opened.

    Args:
        results: the results folder.
    """

    def __init__(self, results: Path) -> None:
        self.logs = results / "logs"
        self._known: dict[Path, tuple[tuple[int, int, int], JobRecord]] = {}

    def jobs(self) -> list[Job]:
        """Return all jobs with a readable record, in the order in which they started.

        A file that is no record (yet) is passed over, or stands with its last readable words.
        """
        found: dict[Path, tuple[tuple[int, int, int], JobRecord]] = {}
        for path in self.logs.rglob("*.json"):
            if path.name.startswith(".") or path.parent == self.logs:
                continue
            known = self._known.get(path)
            try:
                status = path.stat()
                mark = (status.st_mtime_ns, status.st_size, status.st_ino)
                if known is None or known[0] != mark:
                    known = mark, read_record(path)
            except FileNotFoundError:
                continue
            except ValueError:
                if known is None:
                    continue
            found[path] = known
        self._known = found
        jobs = [
            self._job(path.relative_to(self.logs), record) for path, (_, record) in found.items()
        ]
        return sorted(jobs, key=lambda job: (job.record.started, job.name))

    def _job(self, below: Path, record: JobRecord) -> Job:
        track, *parts = below.with_suffix("").parts
        return Job(track, "/".join(parts), self.logs / below.with_suffix(".log"), record)


def covered_seconds(spans: Iterable[Span]) -> float:
    """Return for how long at least one of the spans was open, in seconds."""
    covered, reached = 0.0, float("-inf")
    for span in sorted(spans, key=lambda span: span.start):
        covered += max(0.0, span.end - max(span.start, reached))
        reached = max(reached, span.end)
    return covered


def recent_rate(spans: Iterable[Span], now: float) -> float | None:
    """Return the items per second while any job worked, None where nothing is known.

    Jobs that spoke in the last ten minutes count, so that a run with another number of workers
    yesterday says nothing about today; where none did, all jobs count.
    """
    spans = list(spans)
    recent = [span for span in spans if now - span.end <= RECENT_SECONDS]
    return mean_rate(recent or spans)


def mean_rate(spans: Iterable[Span]) -> float | None:
    """Return the items per second of the time in which any job worked, None without items."""
    spans = list(spans)
    seconds, done = covered_seconds(spans), sum(span.done for span in spans)
    return done / seconds if seconds > 0 and done > 0 else None
