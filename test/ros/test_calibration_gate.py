import pytest
from sensor_msgs.msg import CameraInfo, Image

from vggt_ros.ros.calibration_gate import CalibrationGate


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def gate(clock, *, is_expected=True, drops=None):
    drops = [] if drops is None else drops
    return CalibrationGate(lambda: is_expected, lambda: drops.append(1), clock=clock)


def images(number):
    return [Image(height=index + 1) for index in range(number)]


def test_images_pass_at_once_where_nobody_publishes_a_calibration(clock):
    (image,) = images(1)
    assert gate(clock, is_expected=False).images(image) == [image]


def test_images_wait_for_the_calibration_and_come_in_order(clock):
    waiting = gate(clock)
    first, second, third = images(3)
    assert waiting.images(first) == []
    assert waiting.images(second) == []
    assert waiting.calibrate(CameraInfo(width=6)) == [first, second]
    assert waiting.calibration == CameraInfo(width=6)
    assert waiting.images(third) == [third]


def test_images_do_not_wait_for_ever(clock):
    waiting = gate(clock)
    first, second = images(2)
    assert waiting.images(first) == []
    clock.now_s += 1.0
    assert waiting.images(second) == [first, second]


def test_a_gate_that_opened_stays_open(clock):
    waiting = gate(clock)
    first, second, third = images(3)
    waiting.images(first)
    clock.now_s += 1.0
    waiting.images(second)
    assert waiting.images(third) == [third]


def test_a_few_images_wait_and_the_oldest_go_and_are_counted(clock):
    drops = []
    waiting = gate(clock, drops=drops)
    sent = images(7)
    for image in sent:
        assert waiting.images(image) == []
    assert len(drops) == 2
    assert waiting.calibrate(CameraInfo()) == sent[2:]


def test_the_newest_calibration_counts(clock):
    waiting = gate(clock)
    waiting.calibrate(CameraInfo(width=6))
    waiting.calibrate(CameraInfo(width=7))
    assert waiting.calibration.width == 7


def test_the_images_of_a_stream_that_ended_go_on_when_they_have_waited(clock):
    waiting = gate(clock)
    first, second = images(2)
    assert waiting.overdue() == []
    assert waiting.images(first) == waiting.images(second) == []
    assert waiting.overdue() == []
    clock.now_s += 1.0
    assert waiting.overdue() == [first, second]
    assert waiting.overdue() == []
