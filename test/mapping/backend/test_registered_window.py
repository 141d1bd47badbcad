from dataclasses import replace

import numpy as np

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.map_state import MapState
from vggt_ros.settings.live_config import LiveConfig


def test_points_of_features_are_in_the_unit_of_the_map(
    predictor, make_frame, make_config, make_view, point_scene, pose_at
):
    frames = tuple(make_frame(index) for index in range(5))
    window = Window.of_frames(frames)
    prediction = predictor.predict([frame.image for frame in frames], Request())
    features = point_scene.room(1).seen_from(pose_at()).features
    estimate = replace(make_view(window, prediction), features={2: features})
    registered = MapState(LiveConfig(make_config())).enter(estimate)
    move = Sim3(2.0, np.eye(3), np.zeros(3))
    moved = registered.moved({registered.placed.id: move}, registered.placed)
    before, after = registered.features_in_map(2), moved.features_in_map(2)
    np.testing.assert_allclose(after.points_in_cam, 2.0 * before.points_in_cam, rtol=1e-6)
    assert registered.features_in_map(3) is None
    assert (
        replace(registered, estimate=replace(estimate, features=None)).features_in_map(2) is None
    )


def test_a_window_moves_as_a_whole(predictor, make_frame, make_config, make_view):
    frames = tuple(make_frame(index) for index in range(5))
    window = Window.of_frames(frames)
    prediction = predictor.predict([frame.image for frame in frames], Request())
    state = MapState(LiveConfig(make_config()))
    registered = state.enter(make_view(window, prediction))
    turn = matrix_from_rotation_vector(np.array([0.0, 0.0, 0.3]))
    move = Sim3(2.0, turn, np.array([1.0, 2.0, 3.0]))
    moved = registered.moved({registered.placed.id: move}, registered.placed)
    again = registered.estimate.submap.moved(moved.placement.map_from_submap)
    np.testing.assert_allclose(moved.in_map.depth, again.depth, rtol=1e-5)
    np.testing.assert_allclose(moved.in_map.ref_from_cam, again.ref_from_cam, atol=1e-9)
    np.testing.assert_allclose(moved.in_map.depth, 2.0 * registered.in_map.depth, rtol=1e-5)
    center = registered.in_map.ref_from_cam[3, :3, 3]
    np.testing.assert_allclose(moved.in_map.ref_from_cam[3, :3, 3], move.apply(center))
