from itertools import count
import math

import cv2
import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vggt_ros.errors import InputError
from vggt_ros.ros.input import camera_input
from vggt_ros.ros.input.camera_input import CameraInput
from vggt_ros.ros.middleware.messages import camera_info, header_of, rgb_image
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.input_config import InputSettings

STAMP_NS = 1_700_000_000_123_456_789
PIXELS = np.zeros((4, 6, 3), np.uint8)
K = np.array([[100.0, 0.0, 3.0], [0.0, 110.0, 2.0], [0.0, 0.0, 1.0]])
SENSOR = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


class Camera:
    def __init__(self, make_node, config):
        self.node = make_node('camera_test')
        self.frames, self.refused = [], []
        self.error = None
        self.events = QosEvents(print)
        context = make_node.context(self.node, config, qos_events=self.events)
        self.input = CameraInput(context, 0, count(), self._add, self.refused.append)
        self.images = self.node.create_publisher(
            Image, 'image', SENSOR, event_callbacks=QosEvents(print).of_publisher('/image')
        )
        self._spin = make_node.spin

    def _add(self, frame):
        if self.error is not None:
            raise self.error
        self.frames.append(frame)

    def subscribe(self):
        self.input.subscribe()
        assert self._spin(lambda: self.images.get_subscription_count() == 1)

    def send(self, stamp_ns=STAMP_NS):
        self.images.publish(rgb_image(header_of(stamp_ns, 'cam'), PIXELS))


@pytest.fixture
def camera(make_node):
    return lambda **settings: Camera(make_node, VggtConfig(input=InputSettings(**settings)))


def test_images_become_frames(make_node, camera):
    made = camera()
    made.subscribe()
    made.send()
    assert make_node.spin(lambda: made.frames)
    assert made.frames[0].stamp_ns == STAMP_NS


def test_an_image_waits_for_the_calibration_that_is_published(make_node, camera):
    made = camera()
    infos = made.node.create_publisher(CameraInfo, 'camera_info', SENSOR)
    made.subscribe()
    assert make_node.spin(lambda: infos.get_subscription_count() == 1)
    made.send()
    assert not make_node.spin(lambda: made.frames, 0.3)
    infos.publish(camera_info(header_of(STAMP_NS, 'cam'), K, 6, 4))
    assert make_node.spin(lambda: made.frames)
    np.testing.assert_array_equal(made.frames[0].K, K)


def test_a_stream_shorter_than_the_wait_for_a_calibration_is_taken(make_node, camera):
    made = camera()
    infos = made.node.create_publisher(CameraInfo, 'camera_info', SENSOR)
    made.subscribe()
    assert make_node.spin(lambda: infos.get_subscription_count() == 1)
    for number in range(3):
        made.send(STAMP_NS + number)

    def is_taken():
        made.input.check_calibration()
        return len(made.frames) == 3

    assert make_node.spin(is_taken, 5.0)
    assert not made.refused


def test_the_calibration_can_be_left_alone(make_node, camera):
    made = camera(use_camera_info=False)
    made.subscribe()
    assert made.node.count_subscribers('/camera_info') == 0
    made.send()
    assert make_node.spin(lambda: made.frames)
    assert made.frames[0].K is None


def test_the_reliability_of_the_subscription_can_be_chosen(make_node, camera):
    made = camera(qos_reliability='reliable')
    made.input.subscribe()
    assert make_node.spin(lambda: made.node.count_subscribers('/image') == 1)
    (endpoint,) = made.node.get_subscriptions_info_by_topic('/image')
    assert endpoint.qos_profile.reliability == ReliabilityPolicy.RELIABLE


def test_an_image_that_is_no_frame_is_counted_here(make_node, camera):
    made = camera()
    made.subscribe()
    made.send(stamp_ns=0)
    assert make_node.spin(lambda: made.refused == ['stamp_zero'])
    assert not made.frames


def test_why_images_are_refused_is_told_for_a_moment(make_node, camera, monkeypatch):
    made = camera()
    made.subscribe()
    assert made.input.refusal == ''
    made.send(stamp_ns=0)
    assert make_node.spin(lambda: made.input.refusal)
    assert made.input.refusal.startswith('/image: ')
    assert 'header.stamp' in made.input.refusal
    with monkeypatch.context() as later:
        now_s = camera_input.time.monotonic()
        later.setattr(camera_input.time, 'monotonic', lambda: now_s + 6.0)
        assert made.input.refusal == ''
    for number in range(1, 11):
        assert made.input.refusal
        made.send()
        assert make_node.spin(lambda wanted=number: len(made.frames) == wanted)
    assert made.input.refusal == '', 'by now they are taken again'


def test_a_topic_without_a_publisher_is_reported_with_those_that_could_be_meant(make_node, camera):
    made = camera()
    made.input.subscribe()
    other = make_node('other')
    other.create_publisher(Image, '/image_raw', SENSOR)
    made.node.create_publisher(Image, '/camera_test/depth', SENSOR)
    made.node.destroy_publisher(made.images)

    def is_told():
        return made.input.reports()[0].similar == ('/image_raw',)

    assert make_node.spin(is_told), made.input.reports()


def test_a_frame_that_is_refused_later_is_not_counted_twice(make_node, camera):
    made = camera()
    made.error = InputError('size_changed', 'another size')
    made.subscribe()
    made.send()
    assert not make_node.spin(lambda: made.refused or made.frames, 0.5)


def test_frames_keep_counting_over_a_pause(make_node, camera):
    made = camera()
    for number in (1, 2):
        made.subscribe()
        made.send()
        assert make_node.spin(lambda number=number: len(made.frames) == number)
        made.input.unsubscribe()
        assert make_node.spin(lambda: made.images.get_subscription_count() == 0)
    assert [frame.id for frame in made.frames] == [0, 1]


def test_a_topic_reports_its_rate_and_its_silence(make_node, camera):
    made = camera()
    assert made.input.reports() == ()
    made.subscribe()
    made.input.reports()
    for number in range(1, 4):
        made.send(STAMP_NS + number)
        assert make_node.spin(lambda number=number: len(made.frames) == number)
    image, info = made.input.reports()
    assert (image.topic, image.num_publishers, image.problem) == ('/image', 1, '')
    assert image.rate_hz > 0
    assert image.silent_s < 5
    assert (info.topic, info.num_publishers, info.rate_hz) == ('/camera_info', 0, 0)


def jpeg_message(pixels, stamp_ns=STAMP_NS):
    data = cv2.imencode('.png', np.ascontiguousarray(pixels[..., ::-1]))[1]
    message = CompressedImage(
        header=header_of(stamp_ns, 'cam'), format='rgb8; png compressed bgr8'
    )
    message.data.frombytes(data.data)
    return message


def test_compressed_images_are_read_where_only_they_are_published(make_node, camera):
    made = camera()
    made.node.destroy_publisher(made.images)
    compressed = made.node.create_publisher(CompressedImage, 'image/compressed', SENSOR)
    made.input.subscribe()

    def is_read():
        made.input.check_transport()
        return compressed.get_subscription_count() == 1

    assert make_node.spin(is_read)
    assert made.node.count_subscribers('/image') == 0
    compressed.publish(jpeg_message(PIXELS + 7))
    assert make_node.spin(lambda: made.frames)
    np.testing.assert_array_equal(made.frames[0].decoded().image, PIXELS + 7)


def test_the_raw_topic_is_preferred_and_a_choice_is_kept(make_node, camera):
    made = camera()
    made.node.create_publisher(CompressedImage, 'image/compressed', SENSOR)
    made.subscribe()
    for _ in range(3):
        made.input.check_transport()
    assert made.input.topic == '/image'
    assert made.node.count_subscribers('/image/compressed') == 0


def test_the_transport_can_be_chosen(make_node, camera):
    made = camera(transport='compressed')
    made.input.subscribe()
    assert make_node.spin(lambda: made.node.count_subscribers('/image/compressed') == 1)
    made.input.check_transport()
    assert made.input.topic == '/image/compressed'


def test_a_publisher_that_can_not_be_heard_is_reported(make_node, camera):
    made = camera(qos_reliability='reliable')
    made.input.subscribe()
    assert make_node.spin(lambda: made.input.reports()[0].problem)
    assert 'reliability' in made.input.reports()[0].problem


def test_one_of_several_cameras_has_numbers_in_its_topics(make_node):
    node = make_node('rig')
    config = VggtConfig(input=InputSettings(num_cameras=2))
    frames = []
    made = CameraInput(make_node.context(node, config), 1, count(), frames.append, print)
    images = node.create_publisher(Image, 'image_1', SENSOR)
    made.subscribe()
    assert make_node.spin(lambda: images.get_subscription_count() == 1)
    images.publish(rgb_image(header_of(STAMP_NS, 'cam'), PIXELS))
    assert make_node.spin(lambda: frames)
    assert frames[0].camera == 1
    assert node.count_subscribers('/camera_info_1') == 1


def test_a_calibration_that_is_not_finite_is_counted(make_node, camera):
    made = camera()
    infos = made.node.create_publisher(CameraInfo, 'camera_info', SENSOR)
    made.subscribe()
    assert make_node.spin(lambda: infos.get_subscription_count() == 1)
    made.send()
    infos.publish(camera_info(header_of(STAMP_NS, 'cam'), K * math.nan, 6, 4))
    assert make_node.spin(lambda: made.refused == ['bad_camera_info'])


def test_no_image_is_lost_waiting_for_a_calibration_that_never_comes(make_node, camera):
    made = camera()
    infos = made.node.create_publisher(CameraInfo, 'camera_info', SENSOR)
    made.subscribe()
    assert make_node.spin(lambda: infos.get_subscription_count() == 1)
    for number in range(12):
        made.send(STAMP_NS + number)
        make_node.spin(lambda: False, 0.03)

    def are_taken():
        made.input.check_calibration()
        return len(made.frames) == 12

    assert make_node.spin(are_taken, 5.0)
    assert [frame.stamp_ns - STAMP_NS for frame in made.frames] == list(range(12))
    assert made.refused == []
    assert all(frame.K is None for frame in made.frames)
