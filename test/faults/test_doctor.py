"""Set-ups that are broken in one place: the first problem that the doctor tells is that place."""

from concurrent.futures import ThreadPoolExecutor
import re
import subprocess
import sys
import time

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image
from tf2_ros import TransformBroadcaster

from vggt_ros.cli import doctor
from vggt_ros.geometry import se3
from vggt_ros.ros.middleware.messages import depth_image, header_of, transform

pytestmark = pytest.mark.ros

PERIOD_NS = 100_000_000
START_NS = 1_700_000_000_000_000_000
ELSEWHERE = se3.rigid(np.eye(3), np.array([50.0, 0.0, 0.0]))


@pytest.fixture
def diagnose(probe):
    """Let the doctor look at the node while the set-up goes on; return its problems, in order."""

    def look(step=lambda: probe.spin_for(0.1), node='/vggt'):
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(lambda: list(doctor.graph_lines(node, 1.0)))
            while not found.done():
                step()
        problems = [line for is_well, line in found.result() if not is_well]
        assert problems, found.result()
        sys.stdout.write(''.join(f'\n! {line}' for line in problems))  # shown if a test fails
        return problems

    return look


@pytest.fixture
def stream(start_process, node_arguments, make_camera, probe, health):
    """A camera at 10 Hz on /camera/image, whose images can be made black, and a node."""
    words = node_arguments([('image', '/camera/image')], keyframe__min_parallax=8.0)
    node = start_process('vggt_ros.ros.node', *words)
    camera = make_camera('/camera/image')
    camera.wait_for_node()

    class Stream:
        is_dark = True
        encoding = 'rgb8'
        number = 0

        def send(self):
            self.number += 1
            message = camera.image(START_NS + self.number * PERIOD_NS, self.number)
            message.encoding = self.encoding
            if self.is_dark:
                message.data = bytes(len(message.data))
            camera.images.publish(message)
            probe.spin_for(0.1)

        def send_until(self, is_done):
            deadline_s = time.monotonic() + 30.0
            while not is_done():
                assert time.monotonic() < deadline_s, f'{health.values}\n{node.log}'
                self.send()

    return Stream()


def test_without_a_node_the_command_says_so_first(probe):
    words = [sys.executable, '-m', 'vggt_ros.cli', 'doctor', '--seconds', '0.5']
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert found.returncode == 1, found.stderr
    graph = found.stdout.partition('\ngraph\n')[2].splitlines()
    problems = [line.strip() for line in graph if line.startswith('  ! ')]
    assert problems[0].startswith('! there is no node /vggt')
    assert 'ros2 launch vggt_ros vggt.launch.py' in problems[0]


def test_a_node_that_is_not_active_is_told_with_the_commands_and_with_what_failed(
    start_process, node_arguments, probe, diagnose
):
    settings = {'model.checkpoint': '/no/such/file.safetensors', 'autostart': False}
    start_process('vggt_ros.ros.node', *node_arguments(**settings))
    (first,) = diagnose()
    assert first.startswith('/vggt is unconfigured and takes no images')
    assert 'ros2 lifecycle set /vggt configure' in first
    assert 'autostart' in first

    configure = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    assert not probe.call(ChangeState, '/vggt/change_state', configure).success
    first, second = diagnose()
    assert first.startswith('cannot configure: ')
    assert '/no/such/file.safetensors' in first
    assert second.startswith('/vggt is unconfigured')


def test_a_topic_of_another_name_or_type_comes_before_a_clock_that_is_missing(
    start_process, node_arguments, make_camera, probe, diagnose
):
    words = node_arguments([('image', '/camera/image')])
    node = start_process('vggt_ros.ros.node', *words, '-p', 'use_sim_time:=true')
    node.wait_for_log('loaded nano')
    for topic in ('/rear/depth', '/cam/image_raw', '/vggt/looks_like_mine'):
        make_camera(topic)
    first, *_ = diagnose()
    assert first.startswith('nothing on /camera/image for ')
    assert 'it has no publisher' in first
    assert 'of its type there are /cam/image_raw, /rear/depth' in first
    assert 'looks_like_mine' not in first

    compressed = probe.node.create_publisher(
        CompressedImage, '/camera/image', qos_profile_sensor_data
    )
    first, *_ = diagnose()
    assert first.startswith('/camera/image carries sensor_msgs/msg/CompressedImage, and ')
    assert 'let the driver publish it as /camera/image/compressed' in first
    probe.node.destroy_publisher(compressed)

    camera = make_camera('/camera/image')
    first, *_ = diagnose(lambda: (camera.send(time.time_ns()), probe.spin_for(0.1)))
    assert first.startswith('use_sim_time is true and nothing has come on /clock')
    assert 'set use_sim_time to false' in first


def test_what_is_wrong_with_the_images_comes_before_what_follows_from_it(
    stream, health, probe, diagnose
):
    stream.encoding = 'purple8'
    first, *_ = diagnose(stream.send)
    assert first.startswith("/camera/image: encoding 'purple8' cannot be turned into rgb8")

    stream.encoding = 'rgb8'
    stream.send_until(lambda: health.values.get('no_window'))
    first, *_ = diagnose(stream.send)
    assert first.startswith('no window yet: the images are too dark (mean brightness 0 of 255)')
    assert 'take the cover off' in first

    stream.is_dark = False
    stream.send_until(lambda: health.values['state'] == 'tracking')
    stream.is_dark = True
    stream.send_until(lambda: health.values['state'] == 'blind')
    first, *_ = diagnose(stream.send)
    assert first.startswith('blind: the images are too dark (mean brightness 0 of 255)')

    stream.is_dark = False
    second = probe.node.create_publisher(Image, '/camera/image', qos_profile_sensor_data)
    name = probe.node.get_fully_qualified_name()
    first, *_ = diagnose(stream.send)
    assert first.startswith(f'/camera/image has 2 publishers ({name}, {name})')
    assert 'remap one of them' in first
    probe.node.destroy_publisher(second)


def test_odometry_that_ceases_and_a_second_sender_of_its_transform_are_named(
    robot, health, make_node, diagnose
):
    made = robot()
    made.mount()
    made.start()
    made.steps_until(lambda: health.values.get('tf_mode') == 'map_to_odom', odometry=True)
    made.steps_until(lambda: len(made.heard) >= 10, odometry=True)
    made.steps_until(lambda: 'odometry silent since' in health.message)
    first, *_ = diagnose(made.step)
    assert first.startswith('odometry silent since ')
    assert 'odom -> base_link is not sent any more' in first

    rival = make_node('amcl')
    broadcaster = TransformBroadcaster(rival)

    def step():
        now_ns = rival.get_clock().now().nanoseconds
        broadcaster.sendTransform(transform(header_of(now_ns, 'map'), 'odom', ELSEWHERE))
        made.step(odometry=True)
        return 'is sent by another node' in health.message

    made.steps_until(step, odometry=True)
    first, *_ = diagnose(step)
    # By name where rclpy says who sent a message (from Kilted on), else all that it may be.
    who = r'\((one of those that publish /tf: )?/amcl[,)]'
    assert re.match(f'map -> odom is sent by another node, too {who}', first)
    assert 'stop the other sender' in first


def test_cameras_that_are_not_synchronized_are_told_by_how_much(
    start_process, node_arguments, make_camera, probe, diagnose
):
    remappings = [('image_0', '/left/image'), ('image_1', '/right/image')]
    words = node_arguments(remappings, input__num_cameras=2, input__sync__slop=0.02)
    start_process('vggt_ros.ros.node', *words)
    cameras = make_camera('/left/image', 'left'), make_camera('/right/image', 'right')
    for camera in cameras:
        camera.wait_for_node()
    moment = 0

    def send():
        nonlocal moment
        moment += 1
        for number, camera in enumerate(cameras):
            camera.send(START_NS + moment * PERIOD_NS + number * 45_000_000, moment)
        probe.spin_for(0.1)

    first, *_ = diagnose(send)
    assert first.startswith('camera 1: ')
    assert '% of its images are in no set; its stamps are +45.0 ms beside those of ' in first
    assert 'input.sync.slop is 20 ms' in first
    assert 'synchronize the clocks or triggers' in first


def test_depth_of_another_type_or_another_camera_is_named(robot, health, probe, diagnose):
    made = robot()
    made.start(remappings=[('depth', '/eye/depth')])
    wrong = probe.node.create_publisher(CompressedImage, '/eye/depth', qos_profile_sensor_data)
    made.steps_until(lambda: health.number('windows') >= 1)
    first, *_ = diagnose(made.step)
    assert first.startswith('/eye/depth carries sensor_msgs/msg/CompressedImage, and ')
    assert 'remap depth' in first
    probe.node.destroy_publisher(wrong)

    depth = probe.node.create_publisher(Image, '/eye/depth', qos_profile_sensor_data)
    depth_m = np.full((63, 84), 2.0, np.float32)

    def step():
        header = header_of(time.time_ns(), 'depth_optical')
        depth.publish(depth_image(header, depth_m, '32FC1'))
        made.step()
        return 'depth is not registered' in health.message

    made.steps_until(step)
    first, *_ = diagnose(step)
    assert first.startswith('/eye/depth: depth is not registered to the image (it is in the frame')
    assert "'depth_optical'" in first
    assert 'publish that' in first
    probe.node.destroy_publisher(depth)
