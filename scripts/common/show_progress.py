"""Shows how far a run is: batches, documents, rate and time left, from the jobs' own records.

    python -m scripts.common.show_progress [--results results] [--watch | --once] [--every 2]

It reads the record that each job keeps beside its log, the manifests of the sources' shards and the
tables that are there, and no process; so it also works on a folder that a cluster writes to. On a
terminal the page is drawn again and again, elsewhere changed lines are printed. It ends when the
tables of the corpus track are written and nothing runs, when no job has spoken for a while
(`--patience`), or on Ctrl-C, each time with a summary.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live

from scripts.common.job_states import RecordReader
from scripts.common.progress_page import (
    Page,
    page_lines,
    read_page,
    render,
    summary_lines,
)
from scripts.common.shard_progress import CorpusFiles

_LAST_TABLE = Path("corpus/tables/summary.json")
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
        page = read_page(records.jobs(), files, clock())
        yield page
        last_word = max(page.last_word, began)
        if is_complete(page, results) or clock() - last_word > patience:
            return
        sleep(every)


def is_complete(page: Page, results: Path) -> bool:
    """Tell whether the corpus track's last table is written and nothing goes on.

    A job of that track that began after the table was written means that it will be made again;
    jobs of the report follow it.
    """
    try:
        written = (results / _LAST_TABLE).stat().st_mtime
    except FileNotFoundError:
        return False
    return (
        not page.working
        and page.now - page.last_word > _SECONDS_BETWEEN_JOBS
        and all(job.record.started <= written for job in page.jobs if job.track == "corpus")
    )


class Screen(Protocol):
    """Where pages go."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, page: Page) -> None:
        """Show a page."""


class Terminal:
    """Draws each page over the last one.

    Args:
        results: the results folder, which stands on top of the page.
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self._live = Live(console=Console(), auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, page: Page) -> None:
        """Draw a page over the last one."""
        self._live.update(render(page, self.results), refresh=True)


class Lines:
    """Prints those lines of a page that were not on the page before."""

    def __init__(self) -> None:
        self._last: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def show(self, page: Page) -> None:
        """Print what is new."""
        lines = page_lines(page)
        for line in lines:
            if line not in self._last:
                print(line, flush=True)
        self._last = lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the progress of a run; return 1 where a job failed or there are no results."""
    options = _parser().parse_args(arguments)
    results: Path = options.results.expanduser()
    if not results.is_dir():
        print(f"there is no folder {results}; name a run's with --results", file=sys.stderr)
        return 1
    shown = None
    screen: Screen = Terminal(results) if sys.stdout.isatty() else Lines()
    try:
        with screen:
            for page in pages(results, every=options.every, patience=options.patience):
                shown = page
                screen.show(page)
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
