from itertools import count

import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from vggt_ros.ros.input import cameras as cameras_module
from vggt_ros.ros.input.camera_input import CameraInput
from vggt_ros.ros.input.cameras import Cameras
from vggt_ros.ros.input.input_report import TopicReport
from vggt_ros.ros.input.problem import Cause
from vggt_ros.ros.middleware.messages import header_of, rgb_image
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.input_config import InputSettings

PIXELS = np.zeros((4, 6, 3), np.uint8)


@pytest.fixture
def rig(make_node):
    class Rig:
        def __init__(self, **settings):
            self.node, self.frames, self.lines = make_node('rig'), [], []
            config = VggtConfig(
                input=InputSettings(num_cameras=2, use_camera_info=False, **settings)
            )
            context = make_node.context(self.node, config)
            ids = count()
            inputs = [CameraInput(context, i, ids, self.frames.append, print) for i in (0, 1)]
            self.cameras = Cameras(context, inputs)
            self.spin = make_node.spin
            self.cameras._warn = self.lines.append
            self.images = [
                self.node.create_publisher(Image, f'image_{i}', qos_profile_sensor_data)
                for i in (0, 1)
            ]
            self.cameras.subscribe()
            assert make_node.spin(
                lambda: all(each.get_subscription_count() == 1 for each in self.images)
            )

        def send(self, camera, stamp_ns):
            number = len(self.frames)
            self.images[camera].publish(rgb_image(header_of(stamp_ns, 'cam'), PIXELS))
            assert make_node.spin(lambda: len(self.frames) > number)

    return Rig


def test_frames_of_all_cameras_have_numbers_of_one_kind(rig):
    made = rig()
    for index in range(4):
        made.send(index % 2, 1000 + index)
    assert [(frame.id, frame.camera) for frame in made.frames] == [(0, 0), (1, 1), (2, 0), (3, 1)]


def test_a_silent_camera_is_said_once_and_again_after_a_while(rig, monkeypatch):
    made = rig(watchdog_period=1.0)
    made.cameras.check(())
    assert made.cameras.problems == []
    now_s = cameras_module.time.monotonic()
    for later_s in (2.0, 3.0, 4.0, 9.0):
        monkeypatch.setattr(cameras_module.time, 'monotonic', lambda s=later_s: now_s + s)
        made.cameras.check(())
        assert len(made.cameras.problems) == 2
    said = ['/image_0' in line.split(';')[0] for line in made.lines]
    assert said == [True, False, True, False], made.lines


def test_images_that_are_refused_are_a_problem_and_logged_where_they_are(rig):
    made = rig()
    made.images[1].publish(rgb_image(header_of(0, 'cam'), PIXELS))

    def is_told():
        made.cameras.check(())
        return made.cameras.problems

    assert made.spin(is_told)
    (problem,) = made.cameras.problems
    assert (problem.cause, problem.about) == (Cause.IMAGES, '/image_1')
    assert 'header.stamp' in problem.text
    assert made.lines == []


def test_the_watchdog_can_be_turned_off(rig, monkeypatch):
    made = rig(watchdog_period=0.0)
    now_s = cameras_module.time.monotonic()
    monkeypatch.setattr(cameras_module.time, 'monotonic', lambda: now_s + 100.0)
    made.cameras.check(())
    assert made.cameras.problems == []
    assert not made.lines


def test_after_the_end_nothing_is_missed(rig):
    made = rig()
    made.cameras.check(())
    assert len(made.cameras.topics) == 2
    made.cameras.unsubscribe()
    made.cameras.unsubscribe()
    assert made.cameras.topics == ()
    made.cameras.check(())
    assert made.cameras.topics == ()


def test_depth_that_is_lost_is_said_beside_the_images(rig):
    made = rig()
    depth = TopicReport(
        topic='/depth',
        kind='depth',
        num_publishers=1,
        rate_hz=20.0,
        silent_s=0.1,
        problem='',
        loss='/depth: 9 of 59 messages are lost',
    )
    made.cameras.check((), depth=(depth,))
    assert made.cameras.topics[-1] is depth
    assert made.lines == ['/depth: 9 of 59 messages are lost']
