from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.backend.submap_graph import SubmapGraph
from vggt_ros.mapping.frame_results import frame_results
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.map_layers import MapLayers, spread
from vggt_ros.mapping.map_state import MapState
from vggt_ros.settings.live_config import LiveConfig


@pytest.fixture
def drawn(predictor, make_config, make_frame, make_view):
    """Make layers of some settings with one window in them."""

    def make(**settings):
        config = LiveConfig(make_config(**settings))
        window = Window.of_frames(tuple(make_frame(index) for index in range(6)), 0, 0)
        prediction = predictor.predict([frame.image for frame in window.frames], Request())
        state = MapState(config)
        registered = state.enter(make_view(window, prediction))
        results = frame_results(registered, prediction, state.noise, config.value.cloud, None)
        layers = MapLayers(config)
        layers.add(registered, results, state.graph)
        return layers, registered, results

    return make


def test_a_window_is_drawn_into_the_layers_that_are_wanted(drawn):
    layers, *_ = drawn()
    assert len(layers.voxels) > 1000
    assert len(layers.trajectory) == 6
    assert layers.occupancy.grid() is None
    layers, *_ = drawn(map__enable=False, occupancy__enable=True, occupancy__min_height=-0.3)
    assert len(layers.voxels) == 0
    assert layers.occupancy.grid() is not None


def test_what_was_drawn_moves_with_its_submap(drawn):
    layers, registered, _ = drawn()
    points = layers.voxels.points().points_in_map
    poses = layers.trajectory.poses().map_from_cam
    shift = np.array([10.0, 0.0, 0.0])
    layers.correct({registered.placed.id: Sim3(1.0, np.eye(3), shift)})
    moved = layers.trajectory.poses().map_from_cam
    np.testing.assert_allclose(moved[:, :3, 3], poses[:, :3, 3] + shift)
    center = layers.voxels.points().points_in_map.mean(axis=0)
    np.testing.assert_allclose(center, points.mean(axis=0) + shift, atol=0.05)


def test_what_moves_is_not_drawn_into_the_map(drawn):
    layers, registered, results = drawn()
    blind = tuple(replace(each, moves=np.ones_like(each.keep)) for each in results)
    before = len(layers.voxels)
    hits = layers.voxels.points().hits.sum()
    graph = SubmapGraph()
    layers.add(registered, blind, graph)
    assert len(layers.voxels) == before
    assert layers.voxels.points().hits.sum() == hits
    layers.add(registered, results, graph)
    assert layers.voxels.points().hits.sum() > hits


@pytest.mark.parametrize(('dynamic', 'is_gone'), [('keep', False), ('remove', True)])
def test_what_is_seen_through_goes_where_the_setting_says_so(drawn, dynamic, is_gone):
    layers, registered, results = drawn(map__dynamic=dynamic)
    # Something half way to the walls, in the middle of what the first frame sees.
    middle = results[0].points_in_cam[10:20, 15:25].reshape(-1, 3) * np.float32(0.5)
    ghost = se3.transform(results[0].map_from_cam, middle)
    colors = np.full((len(ghost), 3), (255, 0, 255), np.uint8)
    layers.voxels.insert(ghost, colors, np.ones(len(ghost), np.float32), registered.placed.id)
    graph = SubmapGraph()
    placed = graph.add(registered.placed.map_from_submap, None)
    assert placed.id == registered.placed.id
    for _ in range(4):
        layers.add(registered, results, graph)
    is_ghost = (layers.voxels.points().colors == (255, 0, 255)).all(axis=1)
    assert (is_ghost.sum() == 0) == is_gone


def test_what_is_over_new_bounds_goes_at_once(drawn, make_config):
    layers, *_ = drawn()
    layers._config.value = make_config(map__max_points=1000, path__max_size=2)
    layers.follow_config()
    assert len(layers.voxels) <= 1000
    assert len(layers.trajectory) == 2


def test_cleared_layers_are_empty(drawn):
    layers, *_ = drawn(occupancy__enable=True, occupancy__min_height=-0.3)
    layers.clear()
    assert len(layers.voxels) == len(layers.trajectory) == 0
    assert layers.occupancy.grid() is None


@pytest.mark.parametrize(('count', 'kept'), [(1, [0]), (2, [0, 4]), (3, [0, 2, 4]), (9, range(5))])
def test_a_choice_of_a_window_has_its_first_and_its_last_frame(drawn, count, kept):
    results = drawn()[2][:5]
    chosen = spread(results, count)
    assert [next(i for i, r in enumerate(results) if r is each) for each in chosen] == list(kept)
