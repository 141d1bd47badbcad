from dataclasses import replace

import numpy as np
import pytest
from sensor_msgs.msg import PointCloud2

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.map_state import MapState
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.ros.output import submap_offer
from vggt_ros.ros.output.publishers import Publishers
from vggt_ros.ros.output.submap_messages import places_of_cloud, tiles_of_cloud
from vggt_ros.ros.output.submap_offer import SubmapOffer
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig


class Offered:
    """A map on offer, with what is heard of it."""

    def __init__(self, make_node):
        self._make_node = make_node
        self._node = make_node('vggt')
        config = LiveConfig(VggtConfig())
        publishers = Publishers(self._node, config, QosEvents(print))
        self._node.trigger_configure()
        self._node.trigger_activate()
        self.map = MapState(config)
        self.offer = SubmapOffer(self.map, publishers)
        self.tiles, self.places = [], []
        self._is_listening = False

    def add(self, *points):
        """Add a submap with points; return its id."""
        place = Sim3(1.0, np.eye(3), np.array([float(len(self.map.graph)), 0, 0]))
        placed = self.map.graph.add(place, isotropic(0.01, 0.01, 0.01))
        self.see(placed.id, *points)
        return placed.id

    def see(self, submap_id, *points):
        points = np.array(points, np.float32)
        colors = np.zeros((len(points), 3), np.uint8)
        confidence = np.ones(len(points), np.float32)
        self.map.layers.voxels.insert(points, colors, confidence, submap_id)

    def listen(self):
        topic = '/vggt/map/submap_points'
        count = self._node.count_subscribers(topic) + 1
        self._node.create_subscription(PointCloud2, topic, self.tiles.append, 20)
        if not self._is_listening:
            self._is_listening = True
            self._node.create_subscription(
                PointCloud2, '/vggt/map/submaps', self.places.append, 20
            )
        assert self._make_node.spin(
            lambda: (
                self._node.count_subscribers(topic) == count
                and self._node.count_subscribers('/vggt/map/submaps') > 0
            )
        )

    def heard(self, has_news=True, num_messages=1):
        """Offer, and return ids of tiles with their numbers of points, then the places."""
        self.tiles.clear()
        self.places.clear()

        def arrived():
            return self.places and len(self.tiles) == num_messages

        assert self.offer.offer(5, has_news=has_news)
        assert self._make_node.spin(arrived)
        tiles = {
            each.submap_id: len(each.confidence)
            for message in self.tiles
            for each in tiles_of_cloud(message)
        }
        return tiles, *places_of_cloud(self.places[-1])


@pytest.fixture
def offered(make_node):
    return Offered(make_node)


def test_nothing_is_offered_without_a_viewer(offered):
    offered.add((0, 0, 0))
    assert not offered.offer.offer(5, has_news=True)


def test_only_changed_tiles_follow_the_whole_map(offered):
    a, b = offered.add((0, 0, 0), (1, 0, 0)), offered.add((5, 0, 0))
    offered.listen()
    tiles, places, sizes = offered.heard(has_news=False)  # a viewer is reason enough
    assert tiles == sizes == {a: 2, b: 1} and set(places) == {a, b}
    offered.see(b, (6, 0, 0))
    tiles, _, sizes = offered.heard()
    assert tiles == {b: 2} and sizes == {a: 2, b: 2}
    assert not offered.offer.offer(5, has_news=False)


def test_a_correction_sends_places_and_no_points(offered):
    a, b = offered.add((0, 0, 0)), offered.add((5, 0, 0))
    offered.listen()
    offered.heard()
    move = Sim3(1.1, np.eye(3), np.array([0.0, 2, 0]))
    placed = offered.map.graph[b]
    offered.map.graph.update(replace(placed, map_from_submap=move @ placed.map_from_submap))
    offered.map.layers.voxels.correct({b: move})
    tiles, places, sizes = offered.heard(num_messages=0)
    assert tiles == {} and sizes == {a: 1, b: 1}
    np.testing.assert_allclose(places[b].translation, [1.1, 2, 0], atol=1e-6)
    assert places[b].scale == pytest.approx(1.1)


def test_who_comes_later_gets_all_of_it(offered):
    a = offered.add((0, 0, 0))
    offered.listen()
    offered.heard()
    b = offered.add((5, 0, 0))
    offered.listen()
    tiles, _, _ = offered.heard(has_news=False, num_messages=2)  # both hear it
    assert tiles == {a: 1, b: 1}


def test_a_reset_empties_the_page(offered):
    offered.add((0, 0, 0))
    offered.listen()
    offered.heard()
    offered.map.begin(offered.map.epoch + 1)
    assert offered.heard(has_news=False, num_messages=0) == ({}, {}, {})


def test_a_large_map_takes_several_messages(offered, monkeypatch):
    monkeypatch.setattr(submap_offer, 'MAX_POINTS', 2)
    ids = [offered.add((3 * k, 0, 0), (3 * k + 1, 0, 0)) for k in range(4)]
    offered.listen()
    tiles, _, _ = offered.heard(num_messages=4)
    assert tiles == dict.fromkeys(ids, 2)
