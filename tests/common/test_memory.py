"""Keeping freed memory: measured by page faults, which unlike times are the same on any machine."""

import os
import subprocess
import sys

import pytest

from common.memory import KEEP_MEMORY

PAGES = 25_000
SCRIPT = f"""
import resource
import numpy as np
from common.memory import keep_freed_memory

kept = keep_freed_memory()
faults = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones({PAGES} * 4096, np.uint8)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(kept, faults[0], faults[-1])
"""


def faults(environment: dict[str, str]) -> tuple[str, int, int]:
    """What `keep_freed_memory` said, and the page faults of the first and last allocation."""
    # NumPy asks for huge pages by itself, which would leave few faults to count.
    given = os.environ | {"NUMPY_MADVISE_HUGEPAGE": "0"} | environment
    out = subprocess.check_output([sys.executable, "-c", SCRIPT], env=given, text=True)
    kept, first, last = out.split()
    return kept, int(first), int(last)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_memory_is_kept():
    kept, first, last = faults({KEEP_MEMORY: "1"})
    assert kept == "True"
    assert first > PAGES / 2
    assert last < PAGES / 100


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_the_allocator_is_left_alone_on_request():
    kept, first, last = faults({KEEP_MEMORY: "0"})
    assert kept == "False"
    assert min(first, last) > PAGES / 2
