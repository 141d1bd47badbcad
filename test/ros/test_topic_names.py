import pytest

from vggt_ros.ros.topic_names import private_topic_of, topic_of


@pytest.mark.parametrize(
    ('camera', 'num_cameras', 'expected'),
    [(0, 1, ('image', '~/points')), (2, 4, ('image_2', '~/camera_2/points'))],
)
def test_one_camera_needs_no_number(camera, num_cameras, expected):
    found = topic_of('image', camera, num_cameras), private_topic_of('points', camera, num_cameras)
    assert found == expected
