import threading
import time

import pytest
from rclpy.qos import qos_profile_sensor_data, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.ros.tools.graph_probe import probe_graph

NODE = 'vggt_ros.ros.node'


@pytest.fixture
def camera(make_node, camera_image):
    """Send images to a topic at 20 Hz while the test looks elsewhere."""
    node = make_node('camera')
    ending = threading.Event()
    threads = []

    def start(topic, qos=qos_profile_sensor_data):
        publisher = node.create_publisher(
            Image, topic, qos, event_callbacks=QosEvents(print).of_publisher(topic)
        )

        def send():
            number = 0
            while not ending.is_set():
                number += 1
                publisher.publish(camera_image(number, 10**18 + number * 50_000_000))
                time.sleep(0.05)

        threads.append(threading.Thread(target=send))
        threads[-1].start()

    yield start
    ending.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def start_node(start_process):
    nodes = []

    def start(*words):
        words = ['-p', 'model.checkpoint:=nano', '-r', 'image:=/eye/image', *words]
        nodes.append(start_process(NODE, *words))
        nodes[-1].wait_for_log('loaded nano')
        return nodes[-1]

    yield start
    for node in nodes:
        node.end()


def test_a_node_that_hears_its_camera_is_well(start_node, camera):
    node = start_node()
    camera('/eye/image')
    node.wait_for_log('images of 168 x 126')
    report = probe_graph('/vggt', 3.0)
    assert report.is_running
    (image,) = [topic for topic in report.topics if topic.topic == '/eye/image']
    assert (image.num_publishers, image.problem) == (1, '')
    assert 10 < image.rate_hz < 30
    assert report.values['state'] in ('buffering', 'tracking')
    kinds = {topic.topic: topic.kind for topic in report.topics}
    assert kinds['/eye/image'] == 'image'
    assert kinds['/camera_info'] == 'camera_info'
    assert kinds.get('/depth', 'depth') == 'depth'


def test_a_qos_that_does_not_match_is_seen_from_outside(start_node, camera):
    start_node('-p', 'input.qos_reliability:=reliable')
    camera('/eye/image', QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
    report = probe_graph('/vggt', 1.0)
    (image,) = [topic for topic in report.topics if topic.topic == '/eye/image']
    assert 'set input.qos_reliability to auto' in image.problem
    assert report.settings.qos_reliability == 'reliable'


def test_without_a_node_the_topics_of_cameras_are_shown(camera):
    camera('/front/image_raw')
    report = probe_graph('/nobody', 1.0)
    assert not report.is_running
    assert [topic.topic for topic in report.topics] == ['/front/image_raw']
