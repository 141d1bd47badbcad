"""Trees that are late, wrong or of another node: what the node sends, and what it says."""

import re
import time

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage
from tf_transformations import quaternion_matrix

from vggt_ros.ros.middleware.messages import camera_info, depth_image, header_of

pytestmark = pytest.mark.ros


def matrix(message):
    q, t = message.transform.rotation, message.transform.translation
    found = quaternion_matrix([q.x, q.y, q.z, q.w])
    found[:3, 3] = t.x, t.y, t.z
    return found


def test_a_mount_and_odometry_that_begin_late_are_followed(robot, health, probe):
    made = robot()
    made.start()
    made.steps_until(lambda: made.edges == {('map', 'cam_optical')})
    assert health.fresh()['tf_mode'] == 'map_to_camera'

    made.mount()
    probe.spin_for(0.5)
    made.steps_until(lambda: health.values.get('tf_mode') == 'map_to_base')
    made.heard.clear()
    made.steps_until(lambda: made.heard)
    made.steps_until(lambda: len(made.heard) >= 4)
    assert made.edges == {('map', 'base_link')}, 'the camera has one parent, its mount'
    assert 'map -> cam_optical is not sent any more' in made.node.log

    made.steps_until(lambda: health.values.get('tf_mode') == 'map_to_odom', odometry=True)
    made.heard.clear()
    made.steps_until(lambda: len(made.heard) >= 4, odometry=True)
    assert made.edges == {('map', 'odom')}, 'the base has one parent, the odometry'
    assert 'map -> base_link is not sent any more' in made.node.log
    assert health.fresh()['tf_problem'] == ''

    assert probe.call(Trigger, '/vggt/reset').success
    assert health.fresh()['tf_mode'] == 'undecided'
    made.heard.clear()
    made.steps_until(lambda: len(made.heard) >= 4, odometry=True)
    assert made.edges == {('map', 'odom')}
    # The map that begins with odometry begins as its frame.
    np.testing.assert_allclose(matrix(made.heard[-1])[:3, :3], np.eye(3), atol=0.2)


def test_a_leading_slash_in_a_header_is_no_second_tree(robot, health, probe):
    """Of the image, its calibration, the depth and the depth's calibration; each is told once."""
    made = robot()
    made.camera.frame_id = '/cam_optical'
    made.mount()
    others = {
        '/tf_faults/info': CameraInfo,
        '/tf_faults/depth/image': Image,
        '/tf_faults/depth/camera_info': CameraInfo,
    }
    publishers = {
        topic: probe.node.create_publisher(kind, topic, 10) for topic, kind in others.items()
    }
    remappings = [('camera_info', '/tf_faults/info'), ('depth', '/tf_faults/depth/image')]
    made.start('-p', 'frames.map:=/map', remappings=remappings)
    # Another field of view: the depth is registered by its calibration, if the frame is the same.
    K = np.array([[150.0, 0.0, 84.0], [0.0, 150.0, 63.0], [0.0, 0.0, 1.0]])
    K_depth = np.array([[60.0, 0.0, 42.0], [0.0, 60.0, 31.5], [0.0, 0.0, 1.0]])

    def send_others():
        header = header_of(time.time_ns(), '/cam_optical')
        depth = np.full((63, 84), 2.0, np.float32)
        publishers['/tf_faults/info'].publish(camera_info(header, K, 168, 126))
        publishers['/tf_faults/depth/camera_info'].publish(camera_info(header, K_depth, 84, 63))
        publishers['/tf_faults/depth/image'].publish(depth_image(header, depth, '32FC1'))
        return len(made.heard) >= 4

    made.steps_until(send_others)
    assert made.edges == {('map', 'base_link')}
    assert health.fresh()['tf_mode'] == 'map_to_base'
    made.steps_until(lambda: send_others() and health.values.get('scale_source') == 'depth')
    for whose in ('the images', *others):
        assert made.node.log.count(f"header.frame_id of {whose} is '/cam_optical'") == 1, whose
    assert made.node.log.count("frames.map is '/map'") == 1
    for publisher in publishers.values():
        probe.node.destroy_publisher(publisher)


def test_simulated_time_without_a_clock_is_named_and_stamps_nothing(robot, health, probe):
    made = robot()
    made.mount()
    made.start('-p', 'use_sim_time:=true')
    made.steps_until(lambda: health.values.get('tf_mode') == 'map_to_odom', odometry=True)
    assert probe.spin_until(lambda: '/clock' in health.message)
    assert 'use_sim_time is true' in health.values['tf_problem']
    assert 'use_sim_time is true' in made.node.log
    made.steps_until(lambda: health.number('windows') >= 3, odometry=True)
    assert made.heard == [], 'no transform at time 0'


@pytest.mark.parametrize(('offset_s', 'side'), [(3600, 'before'), (-90, 'after')])
def test_images_far_from_the_clock_of_tf_are_told_by_how_much(robot, health, offset_s, side):
    made = robot()
    made.mount()
    made.start()
    how = {'odometry': True, 'offset_ns': offset_s * 10**9}
    made.steps_until(lambda: 'the images are stamped' in health.message, **how)
    problem = health.values['tf_problem']
    told = re.search(r'are stamped ([0-9.]+) s (\w+) odom -> cam_optical in TF', problem)
    assert told[2] == side
    assert float(told[1]) == pytest.approx(abs(offset_s), abs=1.0)
    made.steps_until(lambda: health.number('windows') >= 2, **how)
    assert health.fresh()['tf_mode'] == 'undecided'
    assert made.heard == [], 'the base has a parent'
    assert 'stop who sends' not in health.message


@pytest.mark.parametrize('length', [1.005, 1.3])
def test_odometry_of_another_length_is_used_with_a_warning(robot, health, length):
    made = robot()
    made.mount()
    made.start()
    how = {'odometry': True, 'length': length}
    made.steps_until(lambda: health.values.get('tf_mode') == 'map_to_odom', **how)
    made.steps_until(lambda: made.heard, **how)
    assert made.edges == {('map', 'odom')}
    # The map began as the odometry's frame, read as it is meant.
    np.testing.assert_allclose(matrix(made.heard[0])[:3, :3], np.eye(3), atol=0.2)
    told = f'odom -> base_link: its rotation is not normalized, it has length {length:g}'
    assert made.node.log.count(told) == 1
    made.steps_until(lambda: told in health.message, **how)
    assert made.heard
    made.steps_until(lambda: health.values['tf_problem'] == '', odometry=True)


def test_odometry_that_is_no_rotation_is_refused_by_name(robot, health):
    made = robot()
    made.mount()
    made.start()
    how = {'odometry': True, 'length': 0.0}
    made.steps_until(lambda: health.number('windows') >= 2, **how)
    made.steps_until(lambda: 'odom -> base_link: its rotation is' in health.message, **how)
    assert 'which is no rotation' in made.node.log
    assert 'stop who sends' not in made.node.log
    assert made.heard == []
    # Mended, it is used.
    made.steps_until(lambda: health.values.get('tf_mode') == 'map_to_odom', odometry=True)
    made.steps_until(lambda: made.heard, odometry=True)
    # Diagnostics that were on their way still tell of it.
    made.steps_until(lambda: health.fresh()['tf_problem'] == '', odometry=True)


def test_two_robots_in_namespaces_have_trees_of_their_own(robot, probe):
    """As `use_namespace:=true` starts them; frames have the same names on both."""
    first = robot('/robot1/camera/image', '/robot1')
    second = robot('/robot2/camera/image', '/robot2')
    absolute = []
    ears = probe.node.create_subscription(TFMessage, '/tf', absolute.append, 100)
    modes = {}

    def on_diagnostics(message):
        for status in message.status:
            values = {each.key: each.value for each in status.values}
            modes[status.name] = values.get('tf_mode')

    health = probe.node.create_subscription(DiagnosticArray, '/diagnostics', on_diagnostics, 50)
    for made, name in ((first, 'robot1'), (second, 'robot2')):
        made.mount()
        made.topic = 'camera/image'
        made.start(remappings=[('__ns', f'/{name}'), ('/tf', 'tf'), ('/tf_static', 'tf_static')])

    def are_known():
        return first.heard and second.heard

    deadline_s = time.monotonic() + 60.0
    while not are_known() or modes.get('robot2/vggt: mapping') != 'map_to_base':
        assert time.monotonic() < deadline_s, first.node.log + second.node.log
        first.step(odometry=True, pace_s=0.1)
        second.step(pace_s=0.1)
    assert first.edges == {('map', 'odom')}, 'this one has odometry'
    assert second.edges == {('map', 'base_link')}, 'this one has a mount alone'
    assert modes['robot1/vggt: mapping'] == 'map_to_odom'
    assert modes['robot2/vggt: mapping'] == 'map_to_base'
    assert absolute == []
    for each in (ears, health):
        probe.node.destroy_subscription(each)
