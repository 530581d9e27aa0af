"""The processes of a run that a test started: its steps, and kill -9 that is known to have hit.

A run is a process group of its own. Snakemake is its first process, the steps are Snakemake's
children, and what a step starts stays in the group as well.
"""

import contextlib
import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.common.loopback import wait_until

_SCRIPT = re.compile(r"\.snakemake/scripts/tmp\w+\.(\w+)\.py$")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Step:
    """A step's process: its rule, and the seconds since it began."""

    pid: int
    rule: str
    age: float


def members(group: int) -> set[int]:
    """Return the processes of a group that have not ended."""
    return {pid for pid, its_group, _ in _alive() if its_group == group}


def running_steps(group: int) -> list[Step]:
    """Return the steps of a group that run, oldest first; a step's own children are no steps."""
    steps = []
    for pid, its_group, parent in _alive():
        if its_group != group:
            continue
        script = _script_of(pid)
        # Also where Snakemake is gone and the step has another parent.
        if script is not None and _script_of(parent) is None:
            steps.append(Step(pid, script, _age(pid)))
    return sorted(steps, key=lambda step: (-step.age, step.pid))


def kill_running(pid: int, group: int) -> bool:
    """Kill a process of the group with SIGKILL; return whether it was running when that hit it.

    It is stopped first: what has stopped has not ended by itself.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if pid not in members(group):
            return False
        signal.pidfd_send_signal(handle, signal.SIGSTOP)
        stopped = wait_until(lambda: _state(pid) in ("T", None), 10) and _state(pid) == "T"
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return stopped


def kill_all(group: int) -> list[Step] | None:
    """Kill a whole group at once; return its steps, None where its first process had ended."""
    try:
        os.killpg(group, signal.SIGSTOP)
    except ProcessLookupError:
        return None
    wait_until(lambda: all(_state(pid) in ("T", None) for pid in members(group)), 10)
    led = _state(group) == "T"
    steps = running_steps(group)
    os.killpg(group, signal.SIGKILL)
    return steps if led else None


def end_by_number(group: int, seconds: float = 10) -> int:
    """End what is left of a group as a person does, with SIGTERM; return how many had to be.

    What does not end within some seconds is killed.
    """
    left = members(group)
    for word in (signal.SIGTERM, signal.SIGKILL):
        for pid in members(group):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, word)
        if wait_until(lambda: not members(group), seconds):
            break
    return len(left)


def _alive() -> list[tuple[int, int, int]]:
    """Return process id, group and parent of all processes that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, parent, group = stat.read_text().rpartition(")")[2].split()[:3]
            if state not in "ZX":
                found.append((int(stat.parent.name), int(group), int(parent)))
    return found


def _state(pid: int) -> str | None:
    """Return a process's state, None where it has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else state


def _script_of(pid: int) -> str | None:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = _SCRIPT.search(words[-1].decode(errors="replace"))
    return found[1] if found else None


def _age(pid: int) -> float:
    try:
        began = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began / _TICKS
