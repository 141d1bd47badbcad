"""What strangers write into messages stays in its line of the log, and that line stays short."""

import numpy as np
import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vggt_ros.ros.middleware.messages import camera_info, depth_image, header_of, rgb_image

pytestmark = pytest.mark.ros

START_NS = 1_700_000_000_000_000_000
FAKE = 'cam\n[FATAL] [0.0] [vggt]: injected\r\x1b[31mred\x07\u2028'
LONG = 'x' * 1_000_000
# Messages of a megabyte that nobody sends again are lost now and then.
RELIABLE = QoSProfile(depth=50)
K = np.array([[150.0, 0.0, 83.5], [0.0, 150.0, 62.5], [0.0, 0.0, 1.0]])


@pytest.fixture
def publishers(probe):
    kinds = {
        '/odd/image': Image,
        '/odd/image/compressed': CompressedImage,
        '/odd/camera_info': CameraInfo,
        '/odd/depth': Image,
    }
    made = {
        topic: probe.node.create_publisher(kind, topic, RELIABLE) for topic, kind in kinds.items()
    }
    yield made
    for each in made.values():
        probe.node.destroy_publisher(each)


@pytest.mark.parametrize('transport', ['raw', 'compressed'])
@pytest.mark.parametrize('text', [FAKE, LONG], ids=['fake', 'long'])
def test_no_text_in_a_message_breaks_the_log(
    start_process, node_arguments, probe, health, publishers, camera_image, transport, text
):
    names = [(name, f'/odd/{name}') for name in ('image', 'camera_info', 'depth')]
    words = node_arguments(names, input__transport=transport)
    node = start_process('vggt_ros.ros.node', *words)
    image_topic = '/odd/image' + ('/compressed' if transport == 'compressed' else '')
    images = publishers[image_topic]
    others = [publishers[name] for name in ('/odd/camera_info', '/odd/depth')]
    everyone = [images, *others]
    assert probe.spin_until(lambda: all(each.get_subscription_count() for each in everyone))
    depth = np.ones((12, 16), np.float32)

    def send(number):
        stamp_ns = START_NS + number * 100_000_000
        right = camera_image(number, stamp_ns)
        for frame_id in ('cam_optical', text):
            header = header_of(stamp_ns, frame_id)
            strange = [rgb_image(header, np.zeros((4, 4, 3), np.uint8))]
            strange.append(rgb_image(right.header, np.zeros((4, 4, 3), np.uint8)))
            strange[1].encoding = text
            if transport == 'compressed':
                strange = [CompressedImage(header=header, format=text, data=b'no picture')]
            for message in strange:
                images.publish(message)
            info = camera_info(header, K, 168, 126)
            info.distortion_model, info.d = text, [0.1] * 5
            publishers['/odd/camera_info'].publish(info)
            message = depth_image(header, depth, '32FC1')
            publishers['/odd/depth'].publish(message)
            message.encoding = text
            publishers['/odd/depth'].publish(message)
        if transport == 'raw':
            images.publish(right)

    for number in range(15):
        send(number)
        probe.spin_for(0.1)
    assert probe.spin_until(lambda: health.number('frames_dropped') >= 15), health.values
    health.assert_accounted_for()
    assert node.end()[0] == 0
    log = node.log
    assert 'bad_encoding' in log
    assert '\x1b' not in log.replace('\x1b[0m', '')
    assert not any(line.startswith('[FATAL] [0.0]') for line in log.splitlines())
    assert max(len(line) for line in log.splitlines()) < 2500
