"""Things are broken on purpose here: in short runs by `make test`, in long ones by `make soak`."""

import os
from pathlib import Path

import pytest

# How long the node is kept under load, and how many messages are made up.
SOAK_S = float(os.environ.get('VGGT_SOAK_S', '20'))
FUZZ_EXAMPLES = int(os.environ.get('VGGT_FUZZ_EXAMPLES', '400'))


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
            """Values that were sent after this call."""
            probe.heard['/diagnostics'].clear()
            assert probe.spin_until(lambda: probe.heard['/diagnostics'], 30.0)
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
