"""Keeps Snakemake's scheduler from looking for work ever more often.

Snakemake 9 looks at all ready jobs (their resources, the size of each input file) whenever a job
ends, and a second later once more, since the rate of starts is limited (--max-jobs-per-timespan).
Each of those later looks asks for another one, and each end of a job begins a further chain of
them: after 240 jobs, 240 looks a second are due, and Snakemake's own process takes a core for
itself. Here a look that is due already is not asked for again.
"""

import sys
import threading
from typing import Any

_SCHEDULER = "snakemake.scheduling.job_scheduler"
_ASK = "_schedule_reevalutation"


def look_again_once() -> None:
    """Let one later look be due at a time; nothing where Snakemake names its parts otherwise."""
    scheduler: Any = getattr(sys.modules.get(_SCHEDULER), "JobScheduler", None)
    if hasattr(scheduler, _ASK):
        setattr(scheduler, _ASK, ask_once)


def ask_once(scheduler: Any, delay: float) -> None:
    """Ask for a look in `delay` seconds, unless one with this delay is due already."""
    due: set[float] = scheduler.__dict__.setdefault("_due_looks", set())
    if delay in due:
        return
    due.add(delay)

    def look() -> None:
        due.discard(delay)
        scheduler._open_jobs.release()

    timer = threading.Timer(delay, look)
    # Whoever has nothing left to look for need not wait for it.
    timer.daemon = True
    timer.start()
