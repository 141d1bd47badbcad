"""A camera that sees nothing, or always the same, or another place, while the node maps."""

import numpy as np
import pytest

pytestmark = pytest.mark.ros

TOPIC = '/camera/image'
STEP_NS = 100_000_000
START_NS = 1_700_000_000_000_000_000
# Images at 10 Hz that the camera sees before anything goes wrong: 60 to 79.
FIRST, LAST = 60, 79


@pytest.fixture
def stream(start_process, node_arguments, make_camera, probe, health):
    """A camera that the node maps, and a way to let it see something else."""
    words = node_arguments([('image', TOPIC)], keyframe__min_parallax=8.0)
    node = start_process('vggt_ros.ros.node', *words)
    camera = make_camera(TOPIC)
    camera.wait_for_node()

    class Stream:
        number = 0

        def send(self, index, change=None):
            message = camera.image(START_NS + self.number * STEP_NS, index)
            if change is not None:
                change(message)
            self.number += 1
            camera.images.publish(message)
            probe.spin_for(0.1)

        def send_until(self, index, change, is_done, most=300):
            for _ in range(most):
                self.send(index, change)
                if is_done():
                    return
            raise AssertionError(f'{health.values}\n{node.log}')

    made = Stream()
    made.node = node
    for index in range(FIRST, LAST + 1):
        made.send(index)
    assert probe.spin_until(lambda: int(health.values.get('windows', 0)) > 0)
    assert probe.spin_until(health.is_idle)
    return made


def gray(value):
    def change(message):
        message.data = np.full(len(message.data), value, np.uint8).tobytes()

    return change


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (gray(0), 'too dark (mean brightness 0 of 255)'),
        (gray(255), 'too bright (mean brightness 255 of 255)'),
        (gray(110), 'no texture (0 corners'),
    ],
    ids=['black', 'white', 'gray'],
)
def test_a_camera_that_sees_nothing_is_blind_and_adds_nothing(
    stream, health, probe, change, words
):
    assert health.fresh()['state'] == 'tracking'
    used = health.values['frames_used']
    stream.send_until(LAST, change, lambda: health.values['state'] == 'blind')
    for _ in range(5):
        stream.send(LAST, change)
    values = health.fresh()
    assert words in values['blind']
    assert words in health.message
    assert values['frames_used'] == used
    assert int(values['dropped.blind']) == stream.number - (LAST - FIRST + 1)
    assert probe.spin_until(lambda: 'blind: the images' in stream.node.log, 5.0)
    stream.send_until(LAST, None, lambda: health.values['state'] == 'tracking', most=20)
    assert health.values['blind'] == ''
    health.assert_accounted_for()


def test_images_that_never_change_are_no_sight(stream, health):
    stream.send_until(LAST, None, lambda: health.values['state'] == 'blind')
    assert 'the same to the last gray value for' in health.values['blind']
    stream.send_until(LAST - 1, None, lambda: health.values['state'] == 'tracking', most=5)


def test_another_place_after_the_dark_is_tied_to_nothing(stream, health):
    """Nothing but the network would join the two, and it joins whatever it is given."""
    stream.send_until(LAST, gray(0), lambda: health.values['state'] == 'blind')
    for index in range(300, 320):
        stream.send(index)
    stream.send_until(320, None, lambda: health.values['state'] == 'relocalizing')
    assert health.fresh()['is_connected'] == 'false'
    assert 'another place is seen' in stream.node.log


def test_two_cameras_on_one_topic_are_named(stream, health, probe):
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import Image

    second = probe.node.create_publisher(Image, TOPIC, qos_profile_sensor_data)
    name = probe.node.get_fully_qualified_name()
    words = f'{TOPIC} has 2 publishers ({name}, {name})'
    try:
        stream.send_until(LAST, None, lambda: words in health.message)
    finally:
        probe.node.destroy_publisher(second)
    assert probe.spin_until(lambda: words not in health.message)
