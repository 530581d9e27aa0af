"""What is noted after a block is what is held, not what the allocator keeps of freed memory."""

import platform
import subprocess
import sys

import pytest

# Once a piece of 24 MB was freed, smaller ones come from the heap, which cannot shrink below what
# lies above them.
PROGRAM = """
import numpy as np
from scripts.descriptors.memory_log import MemoryLog, resident_mb
np.ones(24 << 17)
log = MemoryLog()
log.note("before")
pieces = [np.ones(1 << 20) for _ in range(20)]
above = np.ones(1 << 14)
del pieces
freed = resident_mb()
log.note("after")
before, after = log.table()["resident_mb"].to_pylist()
print(freed - before, after - before, above.sum())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_a_note_does_not_count_freed_memory():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, stdout=subprocess.PIPE, text=True
    )
    freed, after, _ = map(float, done.stdout.split())
    assert freed > 100
    assert abs(after) < 20
