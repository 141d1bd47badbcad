"""The node under full load, with everything that goes wrong in a day going wrong in a minute."""

from pathlib import Path
import random
import time

from nav_msgs.msg import Odometry
from nav_msgs.msg import Path as PathMessage
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParametersAtomically
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_srvs.srv import SetBool, Trigger

from vggt_ros.geometry import se3
from vggt_ros.ros.middleware.messages import header_of, transform

RATE_HZ = 30.0
SAMPLE_S = 5.0
# What is kept has reached its bounds by then.
WARM_UP_S = 180.0
MAX_GROWTH = 0.02
LISTENED = {
    'camera_0/points': PointCloud2,
    'camera_1/points': PointCloud2,
    'camera_0/depth/image_rect': Image,
    'camera_1/depth/image_rect': Image,
    'camera_0/tracks/image': Image,
    'camera_0/depth/camera_info': CameraInfo,
    'map/points': PointCloud2,
    'map/points_update': PointCloud2,
    'path': PathMessage,
    'odometry': Odometry,
}
SETTINGS = {
    'input__num_cameras': 2,
    'input__sync__min_cameras': 1,
    'input__watchdog_period': 2.0,
    'window__size': 4,
    'window__overlap': 2,
    'map__max_points': 30_000,
    'path__max_size': 200,
    'loop__max_places': 30,
    'loop__min_gap': 5.0,
    'diagnostics__period': 0.5,
}


class Load:
    """Two cameras at 30 Hz, and faults of all kinds."""

    def __init__(self, probe, cameras, seed):
        self.probe, self.cameras = probe, cameras
        self.rng = random.Random(seed)
        self.number = 0
        self.offset_ns = 10**18
        self.dead_until = [0, 0]
        self.junk = probe.node.create_publisher(CompressedImage, '/left/image/compressed', 5)
        self.last_trouble = ''

    def frame(self):
        self.number += 1
        for camera, each in enumerate(self.cameras):
            if self.number < self.dead_until[camera]:
                continue
            jitter_ns = self.rng.randrange(4_000_000)
            stamp_ns = self.offset_ns + int(self.number / RATE_HZ * 1e9) + jitter_ns
            each.send(stamp_ns, self.number)

    def end(self):
        """Let one camera stop before the other, which then waits for it."""
        self.dead_until = [self.number + 5, 0]
        for _ in range(4):
            self.frame()
            self.probe.spin_for(1 / RATE_HZ)

    def trouble(self):
        """Do one thing that should not be done."""
        name = self.rng.choice(
            ['dead', 'outlier', 'duplicate', 'broken', 'size', 'pause', 'reset', 'setting', 'jump']
        )
        self.last_trouble = name
        getattr(self, f'_{name}')()

    def _dead(self):
        camera = self.rng.randrange(2)
        self.dead_until[camera] = self.number + self.rng.randrange(10, 120)

    def _outlier(self):
        self.cameras[0].send(self.rng.choice([1, 2**61, self.offset_ns - 5 * 10**9]))

    def _duplicate(self):
        stamp_ns = self.offset_ns + int(self.number / RATE_HZ * 1e9) + 4_100_000
        self.cameras[1].send(stamp_ns, self.number)
        self.cameras[1].send(stamp_ns, self.number)

    def _broken(self):
        message = self.cameras[0].image(self.offset_ns + int((self.number + 0.5) / RATE_HZ * 1e9))
        message.step = self.rng.choice([0, 3, 2**32 - 1])
        self.cameras[0].images.publish(message)
        self.junk.publish(CompressedImage(format='jpeg'))

    def _size(self):
        message = self.cameras[0].image(self.offset_ns + int((self.number + 0.5) / RATE_HZ * 1e9))
        message.width, message.height, message.step = 84, 126, 252
        message.data = message.data[: 252 * 126]
        self.cameras[0].images.publish(message)

    def _pause(self):
        for data in (False, True):
            assert self.probe.call(SetBool, '/vggt/enable', SetBool.Request(data=data)).success

    def _reset(self):
        assert self.probe.call(Trigger, '/vggt/reset').success

    def _setting(self):
        name, value = self.rng.choice(
            [('input.sync.slop', 0.012), ('input.sync.slop', 0.015), ('cloud.max_depth', 0.0)]
        )
        parameter = Parameter(
            name=name,
            value=ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value),
        )
        request = SetParametersAtomically.Request(parameters=[parameter])
        answer = self.probe.call(
            SetParametersAtomically, '/vggt/set_parameters_atomically', request
        )
        assert answer.result.successful

    def _jump(self):
        self.offset_ns -= 3 * 10**9
        # Stamps that were used do not come again: the node would have to refuse them.
        self.offset_ns -= int(self.number / RATE_HZ * 1e9) // 2


def resident_mb(pid):
    lines = Path(f'/proc/{pid}/status').read_text(encoding='ascii').splitlines()
    return int(dict(line.split(':', 1) for line in lines)['VmRSS'].split()[0]) / 1024


@pytest.mark.timeout(3600)
def test_the_node_works_on_and_on_whatever_happens(
    start_process, node_arguments, probe, make_camera, health, soak_s, record_property
):
    from tf2_ros import StaticTransformBroadcaster

    remappings = [('image_0', '/left/image'), ('image_1', '/right/image')]
    node = start_process('vggt_ros.ros.node', *node_arguments(remappings, **SETTINGS))
    static = StaticTransformBroadcaster(probe.node)
    right = se3.rigid(np.eye(3), np.array([0.2, 0.0, 0.0]))
    static.sendTransform(transform(header_of(0, 'left'), 'right', right))
    heard = dict.fromkeys(LISTENED, 0)

    def count(name):
        def on_message(message):
            heard[name] += 1

        return on_message

    for name, kind in LISTENED.items():
        probe.node.create_subscription(kind, f'/vggt/{name}', count(name), 5)
    cameras = [make_camera(f'/{side}/image', side) for side in ('left', 'right')]
    for camera in cameras:
        camera.wait_for_node()
    load = Load(probe, cameras, seed=3)
    start_s = time.monotonic()
    next_s, sample_s, trouble_s = start_s, start_s + SAMPLE_S, start_s + 3.0
    memory_mb = []
    while (now_s := time.monotonic()) < start_s + soak_s:
        load.frame()
        next_s = max(next_s + 1 / RATE_HZ, now_s)
        if now_s >= trouble_s:
            trouble_s = now_s + load.rng.uniform(1.0, 4.0)
            load.trouble()
        if now_s >= sample_s:
            sample_s += SAMPLE_S
            memory_mb.append((now_s - start_s, resident_mb(node.process.pid)))
            assert node.is_alive, node.log
        probe.spin_for(max(0.0, next_s - time.monotonic()))
    load.end()
    assert probe.spin_until(health.is_idle), health.values
    health.assert_accounted_for()
    values = health.values
    assert int(values['frames_used']) > 0.5 * soak_s, values
    assert all(heard.values()), heard
    unexpected = [line for line in node.log.splitlines() if 'Traceback' in line]
    expected = node.log.count('a window failed; the worker goes on with the next one')
    assert len(unexpected) <= expected, node.log
    if soak_s > WARM_UP_S + 60.0:
        late = [mb for at_s, mb in memory_mb if at_s > WARM_UP_S]
        reference = float(np.median(late[: max(1, len(late) // 6)]))
        end = float(np.median(late[-max(1, len(late) // 6) :]))
        record_property('memory_mb_after_minute_3', reference)
        record_property('memory_mb_at_the_end', end)
        record_property('diagnostics', str(values))
        assert end < (1 + MAX_GROWTH) * reference, memory_mb
    assert node.end()[0] == 0
