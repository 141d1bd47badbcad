from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase
from vggt_ros.mapping.backend.loop_closure import LoopQuery
from vggt_ros.mapping.backend.loop_verification import (
    AMBIGUOUS,
    LoopVerifier,
    NO_FEATURES,
    OUT_OF_REACH,
    UNCONFIRMED,
)
from vggt_ros.mapping.backend.submap_graph import SubmapGraph
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.settings.world_config import LoopSettings

SECOND_NS = 1_000_000_000
FRAMES_PER_WINDOW = 4
SPACING = 0.3
IDENTITY = Sim3(1.0, np.eye(3), np.zeros(3))
STEP_COVARIANCE = isotropic(0.01, 0.03, 0.01)


def submap_of(ids, poses):
    shape = (len(ids), 6, 8)
    return Submap(
        frame_ids=tuple(ids),
        depth=np.full(shape, 3.0, np.float32),
        confidence=np.ones(shape, np.float32),
        points_in_cam=np.ones((*shape, 3), np.float32),
        points_confidence=np.ones(shape, np.float32),
        K=np.stack([np.eye(3)] * len(ids)),
        ref_from_cam=np.stack(poses),
        focal_ratio=float('nan'),
    )


class Walk:
    """A robot along a wall, whose map drifts; every window of four frames becomes a submap."""

    def __init__(self, scene, pose_at, seed=0):
        self.scene = scene
        self.pose_at = pose_at
        self.rng = np.random.default_rng(seed)
        self.database = KeyframeDatabase(LoopSettings(min_gap=5.0))
        self.graph = SubmapGraph()
        self.verifier = LoopVerifier(self.database)
        self.num_frames = 0

    def window(self, x, drift=IDENTITY, scene=None, covariance=STEP_COVARIANCE, features=True):
        """Add a window that looks at the scene from x on; return what is asked about it."""
        scene = self.scene if scene is None else scene
        ids = list(range(self.num_frames, self.num_frames + FRAMES_PER_WINDOW))
        self.num_frames += FRAMES_PER_WINDOW
        truth = [self.pose_at(x + SPACING * k) for k in range(FRAMES_PER_WINDOW)]
        views = [scene.seen_from(p, self.rng, place_from_world=drift) for p in truth]
        in_map = submap_of(ids, [view.place_from_cam for view in views])
        frames = tuple(
            Frame(
                id=i,
                stamp_ns=i * SECOND_NS // 4,
                camera_frame='camera',
                image=np.zeros((6, 8, 3), np.uint8),
            )
            for i in ids
        )
        descriptors = self.rng.normal(size=(FRAMES_PER_WINDOW, 16)).astype(np.float32)
        first = in_map.ref_from_cam[0]
        placed = self.graph.add(Sim3(1.0, first[:3, :3], first[:3, 3]), covariance)
        query = LoopQuery(
            submap=placed,
            frames=frames,
            in_map=in_map,
            descriptors=descriptors,
            features=tuple(v.features if features else None for v in views),
        )
        for k in (0, FRAMES_PER_WINDOW - 1):
            self.database.add(
                placed.id,
                frames[k],
                in_map.select([ids[k]]),
                descriptors[k],
                query.features[k],
            )
        return query

    def ask(self, query):
        candidates = self.verifier.candidates(query, self.graph)
        return None if candidates is None else self.verifier.verify(candidates)

    def go(self, count=14, start=0.0, **values):
        """Windows in a row; return the loops."""
        step = FRAMES_PER_WINDOW * SPACING
        return [self.ask(self.window(start + step * k, **values)) for k in range(count)]


@pytest.fixture(scope='module')
def wall(point_scene):
    """Things along a wall of 24, and nothing twice."""
    parts = [
        point_scene.room(50 + k, count=160, center=(1.5 * k, 0, 3.0), size=(1.5, 3, 2))
        for k in range(-2, 15)
    ]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


@pytest.fixture
def walk(wall, pose_at):
    return Walk(wall, pose_at)


@pytest.fixture
def small_drift(drift):
    return Sim3(1.05, np.eye(3), np.array([0.2, 0.1, -0.1]))


def test_a_second_window_that_says_the_same_closes_the_loop(walk, small_drift):
    assert not any(walk.go())
    assert walk.ask(walk.window(0.1, small_drift)) is None, 'one window is not enough'
    assert walk.verifier.statistics.refusals[UNCONFIRMED] == 1
    edge = walk.ask(walk.window(1.3, small_drift))
    assert edge is not None
    there = walk.graph[edge.i].map_from_submap @ edge.i_from_j
    np.testing.assert_allclose(there.translation, [1.3, 0, 0], atol=0.02)
    assert float(rotation_angle(there.rotation)) < 0.005
    assert there.scale == pytest.approx(1 / 1.05, rel=0.01)
    statistics = walk.verifier.statistics
    assert (statistics.num_verified, statistics.num_confirmed) == (2, 1)
    correction = walk.graph.close(edge, is_rigid=False)
    assert correction, 'the graph takes it'


def test_the_edge_is_as_certain_as_it_says(wall, pose_at, small_drift):
    normalized = []
    for seed in range(3):
        walk = Walk(wall, pose_at, seed)
        walk.go(12)
        walk.ask(walk.window(0.1, small_drift))
        edge = walk.ask(walk.window(1.3, small_drift))
        there = walk.graph[edge.i].map_from_submap @ edge.i_from_j
        error = there.translation - np.array([1.3, 0, 0])
        normalized.append(np.linalg.norm(error) / np.sqrt(np.trace(edge.covariance[3:6, 3:6])))
    # Windows of this walk are perfect; the covariance is that of real ones at least.
    assert 0.01 < np.median(normalized) < 1.5


def test_what_was_just_seen_is_no_revisited_place(walk):
    walk.go(6)
    assert walk.ask(walk.window(5.0)) is None
    assert walk.verifier.statistics.num_queries == 0


def test_another_place_is_none(walk, point_scene):
    walk.go()
    other = point_scene.room(100, count=800, size=(6, 3, 2))
    assert not any(walk.go(4, scene=other))
    statistics = walk.verifier.statistics
    assert statistics.num_queries >= 4
    assert statistics.num_verified == 0
    assert statistics.refusals['few_matches'] > 0


def test_two_windows_that_disagree_close_nothing(walk, small_drift):
    walk.go()
    walk.ask(walk.window(0.1, small_drift))
    jumped = Sim3(1.05, np.eye(3), np.array([0.2, 0.1, 1.5]))
    assert walk.ask(walk.window(1.3, jumped)) is None
    assert walk.verifier.statistics.refusals[UNCONFIRMED] == 2


def test_a_place_that_exists_twice_in_the_map_is_ambiguous(point_scene, pose_at, wall):
    """Two identical rooms, 12 apart, both seen before; in which of them is the robot?"""
    room = point_scene.room(1, count=600, center=(1.0, 0, 3.0), size=(5, 3, 2))
    between = point_scene.room(2, count=400, center=(7.0, 0, 3.0), size=(3, 3, 2))
    walk = Walk(room + between + room.moved([12.0, 0, 0]) + wall.moved([20.0, 0, 0]), pose_at)
    walk.go(28)
    before = walk.verifier.statistics.num_confirmed
    walk.ask(walk.window(0.1))
    edge = walk.ask(walk.window(0.3))
    assert edge is None
    assert walk.verifier.statistics.refusals[AMBIGUOUS] >= 2
    assert walk.verifier.statistics.num_confirmed == before


def test_the_graph_refuses_a_place_that_only_looks_the_same(point_scene, pose_at, wall):
    """The second of two identical rooms is entered for the first time: images cannot know."""
    room = point_scene.room(1, count=900, center=(1.0, 0, 3.0), size=(5, 3, 2))
    walk = Walk(room + wall.moved([10.0, 0, 0]) + room.moved([30.0, 0, 0]), pose_at)
    walk.go(24)  # up to 28.8
    edges = [walk.ask(walk.window(30.0 + 0.3 * k)) for k in range(3)]
    found = [edge for edge in edges if edge is not None]
    assert found, 'to the images it is the first room'
    for edge in found:
        assert walk.graph.close(edge, is_rigid=False) == {}
    assert walk.graph.num_loops == 0
    assert walk.graph.num_loops_refused == len(found)


def test_a_lost_map_is_tied_to_what_it_knows_without_waiting(walk, drift):
    walk.go(12)
    # A new segment, anywhere and in any unit, two windows after the last one.
    begins = walk.window(9.0, drift, covariance=None)
    assert begins.submap.segment == 1
    edges = [walk.ask(begins)] + [walk.ask(walk.window(9.0 + 0.4 * k, drift)) for k in (1, 2)]
    assert edges[:2] == [None, None], 'no graph could object: three windows have to say the same'
    assert edges[2] is not None
    correction = walk.graph.close(edges[2], is_rigid=False)
    assert walk.graph.is_connected
    moved = correction[begins.submap.id].apply_to_pose(begins.in_map.ref_from_cam)
    np.testing.assert_allclose(moved[0, :3, 3], [9.0, 0, 0], atol=0.05)


def test_a_lost_map_is_not_tied_to_where_the_robot_cannot_have_got(walk, drift):
    walk.go(12)
    begins = walk.window(0.4, drift, covariance=None)
    edges = [walk.ask(begins)] + [walk.ask(walk.window(0.4 + 0.4 * k, drift)) for k in (1, 2, 3)]
    assert not any(edges)
    assert walk.verifier.statistics.refusals[OUT_OF_REACH] == 4


def test_loops_that_move_nothing_are_asked_for_exponentially_less(walk):
    walk.go(16)
    queries, closed = [], []
    for k in range(24):
        before = walk.verifier.statistics.num_queries
        edge = walk.ask(walk.window(0.1 + 0.3 * (k % 10)))
        queries.append(walk.verifier.statistics.num_queries - before)
        closed.append(edge is not None)
    assert 2 <= sum(closed) <= 5
    assert sum(queries) < 14


def test_a_window_without_features_is_counted(walk):
    walk.go(12)
    assert walk.ask(walk.window(0.1, features=False)) is None
    assert walk.verifier.statistics.refusals[NO_FEATURES] == 1


def test_after_a_reset_nothing_is_waiting(walk, small_drift):
    walk.go()
    walk.ask(walk.window(0.1, small_drift))
    walk.verifier.clear()
    assert walk.ask(walk.window(1.3, small_drift)) is None, 'the first window again'


def test_a_submap_that_was_forgotten_is_no_place(walk, small_drift):
    walk.go()
    forgetful = SubmapGraph()
    query = walk.window(0.1, small_drift)
    forgetful._submaps = {query.submap.id: query.submap}
    assert walk.verifier.candidates(query, forgetful) is None


def test_only_frames_of_which_something_is_known_are_compared(walk, small_drift):
    walk.go()
    walk.ask(walk.window(0.1, small_drift))
    query = walk.window(1.3, small_drift)
    some = replace(query, features=(query.features[0], None, None, None))
    assert walk.ask(some) is not None


def test_stored_keyframes_move_with_the_map(walk, small_drift):
    walk.go()
    walk.ask(walk.window(0.1, small_drift))
    edge = walk.ask(walk.window(1.3, small_drift))
    walk.database.correct(walk.graph.close(edge, is_rigid=False))
    assert walk.database[len(walk.database) - 1].features.has_point.any()
    # What the map says now is right already: the next loop moves nothing.
    place = walk.database[len(walk.database) - 1]
    np.testing.assert_allclose(se3.inverse(place.map_from_cam)[:3, 3], [-2.2, 0, 0], atol=0.1)
