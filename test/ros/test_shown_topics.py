"""Topics page, rviz and Foxglove layouts: each name, type and quality of service is the node's."""

import json
from pathlib import Path
import re

import pytest
import rclpy
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
import yaml

from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.ros.middleware.topic_types import type_name
from vggt_ros.ros.node import VggtNode
from vggt_ros.ros.output.publishers import Publishers
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig
from vggt_ros.settings.parameter_tree import with_values

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]
# What each kind of display reads.
OF_RVIZ = {
    'PointCloud2': 'sensor_msgs/msg/PointCloud2',
    'Path': 'nav_msgs/msg/Path',
    'PoseArray': 'geometry_msgs/msg/PoseArray',
    'PoseWithCovariance': 'geometry_msgs/msg/PoseWithCovarianceStamped',
    'Map': 'nav_msgs/msg/OccupancyGrid',
    'Image': 'sensor_msgs/msg/Image',
}
# What must be seen; the rest of the topics repeats it, or is for programs.
WORTH_SEEING = {
    *('points', 'map/points', 'path', 'pose_with_covariance', 'camera_poses', 'tracks'),
    *('tracks/image', 'occupancy', 'depth/image_rect', 'rgb/image_rect', 'confidence/image'),
}
RVIZ = yaml.safe_load((ROOT / 'config' / 'vggt.rviz').read_text())['Visualization Manager']
FOXGLOVE = json.loads((ROOT / 'config' / 'foxglove_layout.json').read_text())
PAGE = (ROOT / 'docs' / 'topics.md').read_text()


@pytest.fixture
def published(make_node):
    """What a node with all topics publishes: by name its type and quality of service."""
    node = make_node('vggt')
    config = with_values(VggtConfig(), {'occupancy.enable': True})
    Publishers(node, LiveConfig(config), QosEvents(print))
    return {
        publisher.topic_name: (type_name(publisher.msg_type), publisher.qos_profile)
        for publisher in node.publishers
        if publisher.topic_name.startswith('/vggt/') and 'transition' not in publisher.topic_name
    }


def is_latched(qos):
    return qos.durability == DurabilityPolicy.TRANSIENT_LOCAL


def rviz_displays():
    return [each for each in RVIZ['Displays'] if 'Topic' in each]


def foxglove_topics():
    """Names of all topics of the layout, with the type that its panel reads; None for any."""
    for name, panel in FOXGLOVE['configById'].items():
        kind = name.partition('!')[0]
        if kind == '3D':
            yield from ((topic, None) for topic in panel['topics'])
        elif kind == 'Image':
            yield panel['imageMode']['imageTopic'], OF_RVIZ['Image']
        elif kind == 'Plot':
            for path in panel['paths']:
                yield path['value'].partition('.')[0], None
        elif kind == 'DiagnosticStatusPanel':
            yield panel['topicToRender'], None


def test_rviz_reads_what_the_node_publishes_as_it_publishes_it(published):
    for display in rviz_displays():
        topic = display['Topic']
        kind, qos = published[topic['Value']]
        assert kind == OF_RVIZ[display['Class'].partition('/')[2]], display['Name']
        assert qos.reliability == ReliabilityPolicy.RELIABLE
        assert topic['Reliability Policy'] == 'Reliable'
        wanted = 'Transient Local' if is_latched(qos) else 'Volatile'
        assert topic['Durability Policy'] == wanted, display['Name']


def test_foxglove_shows_what_the_node_publishes(published):
    for topic, kind in foxglove_topics():
        if topic != '/diagnostics':
            assert topic in published, topic
            assert kind in (None, published[topic][0]), topic


def test_both_show_everything_worth_seeing():
    wanted = {f'/vggt/{name}' for name in WORTH_SEEING}
    assert {each['Topic']['Value'] for each in rviz_displays()} == wanted
    assert {topic for topic, _ in foxglove_topics()} == wanted | {'/diagnostics'}


def test_both_stand_still_in_the_map_and_show_transforms():
    frame = VggtConfig().frames.map
    assert RVIZ['Global Options']['Fixed Frame'] == frame
    assert any(each['Class'].endswith('/TF') for each in RVIZ['Displays'])
    panel = next(each for name, each in FOXGLOVE['configById'].items() if name[:2] == '3D')
    assert panel['followTf'] == frame


def test_every_panel_of_the_foxglove_layout_has_its_place():
    placed = set(re.findall(r'"(\w+!\w+)"', json.dumps(FOXGLOVE['layout'])))
    for name in list(placed):
        for tab in FOXGLOVE['configById'][name].get('tabs', []):
            placed.add(tab['layout'])
    assert placed == set(FOXGLOVE['configById'])


def test_plots_are_of_numbers_that_are_on_diagnostics():
    source = (ROOT / 'vggt_ros' / 'ros' / 'diagnostics.py').read_text()
    values = [
        path['value']
        for name, panel in FOXGLOVE['configById'].items()
        if name.startswith('Plot')
        for path in panel['paths']
    ]
    assert values
    for value in values:
        name, key = re.findall(r'=="([^"]+)"', value)
        assert name == 'vggt: mapping'
        assert f"'{key}'" in source


def test_the_topics_page_is_that_of_the_node(published):
    told = {}
    section = PAGE.split('## Published')[1].split('\n## ')[0]
    for topic, kind, latched in re.findall(
        r'^\| `~/(\S+)` \| `(\S+)` \| (\w*) ?\|', section, re.MULTILINE
    ):
        told[f'/vggt/{topic}'] = kind, latched == 'yes'
    assert told == {name: (kind, is_latched(qos)) for name, (kind, qos) in published.items()}


def test_the_services_page_is_that_of_the_node():
    rclpy.init(args=['--ros-args', '-p', 'autostart:=false'])
    try:
        node = VggtNode()
        found = {each.srv_name: each.srv_type for each in node.services}
        node.destroy_node()
    finally:
        rclpy.shutdown()
    told = dict(re.findall(r'^\| `~/(\w+)` \| `(std_srvs/\S+)` \|', PAGE, re.MULTILINE))
    ours = {
        name.replace('~', '/vggt'): f'std_srvs/srv/{kind.__name__}'
        for name, kind in found.items()
        if kind.__module__.startswith('std_srvs')
    }
    assert {f'/vggt/{name}': kind for name, kind in told.items()} == ours
