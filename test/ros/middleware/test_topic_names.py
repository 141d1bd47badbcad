from types import SimpleNamespace

import pytest

from vggt_ros.ros.middleware.topic_names import (
    info_topic_beside,
    node_of,
    private_topic_of,
    topic_of,
)


@pytest.mark.parametrize(
    ('camera', 'num_cameras', 'expected'),
    [(0, 1, ('image', '~/points')), (2, 4, ('image_2', '~/camera_2/points'))],
)
def test_one_camera_needs_no_number(camera, num_cameras, expected):
    found = topic_of('image', camera, num_cameras), private_topic_of('points', camera, num_cameras)
    assert found == expected


def test_the_calibration_is_beside_the_image():
    assert info_topic_beside('/eye/depth/image_raw') == '/eye/depth/camera_info'
    assert info_topic_beside('/depth') == '/camera_info'


@pytest.mark.parametrize(('namespace', 'expected'), [('/', '/amcl'), ('/front', '/front/amcl')])
def test_a_node_at_the_end_of_a_topic_has_its_full_name(namespace, expected):
    assert node_of(SimpleNamespace(node_namespace=namespace, node_name='amcl')) == expected
