"""Freed memory is kept: forward passes over changing lengths settle on the pages they have."""

import subprocess
import sys

import pytest

from tests.workflow.harness import ROOT

_PROGRAM = """
import resource
import torch
from scripts.common.memory import keep_freed_memory

def attend(length):  # scores above 32 MiB, which glibc maps anew by default
    states = torch.ones(8, length, 64)
    (torch.softmax(states @ states.mT, dim=-1) @ states).sum().item()

kept = KEEP and keep_freed_memory()
for step in range(40):
    if step == 20:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    attend(1088 + 64 * (step * 7 % 9))
print(int(kept), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keep: bool) -> tuple[bool, int]:
    """Whether freed memory is kept, and the pages first touched by the later 20 of 40 passes."""
    program = _PROGRAM.replace("KEEP", str(keep))
    command = [sys.executable, "-c", program]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    kept, number = output.split()
    return kept == "1", int(number)


def test_passes_settle_on_the_pages_they_have() -> None:
    kept, number = faults(keep=True)
    if not kept:
        pytest.skip("the C library has no mallopt")
    assert 10 * number < faults(keep=False)[1]
