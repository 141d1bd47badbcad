"""Images of which no window can be made from the start, and what the node says to that."""

import numpy as np
import pytest

pytestmark = pytest.mark.ros

TOPIC = '/camera/image'


@pytest.fixture
def node(start_process, node_arguments):
    words = node_arguments([('image', TOPIC)], keyframe__min_parallax=8.0, window__max_wait=0.5)
    return start_process('vggt_ros.ros.node', *words)


@pytest.fixture
def play(node, make_camera, health, probe):
    """Send images at 10 Hz until the node says why it makes no window of them."""
    camera = make_camera(TOPIC)
    camera.wait_for_node()

    def send(change, is_done, timeout_s=20.0):
        start_ns = 1_700_000_000_000_000_000
        for number in range(int(10 * timeout_s)):
            message = camera.image(start_ns + number * 100_000_000, index=0)
            change(message, number)
            camera.images.publish(message)
            probe.spin_for(0.1)
            if is_done():
                return
        raise AssertionError(f'{health.values}\n{node.log}')

    return send


def no_texture(value):
    def change(message, number):
        message.data = np.full(len(message.data), value, np.uint8).tobytes()

    return change


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda message, number: None, ['no parallax for', 'keyframe.min_parallax is 8 px']),
        (no_texture(0), ['too dark', 'mean brightness 0 of 255']),
        (no_texture(255), ['too bright', 'mean brightness 255 of 255']),
        (no_texture(110), ['no texture', '0 corners']),
    ],
    ids=['still', 'black', 'white', 'gray'],
)
def test_it_is_said_why_there_is_no_window(node, play, health, probe, change, words):
    play(change, lambda: health.values.get('no_window'))
    assert health.values['state'] == 'buffering'
    assert all(word in health.values['no_window'] for word in words), health.values['no_window']
    assert 'no window yet: ' in health.message
    assert probe.spin_until(lambda: 'no window yet: ' in node.log, 5.0)
    probe.spin_for(2.0)
    assert node.log.count('no window yet: ') == 1, 'once'


def test_a_stream_of_two_sizes_is_told_by_its_sizes(node, play, health, camera_image):
    def change(message, number):
        if number % 2:
            other = camera_image(0, 1, width=150)
            message.width, message.step, message.data = other.width, other.step, other.data

    play(change, lambda: int(health.values.get('dropped.size_changed', 0)) > 3)
    assert 'frames dropped: size_changed' in health.message
    assert '168 x 126' in node.log
    assert '150 x 126' in node.log
    health.assert_accounted_for()


def test_there_is_nothing_to_say_once_there_was_a_window(node, make_camera, health, probe):
    camera = make_camera(TOPIC)
    camera.wait_for_node()
    start_ns = 1_700_000_000_000_000_000
    for number in range(40):
        camera.send(start_ns + number * 100_000_000)
        probe.spin_for(0.1)
    assert probe.spin_until(lambda: int(health.values.get('windows', 0)) > 0)
    for number in range(40, 80):
        camera.send(start_ns + number * 100_000_000, index=40)
    assert health.fresh()['no_window'] == ''
    assert 'no window yet' not in node.log
