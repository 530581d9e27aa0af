"""What `show_progress` shows: one page of a run, as lines of text or as tables on a terminal."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scripts.common.job_states import Job, covered_seconds, mean_rate
from scripts.common.planned_jobs import Planned, counted
from scripts.common.progress import format_seconds
from scripts.common.shard_progress import CorpusFiles, Shard, Tally, tally_all, tally_source

PASSED = "passed cheap checks"
PASSED_NOTE = (
    f"{PASSED}: analysed by Kiwi; which documents a dataset takes is decided by select_documents"
)
MODELS = "language_model"
_SHOWN_JOBS = 10
_UNKNOWN = "–"


@dataclass(frozen=True)
class Page:
    """The state of a run at one moment.

    Attributes:
        now: seconds of the epoch.
        jobs: all jobs, in the order in which they started.
        sources: the shards of each source.
        kept: kept and all documents of each dataset's selection.
        planned: planned jobs by track, by the name of their logs.
    """

    now: float
    jobs: list[Job]
    sources: dict[str, list[Shard] | None]
    kept: dict[str, tuple[int, int]]
    planned: Planned = field(default_factory=dict)

    @property
    def working(self) -> list[Job]:
        """The jobs that run."""
        return [job for job in self.jobs if job.is_working(self.now)]

    @property
    def last_word(self) -> float:
        """When a job spoke last, in seconds of the epoch; 0 where none did."""
        return max((job.record.updated for job in self.jobs), default=0.0)

    def tallies(self) -> list[Tally]:
        """Return how far each source is and, where there are several, all of them."""
        each = [tally_source(name, shards, self.now) for name, shards in self.sources.items()]
        return [*each, tally_all(dict(self.sources), self.now)] if len(each) > 1 else each


def read_page(
    jobs: list[Job], files: CorpusFiles, now: float, planned: Planned | None = None
) -> Page:
    """Return the state of a run from its records, its files and its plan."""
    return Page(now, jobs, files.sources(jobs), files.kept(), planned or {})


# ---- the words of a page -----------------------------------------------------------------------


def headline(page: Page) -> str:
    """Return the numbers of jobs by state."""
    finished = sum(job.finished for job in page.jobs)
    failed = sum(job.failed for job in page.jobs)
    silent = sum(job.is_silent(page.now) for job in page.jobs)
    parts = [f"jobs: {len(page.working)} running", f"{finished} finished"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{silent} silent"] if silent else []
    return ", ".join(parts)


def tally_cells(tally: Tally) -> tuple[str, str, str, str, str]:
    """Return batch, documents, passed, documents per second and time left of a source."""
    if tally.total is None:
        return _UNKNOWN, "not read yet", _UNKNOWN, _UNKNOWN, _UNKNOWN
    batches = _UNKNOWN
    if tally.batches is not None:
        batches = f"{tally.batch:,}/{tally.batches:,}{'+' if tally.batches_is_least else ''}"
    documents = f"{tally.done:,}/{tally.total:,}{'+' if tally.total_is_least else ''}"
    share = f" ({tally.passed / tally.done:.1%})" if tally.done else ""
    rate = _UNKNOWN if tally.rate is None else f"{tally.rate:,.1f}"
    if tally.done == tally.total and not tally.total_is_least:
        left = "done"
    else:
        left = _UNKNOWN if tally.eta is None else format_seconds(tally.eta)
        left += "+" if tally.eta is not None and tally.total_is_least else ""
    return batches, documents, f"{tally.passed:,}{share}", rate, left


def tally_line(tally: Tally) -> str:
    """Return how far a source is, as one line."""
    batches, documents, passed, rate, left = tally_cells(tally)
    return (
        f"score_shard {tally.name}: batch {batches}, {documents} documents, {PASSED} {passed}, "
        f"{rate} documents/s, ETA {left}"
    )


def job_line(job: Job) -> str:
    """Return what a running job is doing, as one line."""
    stage = job.stage
    if stage is None:
        return f"{job.name}: running"
    total = f"/{stage.total:,}" if stage.total is not None else ""
    parts = [f"{stage.done:,}{total} {stage.unit}"]
    if stage.batches is not None:
        parts.insert(0, f"batch {stage.batch}/{stage.batches}")
    rate = stage.rate
    if rate is not None:
        parts.append(f"{rate:,.1f} {stage.unit}/s")
        if stage.total is not None:
            parts.append(f"ETA {format_seconds((stage.total - stage.done) / rate)}")
    return f"{job.name}: {', '.join(parts)}"


def model_lines(page: Page) -> Iterator[str]:
    """Yield how many of the planned jobs of the models are done, where any has begun.

    Steps with one job alone are left to the sum.
    """
    jobs = [job for job in page.jobs if job.track == MODELS]
    steps = counted(jobs, page.planned.get(MODELS, ()))
    if not jobs:
        return
    if not steps:
        yield f"{MODELS}: {sum(job.finished for job in jobs):,} jobs done, their plan is not known"
        return
    done, planned = (sum(numbers) for numbers in zip(*steps.values(), strict=True))
    parts = [f"{MODELS}: {done:,} of {planned:,} planned jobs done"]
    parts += [f"{step} {d:,}/{of:,}" for step, (d, of) in steps.items() if of > 1]
    yield ", ".join(parts)


def trouble_lines(page: Page) -> Iterator[str]:
    """Yield a line for each job that failed or fell silent."""
    for job in page.jobs:
        if job.failed:
            yield f"FAILED {job.name}: see {job.log}"
        elif job.is_silent(page.now):
            quiet = format_seconds(page.now - job.record.updated)
            yield f"SILENT {job.name}: no word for {quiet}, maybe killed; see {job.log}"


def kept_lines(page: Page) -> Iterator[str]:
    """Yield a line for each dataset with the documents that its selection kept."""
    for name, (kept, documents) in page.kept.items():
        share = f" ({kept / documents:.1%})" if documents else ""
        yield f"select_documents {name}: kept {kept:,} of {documents:,} documents{share}"


def page_lines(page: Page) -> list[str]:
    """Return the page as lines of text."""
    lines = [headline(page)]
    lines += [tally_line(tally) for tally in page.tallies()]
    lines += model_lines(page)
    lines += [job_line(job) for job in page.working if job.record.rule != "score_shard"]
    return [*lines, *kept_lines(page), *trouble_lines(page)]


def summary_lines(page: Page) -> list[str]:
    """Return what a run came to: documents, pass rates, and the whole time."""
    lines = []
    done = [tally for tally in page.tallies() if tally.done]
    if done:
        scoring = [
            shard.job.span
            for shards in page.sources.values()
            for shard in shards or ()
            if shard.job is not None
        ]
        rate = mean_rate(scoring)
        speed = f", {rate:,.1f} documents/s" if rate is not None else ""
        total = done[-1]
        lines.append(
            f"score_shard: {total.done:,} documents in {format_seconds(covered_seconds(scoring))}"
            f"{speed}, {PASSED} {total.passed:,} ({total.passed / total.done:.1%})"
        )
    lines += kept_lines(page)
    lines += model_lines(page)
    lines += trouble_lines(page)
    worked = covered_seconds(job.span for job in page.jobs)
    finished = sum(job.finished for job in page.jobs)
    lines.append(
        f"total time {format_seconds(worked)} in which jobs worked, {finished} of "
        f"{len(page.jobs)} jobs finished"
    )
    return lines


# ---- the page on a terminal --------------------------------------------------------------------


def render(page: Page, results: Path) -> RenderableType:
    """Return the page for a terminal."""
    worked = format_seconds(covered_seconds(job.span for job in page.jobs))
    clock = time.strftime("%H:%M:%S", time.localtime(page.now))
    parts: list[RenderableType] = [
        Text(f"{results}, {clock}", style="dim"),
        Text(f"{headline(page)}; {worked} of work", style="bold"),
    ]
    if page.sources:
        parts += [_tally_table(page.tallies()), Text(PASSED_NOTE, style="dim")]
    parts += [Text(line) for line in kept_lines(page)]
    parts += [Text(line) for line in model_lines(page)]
    troubles = list(trouble_lines(page))
    parts += [Text(line, style="bold red") for line in troubles[:_SHOWN_JOBS]]
    if len(troubles) > _SHOWN_JOBS:
        parts.append(Text(f"… and {len(troubles) - _SHOWN_JOBS} more", style="red"))
    others = [job for job in page.working if job.record.rule != "score_shard"]
    parts += [Text(job_line(job)) for job in others[:_SHOWN_JOBS]]
    if len(others) > _SHOWN_JOBS:
        parts.append(Text(f"… and {len(others) - _SHOWN_JOBS} more", style="dim"))
    # Last, since a low terminal cuts the page at its end.
    if page.jobs:
        parts.append(_rule_table(page.jobs, page.now))
    return Group(*parts)


def _tally_table(tallies: Sequence[Tally]) -> Table:
    rows = [(tally.name, *tally_cells(tally)) for tally in tallies]
    return _table(("score_shard", "batch", "documents", PASSED, "documents/s", "ETA"), rows)


def _rule_table(jobs: Sequence[Job], now: float) -> Table:
    rows = []
    for rule in dict.fromkeys(job.record.rule for job in jobs):
        own = [job for job in jobs if job.record.rule == rule]
        peaks = [job.record.peak_mb for job in own if job.record.peak_mb is not None]
        rows.append(
            (
                rule,
                f"{sum(job.finished for job in own)}",
                f"{sum(job.is_working(now) for job in own)}",
                format_seconds(covered_seconds(job.span for job in own)),
                f"{max(peaks):,.0f} MB" if peaks else _UNKNOWN,
            )
        )
    return _table(("jobs of", "finished", "running", "time", "peak memory"), rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
