"""The whole node, from the stamp of an image to its cloud, at rising camera rates.

    .venv/bin/python -m benchmarks.node [--rates 2 5 10 20 30] [--seconds 20] [--window-s 0.5]

The node runs in a process of its own with `nano`, slowed down to a set time per window: the rest
of the time it sleeps, as a node does that waits for its GPU. This process is the camera and who
listens to `~/points`. Prints a JSON line per rate; exits 1 if a window lost its overlap.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, PointCloud2
import torch

from benchmarks.machine import machine_name
from benchmarks.walk import endless_walk
from vggt_ros.cli.process_group import ProcessGroup
from vggt_ros.ros.middleware.messages import header_of, rgb_image
from vggt_ros.ros.middleware.stamps import ns_from_stamp
from vggt_ros.sources.source import SourceFrame

_START_TIMEOUT_S = 90.0
_WARM_UP_WINDOWS = 3
_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRun:
    """What one camera rate showed.

    Attributes:
        latency_p95_over_window: 95th percentile of the time from stamp to cloud, in windows.
        window_s: Median time that the network took for a window.
        frames_in: Images that the node received while it was measured.
        frames_used: Images that entered the map in that time.
        drops: Images that did not, by reason.
        windows_without_overlap: Windows that share no frame with the one before.
    """

    latency_p95_over_window: float
    camera_hz: float
    window_s: float
    latency_p50_s: float
    latency_p95_s: float
    latency_max_s: float
    clouds_per_s: float
    windows: int
    windows_without_overlap: int
    frames_in: int
    frames_used: int
    drops: dict[str, int]
    machine: str


@dataclass(slots=True)
class _Heard:
    """What the listener knows."""

    latencies_s: list[float] = field(default_factory=list)
    windows: list[dict[str, float]] = field(default_factory=list)
    health: dict[str, str] = field(default_factory=dict)

    def number(self, key: str) -> int:
        return int(self.health.get(key, '0'))

    def drops(self) -> dict[str, int]:
        prefix = 'dropped.'
        return {
            key.removeprefix(prefix): int(value)
            for key, value in self.health.items()
            if key.startswith(prefix)
        }


class Camera:
    """Publishes the walk, listens to the clouds."""

    def __init__(self, node: Node, heard: _Heard) -> None:
        """Subscribe.

        Args:
            node: This process.
            heard: Where to keep what is heard.
        """
        self._node = node
        self._heard = heard
        best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._images = node.create_publisher(Image, '/image', best_effort)
        node.create_subscription(PointCloud2, '/vggt/points', self._on_cloud, 50)
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_health, 10)

    @property
    def is_watched(self) -> bool:
        """Whether the node has subscribed."""
        return bool(self._images.get_subscription_count() > 0)

    def publish(self, frame: SourceFrame) -> None:
        """Publish an image, stamped now."""
        stamp_ns = self._node.get_clock().now().nanoseconds
        self._images.publish(rgb_image(header_of(stamp_ns, 'camera'), frame.image))

    def listen(self, seconds: float) -> None:
        """Take what comes in that time."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            rclpy.spin_once(self._node, timeout_sec=left_s)

    def _on_cloud(self, cloud: PointCloud2) -> None:
        late_ns = self._node.get_clock().now().nanoseconds - ns_from_stamp(cloud.header.stamp)
        self._heard.latencies_s.append(late_ns / _NS_PER_S)

    def _on_health(self, message: DiagnosticArray) -> None:
        self._heard.health = {each.key: each.value for each in message.status[0].values}


def measure(
    walk: Iterator[SourceFrame], camera_hz: float, seconds: float, window_s: float
) -> NodeRun:
    """Run the node at one camera rate.

    Args:
        walk: Images; taken as they are needed.
        camera_hz: Images a second.
        seconds: How long to measure, after some windows that do not count.
        window_s: Time that a window takes.

    Raises:
        RuntimeError: The node died, or no cloud came.
    """
    heard = _Heard()
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ) | {'ROS_LOG_DIR': folder, 'OMP_WAIT_POLICY': 'PASSIVE'}
        with ProcessGroup(Path(folder), environment) as group:
            words = [str(window_s), '--ros-args', '-r', 'image:=/image']
            words += ['-p', 'model.checkpoint:=nano', '-p', 'keyframe.min_parallax:=0.0']
            child = group.start('node', 'benchmarks.paced_node', words, piped=True)
            threading.Thread(target=_read, args=(child, heard), daemon=True).start()
            rclpy.init()
            try:
                camera = Camera(Node('camera'), heard)
                return _run(camera, heard, walk, camera_hz, seconds, child)
            except RuntimeError as error:
                log = group.log_path('node').read_text()[-2000:]
                raise RuntimeError(f'{error}; the node said last:\n{log}') from error
            finally:
                rclpy.shutdown()


def _read(child: subprocess.Popen[str], heard: _Heard) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith('{'):
            heard.windows.append(json.loads(line))


def _run(
    camera: Camera,
    heard: _Heard,
    walk: Iterator[SourceFrame],
    camera_hz: float,
    seconds: float,
    child: subprocess.Popen[str],
) -> NodeRun:
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while not camera.is_watched:
        camera.listen(0.1)
        _check_alive(child)
        if time.monotonic() > deadline_s:
            raise RuntimeError(f'the node did not subscribe within {_START_TIMEOUT_S:.0f} s')
    for frame in walk:
        camera.publish(frame)
        camera.listen(1.0 / camera_hz)
        _check_alive(child)
        if len(heard.windows) >= _WARM_UP_WINDOWS and heard.latencies_s:
            break
        if time.monotonic() > deadline_s:
            raise RuntimeError(f'no window within {_START_TIMEOUT_S:.0f} s: {heard.health}')
    heard.latencies_s.clear()
    first_window = len(heard.windows)
    before = (heard.number('frames_in'), heard.number('frames_used'), heard.drops())
    began_s = time.monotonic()
    for frame in walk:
        camera.publish(frame)
        camera.listen(1.0 / camera_hz)
        _check_alive(child)
        if time.monotonic() - began_s > seconds:
            break
    took_s = time.monotonic() - began_s
    latencies_s, windows = np.array(heard.latencies_s), heard.windows[first_window:]
    if not len(latencies_s) or not windows:
        raise RuntimeError(f'no cloud within {took_s:.0f} s: {heard.health}')
    window_s = statistics.median(window['window_s'] for window in windows)
    p50_s, p95_s = np.quantile(latencies_s, [0.5, 0.95])
    return NodeRun(
        latency_p95_over_window=round(float(p95_s) / window_s, 2),
        camera_hz=camera_hz,
        window_s=round(window_s, 3),
        latency_p50_s=round(float(p50_s), 3),
        latency_p95_s=round(float(p95_s), 3),
        latency_max_s=round(float(latencies_s.max()), 3),
        clouds_per_s=round(len(latencies_s) / took_s, 2),
        windows=len(windows),
        windows_without_overlap=sum(window['shared'] == 0 for window in windows),
        frames_in=heard.number('frames_in') - before[0],
        frames_used=heard.number('frames_used') - before[1],
        drops={k: n - before[2].get(k, 0) for k, n in heard.drops().items()},
        machine=machine_name(torch.device('cpu')),
    )


def _check_alive(child: subprocess.Popen[str]) -> None:
    if child.poll() is not None:
        raise RuntimeError(f'the node ended with {child.returncode}')


def main() -> int:
    """Measure every rate; 0 if no window lost its overlap."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--rates', type=float, nargs='+', default=[2.0, 5.0, 10.0, 20.0, 30.0])
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--window-s', type=float, default=0.5)
    options = parser.parse_args()
    walk = endless_walk()
    next(walk)  # renders it now, and not while a node waits for images
    num_lost = 0
    for camera_hz in options.rates:
        run = measure(walk, camera_hz, options.seconds, options.window_s)
        num_lost += run.windows_without_overlap
        sys.stdout.write(json.dumps(asdict(run)) + '\n')
        sys.stdout.flush()
    return 0 if num_lost == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
