"""Messages that are small or odd on the wire and large in the memory: the ceiling holds.

The numbers are those of docs/security.md.
"""

from pathlib import Path
import re

import cv2
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from vggt_ros.mapping.frontend import synchronizer, window_buffer
from vggt_ros.ros.input import calibration_gate, depth_view
from vggt_ros.ros.middleware import queue_depth
from vggt_ros.ros.middleware.messages import header_of

pytestmark = pytest.mark.ros

START_NS = 1_700_000_000_000_000_000
# One picture of 48 million pixels while it is read: as it is, its copy in rows, and what waits.
PICTURE_MB = 700.0
# Queues of the middleware while it learns how large the images are, and the images themselves.
DEPTH_MB = 500.0
RELIABLE = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.VOLATILE
)


SECURITY = Path(__file__).parents[2] / 'docs' / 'security.md'


@pytest.mark.parametrize(
    ('what', 'number', 'num_bytes'),
    [
        ('images before', calibration_gate._MAX_HELD, calibration_gate._MAX_HELD_BYTES),
        ('subscription of a', queue_depth.FIRST_DEPTH, queue_depth._MAX_BYTES),
        ('images that wait for', synchronizer._MAX_WAITING, synchronizer._MAX_WAITING_BYTES),
        ('keyframes that wait', None, window_buffer._MAX_PENDING_BYTES),
        ('depth images', depth_view._KEPT, None),
    ],
)
def test_the_ceilings_that_are_documented_are_those_of_the_code(what, number, num_bytes):
    rows = [line for line in SECURITY.read_text().splitlines() if line.startswith(f'| {what}')]
    (row,) = rows
    numbers = {int(each) for each in re.findall(r'\b\d+\b', row)}
    if number is not None:
        assert number in numbers
    if num_bytes is not None:
        assert f'{num_bytes // 1_000_000} MB' in row


def status_mb(node, key):
    text = Path(f'/proc/{node.process.pid}/status').read_text()
    return int(re.search(rf'{key}:\s+(\d+) kB', text).group(1)) / 1000.0


@pytest.fixture
def node(start_process, node_arguments):
    names = [('image', '/large/image'), ('depth', '/large/depth')]
    return start_process('vggt_ros.ros.node', *node_arguments(names, window__size=4))


def loaded_mb(node, health, probe):
    assert probe.spin_until(lambda: health.values.get('state') not in (None, '', 'loading'))
    probe.spin_for(2.0)
    return status_mb(node, 'VmRSS')


def test_pictures_of_48_million_pixels_are_brought_to_the_needed_size(node, probe, health):
    before_mb = loaded_mb(node, health, probe)
    images = probe.node.create_publisher(CompressedImage, '/large/image/compressed', RELIABLE)
    assert probe.spin_until(lambda: images.get_subscription_count() > 0)
    blocks = np.random.default_rng(0).integers(0, 256, (30, 40), dtype=np.uint8)
    number = 0

    def is_used():
        nonlocal number
        number += 1
        picture = cv2.resize(
            np.roll(blocks, number, axis=1), (8000, 6000), interpolation=cv2.INTER_NEAREST
        )
        data = cv2.imencode('.png', np.repeat(picture[..., None], 3, axis=-1))[1]
        message = CompressedImage(
            header=header_of(START_NS + number * 200_000_000, 'cam'), format='png'
        )
        message.data.frombytes(data.tobytes())
        assert len(message.data) < 2_000_000
        images.publish(message)
        probe.spin_for(0.5)
        return health.number('frames_used') >= 8

    assert probe.spin_until(is_used, 90.0), health.values
    probe.node.destroy_publisher(images)
    assert status_mb(node, 'VmHWM') - before_mb < PICTURE_MB
    assert node.end()[0] == 0


def test_depth_of_few_columns_and_many_rows_is_bounded(node, probe, health):
    before_mb = loaded_mb(node, health, probe)
    depth = probe.node.create_publisher(Image, '/large/depth', RELIABLE)
    assert probe.spin_until(lambda: depth.get_subscription_count() > 0)
    rows = 100_000
    message = Image(height=rows, width=100, encoding='16UC1', step=200)
    message.data.frombytes(bytes(200 * rows))
    for number in range(60):
        message.header = header_of(START_NS + number * 33_000_000, 'cam')
        depth.publish(message)
        probe.spin_for(0.1)
    probe.spin_for(2.0)
    probe.node.destroy_publisher(depth)
    assert status_mb(node, 'VmHWM') - before_mb < DEPTH_MB
    # What is kept of them is little, and none of it is the messages themselves.
    assert status_mb(node, 'VmRSS') - before_mb < DEPTH_MB / 2
    assert node.end()[0] == 0
