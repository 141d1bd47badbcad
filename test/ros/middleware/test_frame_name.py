import pytest

from vggt_ros.ros.middleware.frame_name import FrameName


def test_a_leading_slash_goes_with_one_warning():
    said = []
    names = FrameName('/camera/camera_info', said.append)
    assert names.of('cam') == 'cam'
    assert said == []
    assert names.of('/cam') == 'cam'
    assert names.of('/cam') == 'cam'
    assert names.of('/other') == 'other'
    assert said == [
        "header.frame_id of /camera/camera_info is '/cam'; names of frames have no leading slash "
        "in tf2: 'cam' is used"
    ]


@pytest.mark.parametrize('name', ['', 'a/b', 'robot/cam', 'cam/'])
def test_other_names_are_as_they_are(name):
    assert FrameName('the images', pytest.fail).of(name) == name


def test_what_a_stranger_sends_does_not_break_out_of_the_line():
    said = []
    FrameName('the images', said.append).of('/cam\n[FATAL] all is lost')
    assert '\n' not in said[0]
