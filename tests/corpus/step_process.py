"""A step as a process of its own, whose peak memory is measured."""

import subprocess
import sys

RUN_AND_STATE_PEAK = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    with open("/proc/self/status") as status:
        sys.stderr.write(next(line for line in status if line.startswith("VmHWM:")))
"""


def step(name: str, **options: object) -> tuple[str, int]:
    """Run a step as a program; return what it printed and its peak resident memory in bytes.

    The step states its own peak at its end: what `wait4` tells counts this process too, up to the
    moment at which the step's program took its place.
    """
    command = [sys.executable, "-c", RUN_AND_STATE_PEAK, f"scripts.corpus.{name}"]
    for option, value in options.items():
        listed = value if isinstance(value, list) else [value]
        command += [f"--{option.replace('_', '-')}", *map(str, listed)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    printed, _, peak = done.stderr.rpartition("VmHWM:")
    return f"{done.returncode} {printed}", int(peak.split()[0]) * 1024
