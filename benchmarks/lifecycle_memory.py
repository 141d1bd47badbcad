"""Configuration and clean-up, again and again: does the node become larger?

    .venv/bin/python -m benchmarks.lifecycle_memory [--cycles 200] [--warm-up 10] [--images]

The node runs in this process, with nano on the CPU: configure, activate, with --images two windows
of images, deactivate, clean up. Prints a JSON line every ten cycles, and then how much it grew per
cycle since the warm-up: resident memory, what the C allocator has handed out, and Python's
objects. Exits 1 if that is more than `MAX_RESIDENT_MB` for all cycles together, `MAX_USED_KB` or
`MAX_OBJECTS` per cycle.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import ctypes
from dataclasses import asdict, dataclass
import gc
import json
import sys
import time

import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from benchmarks.walk import endless_walk
from vggt_ros.ros.middleware.memory import resident_mb
from vggt_ros.ros.middleware.messages import header_of, rgb_image
from vggt_ros.ros.node import VggtNode

MAX_RESIDENT_MB = 15.0
MAX_USED_KB = 20.0
MAX_OBJECTS = 5.0
_PERIOD_NS = 100_000_000
_TIMEOUT_S = 30.0
_SETTINGS = {
    'autostart': 'false',
    'model.checkpoint': 'nano',
    'model.device': 'cpu',
    'refine.mode': 'off',
    'window.size': '3',
    'window.overlap': '1',
    'window.max_wait': '0.2',
    'keyframe.min_parallax': '0.0',
}


class _Allocated(ctypes.Structure):
    """What glibc's mallinfo2 says, bytes."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            'arena', 'ordblks', 'smblks', 'hblks', 'hblkhd', 'usmblks', 'fsmblks', 'uordblks',
            'fordblks', 'keepcost',
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of this process.

    Attributes:
        resident_mb: Memory that it holds.
        used_kb: What the C allocator has handed out, in units of 1,000 bytes; 0 where it does not
            tell. What is free between does not count.
        num_objects: Objects that Python's collector knows.
    """

    resident_mb: float
    used_kb: float
    num_objects: int


def size_now() -> Size:
    """Return the size of this process; no other thread of Python may be at work."""
    gc.collect()
    used_kb = 0.0
    ask = getattr(ctypes.CDLL(None), 'mallinfo2', None)
    if ask is not None:
        ask.restype = _Allocated
        found = ask()
        used_kb = (found.uordblks + found.hblkhd) / 1e3
    return Size(resident_mb=resident_mb(), used_kb=used_kb, num_objects=len(gc.get_objects()))


class Cycles:
    """A node in this process, and a camera."""

    def __init__(self, *, with_images: bool) -> None:
        """Start the node, unconfigured."""
        words = [word for item in _SETTINGS.items() for word in ('-p', ':='.join(item))]
        rclpy.init(args=['--ros-args', *words, '--log-level', 'error'])
        self._node = VggtNode()
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._sender = rclpy.create_node('camera') if with_images else None
        self._walk = endless_walk()
        self._stamp_ns = 10**18

    def run(self) -> None:
        """Configure, work, clean up."""
        node = self._node
        node.trigger_configure()
        node.trigger_activate()
        if self._sender is None:
            self._spin_until(lambda: False, 0.05)
        else:
            images = self._sender.create_publisher(Image, 'image', 10)
            self._spin_until(lambda: images.get_subscription_count() > 0)
            self._spin_until(lambda: self._num_windows(images.publish) >= 2)
            self._sender.destroy_publisher(images)
        node.trigger_deactivate()
        node.trigger_cleanup()
        self._spin_until(lambda: False, 0.02)

    def close(self) -> None:
        """End the node."""
        self._executor.shutdown()
        self._node.destroy_node()
        if self._sender is not None:
            self._sender.destroy_node()
        rclpy.shutdown()

    def _num_windows(self, publish: Callable[[Image], None]) -> int:
        self._stamp_ns += _PERIOD_NS
        publish(rgb_image(header_of(self._stamp_ns, 'camera'), next(self._walk).image))
        self._spin_until(lambda: False, 0.05)
        # On /diagnostics the counts are only once a second.
        pipeline = self._node._pipeline
        assert pipeline is not None, 'configured'
        return pipeline.snapshot().counts.windows

    def _spin_until(self, condition: Callable[[], bool], timeout_s: float = _TIMEOUT_S) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < deadline_s:
            self._executor.spin_once(timeout_sec=0.01)


def main() -> int:
    """Run the cycles; 0 if the node stayed as large as it was."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--cycles', type=int, default=200)
    parser.add_argument('--warm-up', type=int, default=10)
    parser.add_argument('--images', action='store_true')
    options = parser.parse_args()
    cycles = Cycles(with_images=options.images)
    for _ in range(options.warm_up):
        cycles.run()
    first = size_now()
    for number in range(options.cycles):
        cycles.run()
        if number % 10 == 9:
            sys.stdout.write(json.dumps({'cycles': number + 1, **asdict(size_now())}) + '\n')
            sys.stdout.flush()
    last = size_now()
    cycles.close()
    growth = {
        'resident_mb': round(last.resident_mb - first.resident_mb, 1),
        'used_kb_per_cycle': round((last.used_kb - first.used_kb) / options.cycles, 2),
        'objects_per_cycle': round((last.num_objects - first.num_objects) / options.cycles, 2),
    }
    sys.stdout.write(json.dumps(growth) + '\n')
    is_flat = (
        growth['resident_mb'] <= MAX_RESIDENT_MB
        and growth['used_kb_per_cycle'] <= MAX_USED_KB
        and growth['objects_per_cycle'] <= MAX_OBJECTS
    )
    return 0 if is_flat else 1


if __name__ == '__main__':
    sys.exit(main())
