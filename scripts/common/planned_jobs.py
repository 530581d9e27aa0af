"""The jobs that the plan of a run holds, kept beside the logs, and how many of them are done."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scripts.common.files import write_json
from scripts.common.job_states import Job

Planned = Mapping[str, Sequence[str]]


def plan_path(results: Path) -> Path:
    """Return where the planned jobs stand below a results folder."""
    return results / "logs" / "planned.json"


def write_planned(results: Path, planned: Planned) -> None:
    """Write the names of the planned jobs' logs below their track's logs, by track."""
    write_json(plan_path(results), {track: list(names) for track, names in planned.items()})


def read_planned(results: Path) -> dict[str, list[str]]:
    """Return the planned jobs by track; none where no plan was written, or a part of one."""
    try:
        content = json.loads(plan_path(results).read_text(encoding="utf-8"))
        return {str(track): [str(name) for name in names] for track, names in content.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def counted(jobs: Iterable[Job], planned: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return done and planned jobs of each step of a track, in the order of the plan.

    Args:
        jobs: the track's jobs; those that are not planned (any more) do not count.
        planned: names of the planned jobs.
    """
    finished = {job.key for job in jobs if job.finished}
    steps: dict[str, tuple[int, int]] = {}
    for name in dict.fromkeys(planned):
        step = name.partition("/")[0]
        done, all_of_it = steps.get(step, (0, 0))
        steps[step] = done + (name in finished), all_of_it + 1
    return steps
