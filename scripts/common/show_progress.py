"""Shows how far a run is: batches, documents, rate and time left, from the jobs' own records.

    python -m scripts.common.show_progress [--results results] [--watch | --once] [--every 2]

It reads the record that each job keeps beside its log, the plan that a run leaves there, the
manifests of the sources' shards and the tables that are there, and no process; so it also works on
a folder that a cluster writes to. On a terminal the page is drawn again and again, elsewhere
changed lines are printed. It ends when the tables of the corpus track, and of the language_model
track where that has begun, are written and nothing runs, when no job has spoken for a while
(`--patience`), or on Ctrl-C, each time with a summary.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live

from scripts.common.job_states import RecordReader
from scripts.common.planned_jobs import read_planned
from scripts.common.progress_page import (
    MODELS,
    Page,
    page_lines,
    read_page,
    render,
    summary_lines,
)
from scripts.common.shard_progress import CorpusFiles

_CORPUS = "corpus"
_SECONDS_BETWEEN_JOBS = 5.0


def pages(
    results: Path,
    *,
    every: float,
    patience: float,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Page]:
    """Yield the state of a run every so many seconds, until it has ended or keeps silent.

    Args:
        results: the results folder.
        every: seconds between two looks.
        patience: seconds without a word of any job after which the run is taken for ended.
        clock: gives the seconds of the epoch.
        sleep: waits some seconds.
    """
    records, files = RecordReader(results), CorpusFiles(results)
    began = clock()
    while True:
        page = read_page(records.jobs(), files, clock(), read_planned(results))
        yield page
        last_word = max(page.last_word, began)
        if is_complete(page, results) or clock() - last_word > patience:
            return
        sleep(every)


def is_complete(page: Page, results: Path) -> bool:
    """Tell whether the last tables are written and nothing goes on.

    They are those of the corpus track, and of the language_model track where a job of it began.
    A job of a track that began after its table was written means that it will be made again; jobs
    of the report follow them.
    """
    if page.working or page.now - page.last_word <= _SECONDS_BETWEEN_JOBS:
        return False
    begun = {job.track for job in page.jobs} & {MODELS}
    return all(_is_made(track, page, results) for track in {_CORPUS, *begun})


def _is_made(track: str, page: Page, results: Path) -> bool:
    try:
        written = (results / track / "tables" / "summary.json").stat().st_mtime
    except FileNotFoundError:
        return False
    return all(job.record.started <= written for job in page.jobs if job.track == track)


@contextmanager
def terminal(results: Path) -> Iterator[Callable[[Page], None]]:
    """Yield what draws each page over the last one."""
    with Live(console=Console(), auto_refresh=False) as live:
        yield lambda page: live.update(render(page, results), refresh=True)


@contextmanager
def lines() -> Iterator[Callable[[Page], None]]:
    """Yield what prints those lines of a page that did not stand on the page before."""
    last: list[str] = []

    def show(page: Page) -> None:
        current = page_lines(page)
        for line in current:
            if line not in last:
                print(line, flush=True)
        last[:] = current

    yield show


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the progress of a run; return 1 where a job failed or there are no results."""
    options = _parser().parse_args(arguments)
    results: Path = options.results.expanduser()
    if not results.is_dir():
        print(f"there is no folder {results}; name a run's with --results", file=sys.stderr)
        return 1
    shown = None
    try:
        with terminal(results) if sys.stdout.isatty() else lines() as show:
            for page in pages(results, every=options.every, patience=options.patience):
                shown = page
                show(page)
                if options.once:
                    break
    except KeyboardInterrupt:
        pass  # the way to leave a watch
    if shown is None:
        return 0
    if not options.once:
        print("\n".join(summary_lines(shown)))
    return 1 if any(job.failed for job in shown.jobs) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.common.show_progress",
        description=(__doc__ or "").splitlines()[0],
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the run")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--watch", dest="once", action="store_false", help="until the run ends (the default)"
    )
    mode.add_argument("--once", dest="once", action="store_true", help="one page, then end")
    parser.set_defaults(once=False)
    parser.add_argument("--every", type=_seconds, default=2.0, help="seconds between two looks")
    parser.add_argument(
        "--patience",
        type=_seconds,
        default=300.0,
        help="end after so many seconds without a word of any job; raise it for a long queue",
    )
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


if __name__ == "__main__":
    sys.exit(main())
