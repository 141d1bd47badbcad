from dataclasses import replace

from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import PointCloud2

from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells
from vggt_ros.mapping.map_state import MapState
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.ros.output.map_offer import MapOffer
from vggt_ros.ros.output.publishers import Publishers
from vggt_ros.settings.config import MapSettings, VggtConfig
from vggt_ros.settings.live_config import LiveConfig
from vggt_ros.settings.world_config import OccupancySettings

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
CONFIG = VggtConfig(map=MapSettings(publish_rate=10.0))


def see(current, *xs):
    """Add points to a map."""
    points = np.array([[x, 0.05, 0.05] for x in xs], np.float32)
    count = len(xs)
    current.layers.voxels.insert(
        points, np.zeros((count, 3), np.uint8), np.ones(count, np.float32)
    )


@pytest.fixture
def offer(make_node):
    node = make_node('vggt')
    config = LiveConfig(CONFIG)
    publishers = Publishers(node, config, QosEvents(print))
    node.trigger_configure()
    node.trigger_activate()
    made = MapOffer(MapState(config), publishers, config)
    made.node = node
    return made


def listen(make_node, offer, topic):
    heard = []
    offer.node.create_subscription(PointCloud2, f'/vggt/{topic}', heard.append, 10)
    assert make_node.spin(lambda: offer.node.count_subscribers(f'/vggt/{topic}') > 0)
    return heard


def widths(make_node, offer, heard, count):
    def offered():
        offer.offer()
        return len(heard) >= count

    assert make_node.spin(offered)
    return [message.width for message in heard]


def test_the_map_comes_whole_and_its_changes_alone(make_node, offer):
    whole = listen(make_node, offer, 'map/points')
    changes = listen(make_node, offer, 'map/points_update')
    see(offer._map, 0.05, 0.25, 0.45)
    offer.note(1)
    assert widths(make_node, offer, whole, 1) == [3]
    assert widths(make_node, offer, changes, 1) == [3]
    see(offer._map, 0.45, 0.65)
    offer.note(2)
    assert widths(make_node, offer, whole, 2) == [3, 4]
    assert widths(make_node, offer, changes, 2) == [3, 2]
    assert changes[1].header.stamp.nanosec == 2


def test_cells_come_latched_while_the_grid_is_enabled(make_node, monkeypatch):
    config = LiveConfig(replace(CONFIG, occupancy=OccupancySettings(enable=True)))
    node = make_node('vggt')
    publishers = Publishers(node, config, QosEvents(print))
    node.trigger_configure()
    node.trigger_activate()
    current = MapState(config)
    cells = OccupancyCells(
        cells=np.array([[0, 100]], np.int8), origin_xy_m=np.zeros(2), resolution_m=0.1
    )
    monkeypatch.setattr(current, 'occupancy', lambda: cells)
    offer = MapOffer(current, publishers, config)
    heard = []
    node.create_subscription(OccupancyGrid, '/vggt/occupancy', heard.append, LATCHED)
    offer.note(7)
    assert make_node.spin(lambda: offer.offer() or heard)
    assert (heard[0].info.width, heard[0].info.height) == (2, 1)
    assert list(heard[0].data) == [0, 100]
    assert heard[0].header.stamp.nanosec == 7


def test_without_news_nothing_comes_and_never_faster_than_the_rate(make_node, offer):
    offer._config.value = replace(CONFIG, map=replace(CONFIG.map, publish_rate=0.5))
    whole = listen(make_node, offer, 'map/points')
    for stamp_ns in range(1, 5):
        see(offer._map, 0.05)
        offer.note(stamp_ns)
        assert widths(make_node, offer, whole, 1) == [1]
    offer.note_reset()
    assert widths(make_node, offer, whole, 2) == [1, 1], 'an empty map is shown at once'
    assert not make_node.spin(lambda: offer.offer() or len(whole) > 2, 0.3)
