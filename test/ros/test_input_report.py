from dataclasses import replace

import pytest

from vggt_ros.input_config import InputSettings, SyncSettings
from vggt_ros.mapping.synchronizer import CameraSync
from vggt_ros.ros.input_report import input_problems, TopicReport

WELL = TopicReport(
    topic='/front/image', kind='image', num_publishers=1, rate_hz=30.0, silent_s=0.02, problem=''
)
SILENT = replace(WELL, topic='/rear/image', rate_hz=0.0, silent_s=7.0)
FITS = CameraSync(num_frames=100, num_in_sets=98, num_dropped=2, offset_s=0.001, is_missing=False)


def problems(reports, cameras=(), **settings):
    return input_problems(reports, cameras, InputSettings(**settings), 5.0)


def test_nothing_is_said_when_all_is_well():
    assert problems([WELL, replace(WELL, topic='/rear/image')], [FITS, FITS]) == []


def test_a_silent_topic_is_named_beside_the_rates_of_the_others():
    (line,) = problems([WELL, SILENT], num_cameras=2)
    assert line.startswith('nothing on /rear/image for 7 s; the others: /front/image 30.0 Hz')
    assert 'ros2 topic hz' in line
    assert 'input.sync.min_cameras' in line


def test_a_topic_that_nobody_publishes_may_have_another_name():
    (line,) = problems([replace(SILENT, num_publishers=0)])
    assert 'no publisher' in line
    assert 'ros2 topic list' in line
    (line,) = problems([replace(SILENT, num_publishers=0)], transport='compressed')
    assert 'input.transport is compressed' in line


def test_a_calibration_that_is_published_but_does_not_come_is_told_and_others_are_not_missed():
    info = replace(SILENT, topic='/rear/camera_info', kind='camera_info')
    (line,) = problems([WELL, info])
    assert line.startswith('nothing on /rear/camera_info for 7 s (it has 1 publisher')
    assert problems([WELL, replace(info, num_publishers=0)]) == []


def test_a_reliable_subscription_is_a_hint():
    (line,) = problems([SILENT], qos_reliability='reliable')
    assert 'auto hears every publisher' in line


def test_what_is_lost_is_told():
    assert problems([replace(WELL, loss='/front/image: 3 lost')]) == ['/front/image: 3 lost']


def test_what_does_not_match_is_said_instead_of_the_silence():
    assert problems([replace(SILENT, problem='/rear/image: no match')]) == [
        '/rear/image: no match'
    ]


@pytest.mark.parametrize(('offset_s', 'hint'), [(0.04, 'raise input.sync.slop'), (0.001, 'rates')])
def test_cameras_that_find_no_sets_are_told_how_far_they_are_apart(offset_s, hint):
    off = replace(FITS, num_dropped=90, offset_s=offset_s)
    reports = [WELL, replace(WELL, topic='/rear/image')]
    (line,) = problems(reports, [FITS, off], num_cameras=2, sync=SyncSettings(slop=0.015))
    assert line.startswith('camera 1: 90% of its images are in no set')
    assert hint in line
    if offset_s > 0.015:
        assert '+40.0 ms' in line


def test_few_frames_prove_nothing():
    off = replace(FITS, num_frames=5, num_dropped=5)
    assert problems([WELL], [FITS, off], num_cameras=2) == []


def test_two_publishers_of_images_are_named_and_those_of_a_calibration_are_not():
    two = replace(WELL, publishers=('/left/driver', '/player'))
    (line,) = problems([two])
    assert line.startswith('/front/image has 2 publishers (/left/driver, /player)')
    assert problems([replace(two, kind='camera_info')]) == []
    assert problems([replace(two, publishers=('/left/driver',))]) == []
