"""Things are broken on purpose here: in short runs by `make test`, in long ones by `make soak`."""

import os
from pathlib import Path
import time

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from tf2_msgs.msg import TFMessage

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.ros.middleware.messages import header_of, transform

# How long the node is kept under load, and how many messages are made up.
SOAK_S = float(os.environ.get('VGGT_SOAK_S', '20'))
FUZZ_EXAMPLES = int(os.environ.get('VGGT_FUZZ_EXAMPLES', '400'))
# Tilted by a quarter of a radian, so that level is not what the camera alone would say.
BASE_FROM_CAM = se3.rigid(
    matrix_from_rotation_vector(np.array([0.0, 0.25, 0.0]))
    @ np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    np.array([0.2, 0.0, 0.3]),
)


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope='session')
def soak_s():
    return SOAK_S


@pytest.fixture(scope='session')
def fuzz_examples():
    return FUZZ_EXAMPLES


@pytest.fixture(autouse=True)
def nothing_is_left_running(request):
    """A test that fails must not leave a node for the next one to talk to."""
    yield
    if 'start_process' in request.fixturenames:
        for process in request.getfixturevalue('start_process').started:
            if process.is_alive:
                process.end()


@pytest.fixture(scope='module')
def node_arguments():
    """Words for a node on nano that takes every image; settings by dotted name override them."""

    def words(remappings=(), **settings):
        usual = {
            'model.checkpoint': 'nano',
            'model.device': 'cpu',
            'window.size': 3,
            'window.overlap': 1,
            'window.max_wait': 0.3,
            'keyframe.min_parallax': 0.0,
            'diagnostics.period': 0.1,
            'map.publish_rate': 10.0,
            # These tests are about what comes in; the images of some are noise.
            'refine.mode': 'off',
        }
        dotted = {name.replace('__', '.'): value for name, value in settings.items()}
        found = []
        for name, target in remappings:
            found += ['-r', f'{name}:={target}']
        for name, value in (usual | dotted).items():
            found += ['-p', f'{name}:={value}']
        return found

    return words


def newest_ns(heard):
    return Time.from_msg(heard[-1].header.stamp).nanoseconds if heard else -1


@pytest.fixture
def health(probe):
    """The newest diagnostics of a node."""
    from diagnostic_msgs.msg import DiagnosticArray

    class Health:
        def __init__(self):
            probe.heard.clear()
            self._subscription = probe.node.create_subscription(
                DiagnosticArray, '/diagnostics', probe.heard['/diagnostics'].append, 50
            )

        @property
        def values(self):
            heard = probe.heard['/diagnostics']
            if not heard:
                return {}
            del heard[:-1]
            return {each.key: each.value for each in heard[-1].status[0].values}

        @property
        def message(self):
            heard = probe.heard['/diagnostics']
            return heard[-1].status[0].message if heard else ''

        def number(self, key):
            return float(self.values.get(key, 0.0))

        def fresh(self):
            """Values that were sent after this call, none that was on its way."""
            probe.heard['/diagnostics'].clear()
            now = probe.node.get_clock().now().nanoseconds
            assert probe.spin_until(lambda: newest_ns(probe.heard['/diagnostics']) > now, 30.0)
            return self.values

        def is_idle(self):
            return int(self.fresh()['frames_pending']) == 0

        def assert_accounted_for(self):
            fresh = self.fresh()
            values = {key: int(fresh.get(key, 0)) for key in FRAMES}
            assert values['frames_in'] == (
                values['frames_used'] + values['frames_dropped'] + values['frames_pending']
            ), self.values

        def close(self):
            probe.node.destroy_subscription(self._subscription)

    made = Health()
    yield made
    made.close()


FRAMES = ('frames_in', 'frames_used', 'frames_dropped', 'frames_pending')


@pytest.fixture
def make_camera(probe, camera_image):
    """Make a camera that sends images at a pace, or stamps of the caller's choice."""
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import Image

    publishers = []

    class Camera:
        def __init__(self, topic, frame_id='cam_optical'):
            self.images = probe.node.create_publisher(Image, topic, qos_profile_sensor_data)
            publishers.append(self.images)
            self.frame_id = frame_id
            self.number = 0

        def wait_for_node(self):
            assert probe.spin_until(lambda: self.images.get_subscription_count() > 0)

        def image(self, stamp_ns, index=None):
            self.number += 1
            message = camera_image(self.number if index is None else index, stamp_ns)
            message.header.frame_id = self.frame_id
            return message

        def send(self, stamp_ns, index=None):
            self.images.publish(self.image(stamp_ns, index))

    yield Camera
    for publisher in publishers:
        probe.node.destroy_publisher(publisher)


class Robot:
    """One robot: its tree, its camera, its node, and what its node sends."""

    def __init__(self, probe, start_process, node_arguments, make_camera, topic, namespace=''):
        self.probe, self.namespace = probe, namespace
        self.start_process, self.node_arguments = start_process, node_arguments
        self.camera = make_camera(topic)
        self.topic = topic
        self.number = 0
        self.heard = []
        self.publishers = {name: self._publisher(name) for name in ('tf', 'tf_static')}
        self.ears = probe.node.create_subscription(TFMessage, f'{namespace}/tf', self._on_tf, 1000)

    def _publisher(self, name):
        qos = QoSProfile(depth=100)
        if name == 'tf_static':
            qos.durability = DurabilityPolicy.TRANSIENT_LOCAL
        return self.probe.node.create_publisher(TFMessage, f'{self.namespace}/{name}', qos)

    def _on_tf(self, message):
        self.heard += [each for each in message.transforms if each.header.frame_id == 'map']

    def start(self, *more, remappings=(), **settings):
        words = self.node_arguments([('image', self.topic), *remappings], **settings)
        self.node = self.start_process('vggt_ros.ros.node', *words, *more)
        self.camera.wait_for_node()

    def mount(self, mount=BASE_FROM_CAM):
        message = transform(header_of(0, 'base_link'), 'cam_optical', mount)
        self.publishers['tf_static'].publish(TFMessage(transforms=[message]))

    def drive(self, stamp_ns, length=1.0):
        turn = matrix_from_rotation_vector(np.array([0.0, 0.0, 0.5]))
        x = 0.1 * self.number
        pose = se3.rigid(turn, np.array([x, -1.0, 0.0]))
        message = transform(header_of(stamp_ns, 'odom'), 'base_link', pose)
        q = message.transform.rotation
        q.x, q.y, q.z, q.w = length * q.x, length * q.y, length * q.z, length * q.w
        self.publishers['tf'].publish(TFMessage(transforms=[message]))

    def step(self, *, odometry=None, offset_ns=0, length=1.0, pace_s=0.1):
        """Send odometry if it is wanted, then an image."""
        self.number += 1
        stamp_ns = time.time_ns()
        if odometry:
            self.drive(stamp_ns + offset_ns, length)
        self.camera.send(stamp_ns, self.number)
        self.probe.spin_for(pace_s)

    def steps_until(self, condition, timeout_s=30.0, **how):
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, self.node.log
            self.step(**how)

    @property
    def edges(self):
        return {(each.header.frame_id, each.child_frame_id) for each in self.heard}

    def close(self):
        for publisher in self.publishers.values():
            self.probe.node.destroy_publisher(publisher)
        self.probe.node.destroy_subscription(self.ears)


@pytest.fixture
def robot(probe, start_process, node_arguments, make_camera):
    """Make robots: a tree, a camera and a node each, and what the node sends."""
    made = []

    def make(topic='/tf_faults/image', namespace=''):
        made.append(Robot(probe, start_process, node_arguments, make_camera, topic, namespace))
        return made[-1]

    yield make
    for each in made:
        each.close()
        assert 'Traceback' not in each.node.log
        assert each.node.end()[0] == 0
