import mmap
import sys

import numpy as np
import pytest

from vggt_ros.ros.memory import resident_mb


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is on Linux')
def test_memory_that_is_used_is_counted():
    before_mb = resident_mb()
    # From the kernel: an allocator would take memory that was freed before, which is held already.
    with mmap.mmap(-1, 64_000_000) as held:
        np.frombuffer(held, np.uint8)[:] = 1
        assert 50.0 < resident_mb() - before_mb < 90.0
