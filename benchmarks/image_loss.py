"""Image loss: share of a camera's images that the node receives while nano is busy, by default.

    .venv/bin/python -m benchmarks.image_loss [--sizes 1280x720] [--rates 10 30] [--seconds 8]

Camera and node are processes of their own on one machine; the node has the environment that the
launch file gives it. Publishers are reliable and best effort, each without and with the profile
for large messages. Prints a JSON line for each; exits 1 if images were lost and the node did not
say so.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass
import itertools
import json
import os
from pathlib import Path
import sys
import tempfile
import time

import cv2
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
import torch

from benchmarks.machine import machine_name
from vggt_ros.cli.process_group import ProcessGroup
from vggt_ros.middleware_profile import FAST_DDS_VARIABLES, profile_variables
from vggt_ros.ros.middleware.messages import header_of, rgb_image

_CONFIG = Path(__file__).parents[1] / 'config'
_SIZES = ('640x480', '1280x720', '1920x1080', '3840x2160')
_PUBLISHERS = ('reliable', 'reliable+profile', 'best_effort', 'best_effort+profile')
_START_S, _DISCOVERY_S, _QUIET_S = 60.0, 1.0, 3.0
# Ten is what most drivers have.
_QUEUE = 10
_PICTURES = 6
_STEP = 0.02  # of the width, from picture to picture: a window every few
_BASE_S = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRun:
    """What one camera showed.

    Attributes:
        share: Images that the node received, of those that were sent.
        size: Of the images.
        camera_hz: Images a second that were asked for.
        sent_hz: Images a second that the publisher got rid of.
        publisher: Its kind.
        num_sent: Images that were sent.
        num_received: Images that the node received.
        windows: Windows that entered the map meanwhile.
        said: What the node said about losses.
    """

    share: float
    size: str
    camera_hz: float
    sent_hz: float
    publisher: str
    num_sent: int
    num_received: int
    windows: int
    said: str
    machine: str


def send(size: str, camera_hz: float, seconds: float, reliability: str) -> None:
    """Be the camera, in a process of its own; print how many images were sent, and how fast."""
    width, height = map(int, size.split('x'))
    rng = np.random.default_rng(0)
    step = round(_STEP * width)
    noise = rng.integers(0, 256, (height // 8, (width + _PICTURES * step) // 8 + 1, 3), np.uint8)
    wall = cv2.resize(noise, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    messages = [
        rgb_image(
            header_of(0, 'camera_optical_frame'),
            np.ascontiguousarray(wall[:height, k * step : k * step + width]),
        )
        for k in range(_PICTURES)
    ]
    order = [*range(_PICTURES), *range(_PICTURES - 2, 0, -1)]
    rclpy.init()
    node = rclpy.create_node('camera')
    policy = ReliabilityPolicy[reliability.upper()]
    images = node.create_publisher(Image, '/image', QoSProfile(depth=_QUEUE, reliability=policy))
    while not images.get_subscription_count():
        time.sleep(0.05)
    time.sleep(_DISCOVERY_S)
    num_images = round(seconds * camera_hz)
    start_s = time.monotonic()
    for number in range(num_images):
        time.sleep(max(0.0, start_s + number / camera_hz - time.monotonic()))
        message = messages[order[number % len(order)]]
        stamp_ns = _BASE_S * 1_000_000_000 + round(number * 1e9 / camera_hz)
        message.header = header_of(stamp_ns, 'camera_optical_frame')
        images.publish(message)
    took_s = time.monotonic() - start_s
    sys.stdout.write(json.dumps({'num_sent': num_images, 'sent_hz': num_images / took_s}) + '\n')
    sys.stdout.flush()
    time.sleep(_QUIET_S)
    node.destroy_node()
    rclpy.shutdown()


class _Health:
    def __init__(self, node: Node) -> None:
        self.values: dict[str, str] = {}
        self.said = ''
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_message, 10)

    def _on_message(self, message: DiagnosticArray) -> None:
        self.values = {each.key: each.value for each in message.status[0].values}
        self.said = self.values.get('input./image.loss') or self.said


def measure(size: str, camera_hz: float, seconds: float, publisher: str) -> LossRun:
    """Run node and camera once.

    Raises:
        RuntimeError: The node did not come up.
    """
    bare = {key: value for key, value in os.environ.items() if key not in FAST_DDS_VARIABLES}
    profile = profile_variables(bare, _CONFIG)
    reliability = publisher.split('+')[0]
    rclpy.init()
    node = rclpy.create_node('loss_benchmark')
    health = _Health(node)
    try:
        with tempfile.TemporaryDirectory() as folder:
            group = ProcessGroup(Path(folder), {**bare, **profile, 'ROS_LOG_DIR': folder})
            with group:
                words = ['--ros-args', '-r', 'image:=/image', '-p', 'model.checkpoint:=nano']
                group.start('node', 'vggt_ros.ros.node', words)
                _spin(node, lambda: health.values.get('state') == 'waiting', _START_S)
                if 'state' not in health.values:
                    raise RuntimeError(f'the node says nothing: {group.log_tail("node")}')
                camera_environment = bare | (profile if publisher.endswith('+profile') else {})
                with ProcessGroup(Path(folder), camera_environment) as other:
                    words = ['--send', reliability, '--sizes', size]
                    words += ['--rates', str(camera_hz), '--seconds', str(seconds)]
                    camera = other.start('camera', 'benchmarks.image_loss', words, piped=True)
                    # As long as it takes on a busy machine.
                    deadline_s = 10 * seconds + _START_S
                    _spin(node, lambda: camera.poll() is not None, deadline_s)
                    output, _ = camera.communicate()
                sent = json.loads(output)
                _spin(node, lambda: False, 1.5)
        num_received = int(health.values['frames_in'])
        return LossRun(
            share=round(num_received / sent['num_sent'], 4),
            size=size,
            camera_hz=camera_hz,
            sent_hz=round(sent['sent_hz'], 1),
            publisher=publisher,
            num_sent=sent['num_sent'],
            num_received=num_received,
            windows=int(health.values['windows']),
            said=health.said,
            machine=machine_name(torch.device('cpu')),
        )
    finally:
        node.destroy_node()
        rclpy.shutdown()


def _spin(node: Node, condition: Callable[[], bool], timeout_s: float) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end_s:
        rclpy.spin_once(node, timeout_sec=0.1)


def main() -> int:
    """Measure every combination; 0 if what was lost was said."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--sizes', nargs='+', default=list(_SIZES))
    parser.add_argument('--rates', type=float, nargs='+', default=[10.0, 30.0])
    parser.add_argument('--publishers', nargs='+', default=list(_PUBLISHERS))
    parser.add_argument('--seconds', type=float, default=8.0)
    parser.add_argument('--send', metavar='RELIABILITY', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        send(options.sizes[0], options.rates[0], options.seconds, options.send)
        return 0
    is_well = True
    kinds = itertools.product(options.sizes, options.rates, options.publishers)
    for size, camera_hz, publisher in kinds:
        run = measure(size, camera_hz, options.seconds, publisher)
        is_well &= run.share > 0.98 or bool(run.said)
        sys.stdout.write(json.dumps(asdict(run)) + '\n')
        sys.stdout.flush()
    return 0 if is_well else 1


if __name__ == '__main__':
    sys.exit(main())
