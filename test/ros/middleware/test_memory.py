import mmap
import sys

import numpy as np
import pytest

from vggt_ros.ros.middleware import memory
from vggt_ros.ros.middleware.memory import MemoryRelease, release_free, resident_mb


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is on Linux')
def test_memory_that_is_used_is_counted():
    before_mb = resident_mb()
    # From the kernel: an allocator would take memory that was freed before, which is held already.
    with mmap.mmap(-1, 64_000_000) as held:
        np.frombuffer(held, np.uint8)[:] = 1
        assert 50.0 < resident_mb() - before_mb < 90.0


def test_free_memory_is_given_back():
    # Blocks too small for mappings of their own, and one in use above them all.
    blocks = [np.ones(12_500) for _ in range(600)]
    above = np.ones(12_500)
    held_mb = resident_mb()
    del blocks
    release_free()
    assert above.all()
    assert held_mb - resident_mb() > 40.0


def test_it_is_done_now_and_then(monkeypatch, clock):
    done = []
    monkeypatch.setattr(memory, 'release_free', lambda: done.append(1))
    release = MemoryRelease(clock=clock)
    assert [release.release() for _ in range(3)] == [False] * 3
    clock.now_s += 30.0
    assert [release.release() for _ in range(3)] == [True, False, False]
    assert done == [1]


def test_another_allocator_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, 'CDLL', lambda name: object())
    release_free()
