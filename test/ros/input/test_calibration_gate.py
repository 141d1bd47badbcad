import pytest
from sensor_msgs.msg import CameraInfo, Image

from vggt_ros.ros.input.calibration_gate import CalibrationGate
from vggt_ros.ros.middleware.messages import header_of


def gate(clock, *, is_expected=True, silences=None):
    silences = [] if silences is None else silences
    return CalibrationGate(lambda: is_expected, lambda: silences.append(1), clock=clock)


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


def test_all_images_wait_for_a_calibration_that_is_late(clock):
    silences = []
    waiting = gate(clock, silences=silences)
    sent = images(30)
    for image in sent:
        assert waiting.images(image) == []
        clock.now_s += 1 / 31
    assert waiting.calibrate(CameraInfo()) == sent
    assert silences == []


@pytest.mark.parametrize(('number', 'size'), [(100, 1), (20, 1000)])
def test_when_too_many_wait_all_of_them_go_on(clock, monkeypatch, number, size):
    monkeypatch.setattr('vggt_ros.ros.input.calibration_gate._MAX_HELD_BYTES', 20_000)
    silences = []
    waiting = gate(clock, silences=silences)
    data = bytes(size)
    sent = [Image(height=index, data=data) for index in range(number)]
    for image in sent[:-1]:
        assert waiting.images(image) == []
    assert waiting.images(sent[-1]) == sent
    assert silences == [1]


def test_images_that_are_all_name_are_bounded_too(clock, monkeypatch):
    monkeypatch.setattr('vggt_ros.ros.input.calibration_gate._MAX_HELD_BYTES', 20_000)
    waiting = gate(clock)
    sent = [Image(header=header_of(index + 1, 'x' * 3000)) for index in range(2)]
    assert waiting.images(sent[0]) == []
    assert waiting.images(sent[1]) == sent


def test_it_is_told_once_that_a_calibration_does_not_come(clock):
    silences = []
    waiting = gate(clock, silences=silences)
    first, second, third = images(3)
    waiting.images(first)
    clock.now_s += 1.0
    assert waiting.overdue() == [first]
    assert waiting.images(second) == [second]
    clock.now_s += 5.0
    assert waiting.images(third) == [third]
    assert silences == [1]


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
