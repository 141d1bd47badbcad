from dataclasses import replace
import math

import pytest

from vggt_ros.mapping.frontend.synchronizer import CameraSync
from vggt_ros.ros.input.input_report import input_problems, TopicReport
from vggt_ros.settings.input_config import InputSettings, SyncSettings

WELL = TopicReport(
    topic='/front/image', kind='image', num_publishers=1, rate_hz=30.0, silent_s=0.02, problem=''
)
SILENT = replace(WELL, topic='/rear/image', rate_hz=0.0, silent_s=7.0)
FITS = CameraSync(num_frames=100, num_in_sets=98, num_dropped=2, offset_s=0.001, is_missing=False)


def problems(reports, cameras=(), **settings):
    found = input_problems(reports, cameras, InputSettings(**settings), 5.0)
    return [each.text for each in found]


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


def test_topics_that_could_be_meant_are_named_unless_they_are_read_already():
    similar = ('/rear/image_raw', WELL.topic, '/left/image', '/right/image', '/top/image')
    (line,) = problems([WELL, replace(SILENT, num_publishers=0, similar=similar)])
    assert 'of its type there are /rear/image_raw, /left/image, /right/image)' in line


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


RIG = [WELL, replace(WELL, topic='/rear/image')]
APART = replace(FITS, num_dropped=90, offset_s=-0.02, period_s=0.1)


def rig_problems(camera, slop=0.015):
    return problems(RIG, [FITS, camera], num_cameras=2, sync=SyncSettings(slop=slop))


def test_cameras_that_find_no_sets_though_their_stamps_fit_lack_images():
    (line,) = rig_problems(replace(FITS, num_dropped=90))
    assert line.startswith('camera 1: 90% of its images are in no set')
    assert 'rates' in line


def test_an_offset_that_only_the_stamps_tell_is_told_modulo_the_period():
    (line,) = rig_problems(APART)
    assert line.startswith('camera 1: 90% of its images are in no set; its stamps are -20.0 ms')
    assert 'known only modulo' in line
    assert '-120.0 ms or +80.0 ms would look the same' in line
    assert 'raise input.sync.slop' not in line
    (line,) = rig_problems(replace(APART, period_s=math.nan))
    assert 'known only modulo' in line
    assert 'raise input.sync.slop' not in line


def test_a_larger_slop_is_advised_where_the_images_confirm_the_offset():
    (line,) = rig_problems(replace(APART, true_offset_s=-0.02))
    assert 'raise input.sync.slop up to half of the time between two images' in line


def test_a_camera_that_is_apart_is_told_and_not_those_that_lack_its_images():
    lonely = replace(FITS, num_dropped=90, offset_s=0.0)
    lines = problems(RIG, [lonely, APART], num_cameras=2, sync=SyncSettings(slop=0.015))
    assert [line.split(':')[0] for line in lines] == ['camera 1']


@pytest.mark.parametrize('slop', [0.015, 0.02])
def test_images_of_different_moments_are_told_whether_the_stamps_make_sets_or_not(slop):
    camera = replace(APART, num_dropped=90 if slop < 0.02 else 1, true_offset_s=0.08)
    (line,) = rig_problems(camera, slop)
    assert line.startswith('camera 1: its stamps are +80.0 ms beside those of camera 0')
    assert 'the nearest are -20.0 ms off' in line
    assert 'hold images 100 ms apart' in line
    assert 'let its driver stamp 80.0 ms earlier' in line
    assert 'raise input.sync.slop' not in line
    (line,) = rig_problems(replace(camera, true_offset_s=-0.12), slop)
    assert 'let its driver stamp 120.0 ms later' in line


def test_few_frames_prove_nothing():
    off = replace(FITS, num_frames=5, num_dropped=5)
    assert problems([WELL], [FITS, off], num_cameras=2) == []


def test_two_publishers_of_images_are_named_and_those_of_a_calibration_are_not():
    two = replace(WELL, publishers=('/left/driver', '/player'))
    (line,) = problems([two])
    assert line.startswith('/front/image has 2 publishers (/left/driver, /player)')
    assert problems([replace(two, kind='camera_info')]) == []
    assert problems([replace(two, publishers=('/left/driver',))]) == []


def test_depth_that_falls_silent_is_told_and_hides_nothing_of_the_cameras():
    depth = replace(SILENT, topic='/depth', kind='depth')
    lines = problems([*RIG, depth], [FITS, APART], num_cameras=2)
    assert [line.split()[0] for line in lines] == ['camera', 'nothing'], 'depth is the lesser'
    assert problems([*RIG, replace(depth, num_publishers=0)], [FITS, FITS], num_cameras=2) == []


def test_every_kind_of_problem_of_an_input_has_its_place():
    bad = replace(WELL, loss='30 of 90 lost', loss_share=0.33, publishers=('/a', '/b'))
    few = replace(WELL, loss='3 of 90 lost', loss_share=0.03)
    deaf = replace(SILENT, problem='another type')
    nobody = replace(SILENT, num_publishers=0)
    depth = replace(deaf, kind='depth')
    found = input_problems([few, bad, deaf, SILENT, nobody, depth], (), InputSettings(), 5.0)
    assert [each.cause.name for each in found] == [
        *('TOPIC', 'TOPIC', 'SILENCE', 'PUBLISHERS', 'LOSS', 'SCALE', 'QUALITY')
    ]
