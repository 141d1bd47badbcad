from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.pinhole import unproject_depth
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.submap import submap_from_prediction


@pytest.fixture
def window(make_frame, true_K):
    frames = (make_frame(0), make_frame(1, K=true_K), make_frame(2, K=true_K))
    return Window.of_frames(frames)


@pytest.fixture
def predict(predictor, window):
    def answer(request=None):
        images = [frame.image for frame in window.frames]
        return predictor.predict(images, request or Request())

    return answer


def test_depth_is_stretched_by_calibrated_over_predicted_focal_length(window, predictor, predict):
    predictor.focal_error = 2.0
    prediction = predict()
    submap = submap_from_prediction(window, prediction)
    assert submap.focal_ratio == pytest.approx(2.0)
    np.testing.assert_allclose(submap.depth, prediction.depth / 2, rtol=1e-6)


def test_intrinsics_are_the_calibrated_ones_or_the_predicted_ones_put_right(
    window, predictor, predict, true_K
):
    predictor.focal_error = 2.0
    prediction = predict()
    submap = submap_from_prediction(window, prediction)
    np.testing.assert_allclose(submap.K[1], prediction.grid.K_model_from_image(true_K))
    np.testing.assert_allclose(submap.K[0], submap.K[1])


def test_points_are_the_unprojected_depth(window, predict):
    submap = submap_from_prediction(window, predict())
    for depth, K, points in zip(submap.depth, submap.K, submap.points_in_cam, strict=True):
        np.testing.assert_allclose(points, unproject_depth(depth, K))


def test_points_of_the_point_head_come_into_the_cameras_frame_and_keep_their_confidence(
    window, predictor, predict
):
    predictor.focal_error = 2.0
    prediction = predict(Request(point_head=True))
    submap = submap_from_prediction(window, prediction)
    expected = np.stack(
        [unproject_depth(d, K) for d, K in zip(submap.depth, submap.K, strict=True)]
    )
    # The point head of the fixture has no focal error, so that only z is stretched.
    np.testing.assert_allclose(submap.points_in_cam[..., :2], expected[..., :2], atol=1e-4)
    np.testing.assert_allclose(submap.points_in_cam[..., 2], expected[..., 2] / 2, atol=1e-4)
    assert submap.points_confidence is prediction.points_conf


def test_depth_that_is_none_becomes_nan(window, predict):
    prediction = predict()
    prediction.depth[0, 0, :3] = (0.0, -1.0, np.inf)
    submap = submap_from_prediction(window, prediction)
    assert np.isnan(submap.depth[0, 0, :3]).all()
    assert np.isnan(submap.points_in_cam[0, 0, :3]).all()
    assert np.isfinite(submap.depth[1:]).all()


def test_there_is_no_depth_in_the_padding(window, predict):
    prediction = predict()
    parts = {name: getattr(prediction, name) for name in Prediction.__slots__}
    parts['grid'] = ImageGrid(
        image_width=80,
        image_height=40,
        model_width=40,
        model_height=30,
        scale_u=0.5,
        scale_v=0.5,
        offset_u=0,
        offset_v=5,
    )
    submap = submap_from_prediction(window, Prediction(**parts))
    has_depth = np.isfinite(submap.depth).all(axis=(0, 2))
    assert has_depth.tolist() == [False] * 5 + [True] * 20 + [False] * 5


def test_poses_a_little_off_a_rotation_are_put_right(window, predict):
    prediction = predict()
    prediction.cam_from_world[:, :3, :3] *= 1.001
    rotations = submap_from_prediction(window, prediction).ref_from_cam[:, :3, :3]
    products = rotations @ np.swapaxes(rotations, 1, 2)
    np.testing.assert_allclose(products, [np.eye(3)] * 3, atol=1e-12)


def test_moving_scales_depth_points_and_positions_together(window, predict):
    submap = submap_from_prediction(window, predict())
    moved = submap.moved(Sim3(3.0, np.eye(3), np.array([1.0, 0.0, 0.0])))
    np.testing.assert_allclose(moved.depth, 3 * submap.depth)
    np.testing.assert_allclose(moved.points_in_cam, 3 * submap.points_in_cam)
    positions = 3 * submap.ref_from_cam[:, :3, 3] + (1, 0, 0)
    np.testing.assert_allclose(moved.ref_from_cam[:, :3, 3], positions)


def test_frames_are_selected_by_id(window, predict):
    submap = submap_from_prediction(window, predict())
    selected = submap.select([2, 0])
    assert selected.frame_ids == (2, 0)
    np.testing.assert_array_equal(selected.depth, submap.depth[[2, 0]])
    with pytest.raises(ValueError, match='not in tuple'):
        submap.select([7])


def test_frames_without_depth_are_completed_by_what_was_known_before(window, predict):
    earlier = submap_from_prediction(window, predict())
    bare = submap_from_prediction(window, predict(Request(depth_frames=(1,))))
    ids = bare.frame_ids
    assert np.isnan(bare.depth[0]).all()
    complete = bare.completed_by(earlier.select([ids[2], ids[0]]))
    np.testing.assert_array_equal(complete.depth[0], earlier.depth[0])
    np.testing.assert_array_equal(complete.points_in_cam[2], earlier.points_in_cam[2])
    np.testing.assert_array_equal(complete.depth[1], bare.depth[1])
    np.testing.assert_array_equal(complete.ref_from_cam, bare.ref_from_cam)
    assert np.isnan(bare.depth[0]).all(), 'the submap itself stays as it was'


def test_frames_nobody_knows_stay_without_depth(window, predict):
    earlier = submap_from_prediction(window, predict())
    bare = submap_from_prediction(window, predict(Request(depth_frames=(1,))))
    complete = bare.completed_by(earlier.select(bare.frame_ids[:1]))
    assert np.isfinite(complete.depth[0]).any()
    assert np.isnan(complete.depth[2]).all()


@pytest.mark.parametrize('point_head', [False, True])
def test_where_an_image_shows_nothing_there_is_no_depth_and_no_point(
    predictor, make_frame, point_head
):
    frames = [make_frame(i) for i in range(3)]
    height, width = frames[1].image.shape[:2]
    is_seen = np.ones((height, width), dtype=bool)
    is_seen[:, : width // 4] = False
    frames[1] = replace(frames[1], is_seen=is_seen)
    prediction = predictor.predict(
        [frame.image for frame in frames], Request(point_head=point_head)
    )
    submap = submap_from_prediction(Window.of_frames(frames), prediction)
    column = width // 8  # the network's image is half as wide
    for array in (submap.depth[1], submap.points_in_cam[1, ..., 2]):
        assert np.isnan(array[:, : column - 1]).all()
        assert np.isfinite(array[:, column + 1 :]).all()
    assert np.isfinite(submap.depth[[0, 2]]).all()
