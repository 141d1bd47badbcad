import sys

import numpy as np
import pytest

from vggt_ros.ros.memory import resident_mb


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is on Linux')
def test_memory_that_is_used_is_counted():
    before_mb = resident_mb()
    held = np.ones(64_000_000, np.uint8)
    assert 50.0 < resident_mb() - before_mb < 90.0
    assert held.all()
