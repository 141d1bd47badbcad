import pytest
from sensor_msgs.msg import CompressedImage, Image

from vggt_ros.ros.middleware.topic_types import similar_topics, type_name, wrong_type

IMAGE, COMPRESSED = type_name(Image), type_name(CompressedImage)


def test_types_have_the_names_of_the_graph():
    assert IMAGE == 'sensor_msgs/msg/Image'


def test_nothing_is_wrong_with_the_type_that_is_read_nor_with_nobody():
    assert wrong_type('/eye', [IMAGE], IMAGE, 'image') == ''
    assert wrong_type('/eye', [COMPRESSED, IMAGE], IMAGE, 'image') == ''
    assert wrong_type('/eye', [], IMAGE, 'image') == ''


@pytest.mark.parametrize(
    ('topic', 'found', 'wanted', 'name', 'advice'),
    [
        ('/eye/compressed', COMPRESSED, IMAGE, 'image', 'remap image (image_topic'),
        ('/eye/compressed', COMPRESSED, IMAGE, 'image_1', 'to /eye and let input.transport'),
        ('/eye', COMPRESSED, IMAGE, 'image', 'publish it as /eye/compressed'),
        ('/eye/compressed', IMAGE, COMPRESSED, 'image', 'input.transport to raw'),
        ('/depth/compressedDepth', COMPRESSED, IMAGE, 'depth', 'depth_topic of the launch file'),
        ('/depth', 'sensor_msgs/msg/PointCloud2', IMAGE, 'depth', 'a topic of sensor_msgs/msg/I'),
    ],
)
def test_the_mismatch_is_named_with_the_parameter(topic, found, wanted, name, advice):
    line = wrong_type(topic, [found], wanted, name)
    assert line.startswith(f'{topic} carries {found}, and {wanted} is read from it: ')
    assert advice in line


def test_topics_that_could_have_been_meant_are_those_of_the_type_the_most_similar_first():
    published = [
        ('/left/image_raw', [IMAGE]),
        ('/camera/image_raw', ['std_msgs/msg/String', IMAGE]),
        ('/camera/imag', ['std_msgs/msg/String']),
        ('/camera/color/compressed', [COMPRESSED]),
        ('/camera/thumbnail', [COMPRESSED]),
    ]
    found = similar_topics('/camera/image', published, IMAGE, is_auto=False)
    assert found == ('/camera/image_raw', '/left/image_raw')
    found = similar_topics('/camera/image', published, IMAGE, is_auto=True)
    assert found == ('/camera/image_raw', '/camera/color', '/left/image_raw')
    assert similar_topics('/camera/image', [], IMAGE, is_auto=True) == ()
