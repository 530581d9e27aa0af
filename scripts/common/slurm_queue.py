"""Keeps Snakemake from waiting for ever for SLURM jobs that it has lost sight of.

snakemake-executor-plugin-slurm 2.8.0 looks at its jobs' states with `squeue`. Two answers end in a
run that never ends, with nothing in the queue:

- None at all, while the controller is restarted or the network fails: after five attempts the
  plugin forgets every job that it asked for.
- One without a job that it knew: SLURM forgets a job MinJobAge seconds after its end (300, unless
  the cluster says otherwise), and looks are up to 180 seconds apart, more if Snakemake was stopped
  in between. The plugin takes the job for one that is still to appear.

Here the first keeps the jobs for the next look, and the second says that the job is over, as
"UNKNOWN": the plugin then calls it done, and Snakemake fails it if its files are not there.
"""

import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any

PLUGIN = "snakemake_executor_plugin_slurm"
# The plugin's word for a job that SLURM does not know any more.
OVER = "UNKNOWN"
States = dict[str, str]
Ask = Callable[[str, logging.Logger], Coroutine[Any, Any, tuple[States | None, float | None]]]


def keep_sight_of_jobs() -> None:
    """Let the plugin's looks at the queue end as above; nothing where it is not loaded."""
    plugin: Any = sys.modules.get(PLUGIN)
    if plugin is not None and not hasattr(plugin.query_job_status, "known"):
        plugin.query_job_status = settled(plugin.query_job_status)


def settled(ask: Ask) -> Ask:
    """Return a function that asks as `ask` does, and whose answers leave no job waiting for ever.

    Args:
        ask: returns the states of a run's jobs by SLURM's number, and the seconds that it took; two
            times None where SLURM did not answer.
    """
    known: set[str] = set()

    async def settled_ask(command: str, logger: logging.Logger) -> tuple[States, float]:
        states, seconds = await ask(command, logger)
        if states is None:
            logger.warning("SLURM does not answer; its jobs are kept, and asked for again.")
            return {}, 0.0
        # ASSUME squeue knows each job that is not over. The accounting database may lag behind it.
        if command.startswith("squeue"):
            known.update(states)
            states = dict.fromkeys(known, OVER) | states
        return states, seconds or 0.0

    settled_ask.known = known  # type: ignore[attr-defined]
    return settled_ask
