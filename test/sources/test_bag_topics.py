import itertools

import cv2
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.bag_reader import BagReader
from vggt_ros.sources.bag_topics import choose_images, depth_topic_of, image_topics

K = np.array([[30.0, 0, 4], [0, 30, 3], [0, 0, 1]])


@pytest.fixture
def choose(write_bag):
    """Choose among topics given as (name, width, encoding, frame)."""
    numbers = itertools.count()

    def make(topics, infos=(), wanted=(), depth=None):
        def messages(m):
            for name, width, encoding, frame in topics:
                dtype = {'16UC1': np.uint16}.get(encoding, np.uint8)
                shape = (6, width, 3) if encoding == 'rgb8' else (6, width)
                yield name, 1, m.image(1, np.zeros(shape, dtype), encoding, frame)
            for name in infos:
                yield name, 2, m.info(1, K, (8, 6))

        with BagReader(write_bag(messages, name=f'walk{next(numbers)}')) as reader:
            found = image_topics(reader)
            images = choose_images(found, wanted, reader, 'walk')
            depth_topic = depth_topic_of(found, images[0], depth, 'walk')
        return [topic.name for topic in images], depth_topic and depth_topic.name

    return make


COLOR, DEPTH = ('/c/image_raw', 8, 'rgb8', 'c'), ('/d/image_raw', 8, '16UC1', 'c')
SMALL, OTHER = ('/s/image_raw', 4, 'rgb8', 's'), ('/o/image_raw', 8, 'mono8', 'o')


def test_the_only_topic_is_taken_and_depth_of_its_frame_belongs_to_it(choose):
    assert choose([COLOR]) == (['/c/image_raw'], None)
    assert choose([COLOR, DEPTH]) == (['/c/image_raw'], '/d/image_raw')


def test_depth_of_another_frame_or_size_or_two_of_it_do_not_obviously_belong(choose):
    assert choose([COLOR, ('/d', 8, '16UC1', 'd')])[1] is None
    assert choose([COLOR, ('/d', 4, '16UC1', 'c')])[1] is None
    assert choose([COLOR, DEPTH, ('/e', 8, '16UC1', 'c')])[1] is None
    assert choose([COLOR, ('/d', 8, '16UC1', 'd')], depth='/d')[1] == '/d'


def test_of_several_the_largest_with_camera_info_is_taken(choose):
    infos = ['/s/camera_info', '/o/camera_info']
    assert choose([COLOR, SMALL, OTHER], infos)[0] == ['/o/image_raw']
    assert choose([SMALL, OTHER])[0] == ['/o/image_raw'], 'without any the largest'


def test_the_raw_images_of_a_camera_count_before_the_compressed_ones(write_bag):
    def messages(m):
        _, data = cv2.imencode('.png', np.zeros((6, 8), np.uint8))
        yield '/c/image_raw/compressed', 1, m.compressed(1, data)
        yield '/c/image_raw', 1, m.image(1, np.zeros((6, 8), np.uint8), 'mono8')

    with BagReader(write_bag(messages)) as reader:
        found = image_topics(reader)
        assert [topic.size for topic in found] == [(8, 6)] * 2
        (chosen,) = choose_images(found, [], reader, 'walk')
    assert chosen.name == '/c/image_raw'


def test_none_better_than_the_others_are_listed_to_copy(choose):
    with pytest.raises(SourceError) as info:
        choose([COLOR, OTHER, SMALL])
    lines = str(info.value).splitlines()
    assert lines[0] == 'walk has images on 3 topics; give one of'
    assert lines[1] == '  --topic /c/image_raw  # 1 of 8 x 6, rgb8, without camera_info'
    assert len(lines) == 4


def test_topics_that_are_asked_for_come_in_that_order(choose):
    assert choose([COLOR, OTHER, SMALL], wanted=['/s/image_raw', '/c/image_raw'])[0] == [
        '/s/image_raw',
        '/c/image_raw',
    ]


@pytest.mark.parametrize(
    ('wanted', 'depth', 'match'),
    [
        (['/x'], None, r'walk has no images on /x; give one of\n  --topic /c/image_raw'),
        (['/c/image_raw'] * 2, None, 'names a topic twice'),
        (['/d/image_raw'], None, '/d/image_raw in walk is depth, not images; give one of'),
        ([], '/x', r'no depth on /x; give one of\n  --depth-topic /d/image_raw'),
    ],
)
def test_a_topic_that_is_not_there_or_of_another_kind_is_refused(choose, wanted, depth, match):
    with pytest.raises(SourceError, match=match):
        choose([COLOR, DEPTH], wanted=wanted, depth=depth)


def test_without_images_what_there_is_is_told(write_bag):
    def messages(m):
        yield '/odom', 1, m.odometry(1, (0, 0, 0))

    with (
        BagReader(write_bag(messages)) as reader,
        pytest.raises(
            SourceError, match=r'no images among its 1 topics \(/odom \(nav_msgs/msg/Od'
        ),
    ):
        choose_images(image_topics(reader), [], reader, 'walk')


def test_packets_of_a_film_are_named(tmp_path):
    rosbag2 = pytest.importorskip('rosbags.rosbag2')
    path = tmp_path / 'film'
    with rosbag2.Writer(path, version=9) as writer:
        writer.add_connection(
            '/cam/ffmpeg',
            'ffmpeg_image_transport_msgs/msg/FFMPEGPacket',
            msgdef='uint8 x',
            rihs01='RIHS01_00',
        )
    with (
        BagReader(path) as reader,
        pytest.raises(SourceError, match='no images that can be read: /cam/ffmpeg has packets'),
    ):
        choose_images(image_topics(reader), [], reader, 'film')
