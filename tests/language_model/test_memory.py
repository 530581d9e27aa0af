"""Freed memory is kept: a second tensor of the same size touches no new page."""

import resource
import subprocess
import sys

import pytest

from tests.workflow.harness import ROOT

_PROGRAM = """
import resource
import torch
from scripts.language_model.memory import keep_freed_memory

kept = KEEP and keep_freed_memory()
torch.ones(1 << 24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(1 << 24)
print(int(kept), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keep: bool) -> tuple[bool, int]:
    program = _PROGRAM.replace("KEEP", str(keep))
    command = [sys.executable, "-c", program]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    kept, number = output.split()
    return kept == "1", int(number)


def test_a_second_tensor_takes_the_pages_of_the_first() -> None:
    kept, number = faults(keep=True)
    if not kept:
        pytest.skip("the C library has no mallopt")
    pages = (1 << 26) // resource.getpagesize()
    assert number < pages / 100
    assert faults(keep=False)[1] > number
