from dataclasses import replace

import numpy as np
import pytest
import torch

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject_depth
from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.refined_window import RefinedWindow, RefinementReport
from vggt_ros.mapping.refinement.tracks import FeatureTracks
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.window_depth import (
    agreeing_depth,
    depth_at,
    kept_pixels,
    with_map_depth,
)
from vggt_ros.settings.config import CloudSettings
from vggt_ros.synthetic.simulated_predictor import NONE

INDICES = (0, 3, 6, 9)
REPORT = RefinementReport(
    method='adjusted',
    start='network',
    reason='',
    num_tracks=0,
    num_observations=0,
    median_px=0.1,
    median_angle_deg=5.0,
    focal_ratio=1.0,
    duration_s=0.1,
)


@pytest.fixture(scope='module')
def answer(hall):
    window = hall.window(*INDICES)
    prediction = hall.predict(window, NONE)
    return prediction, submap_from_prediction(window, prediction)


@pytest.fixture(scope='module')
def refined(hall, answer):
    """Exact points that all frames see, in the unit of the truth."""
    _, submap = answer
    rng = np.random.default_rng(0)
    course, first = hall.course, submap.ref_from_cam[0]
    uv = rng.uniform((20, 20), (299, 219), (400, 2))
    at = course.grid.model_from_image(uv)
    columns, rows = np.rint(at).astype(int).T
    depth = submap.depth[0, rows, columns].astype(float)
    rays = np.concatenate(
        [(uv - course.K_image[:2, 2]) / course.K_image[0, 0], np.ones((400, 1))], 1
    )
    points = se3.transform(first, rays * depth[:, None])
    pixels = np.full((400, 4, 2), np.nan)
    for i, pose in enumerate(submap.ref_from_cam):
        in_cam = se3.transform(se3.inverse(pose), points)
        seen = in_cam[:, :2] / in_cam[:, 2:] * course.K_image[0, 0] + course.K_image[:2, 2]
        inside = ((seen > 0) & (seen < (319, 239))).all(axis=1) & (in_cam[:, 2] > 0.1)
        pixels[inside, i] = seen[inside]
    is_seen = np.isfinite(pixels[..., 0])
    feature = np.where(is_seen, np.arange(400)[:, None], -1)
    return RefinedWindow(
        geometry=Geometry(
            window_from_cam=submap.ref_from_cam,
            K=np.repeat(course.K_image[None], 4, axis=0),
            points=points,
        ),
        tracks=FeatureTracks(feature=feature, uv=pixels, sigma_px=np.ones(400)),
        is_inlier=is_seen,
        is_verified=np.ones(4, bool),
        point_angle_rad=np.full(400, 0.1),
        report=REPORT,
    )


def agreeing(answer, submap, refined, in_map=None, *, sweeps=False):
    return agreeing_depth(
        submap, refined, answer[0], in_map, sweeps=sweeps, device=torch.device('cpu')
    )


def scaled(submap, factor):
    return replace(submap, depth=(factor * submap.depth).astype(np.float32))


def test_depth_comes_to_agree_with_the_points_and_points_with_the_depth(answer, refined):
    truth = answer[1]
    found = agreeing(answer, scaled(truth, 1.5), refined)
    ratio = np.median(found.depth[0] / truth.depth[0])
    assert ratio == pytest.approx(1.0, abs=0.02)
    for row in range(4):
        expected = unproject_depth(found.depth[row], found.K[row])
        np.testing.assert_allclose(found.points_in_cam[row], expected, rtol=1e-5)
    np.testing.assert_array_equal(found.points_confidence, found.confidence)


def test_cameras_are_the_refined_ones_on_the_pixels_of_the_network(hall, answer, refined):
    poses = refined.geometry.window_from_cam.copy()
    poses[:, 0, 3] += 1.0
    K = 1.1 * refined.geometry.K
    K[:, 2, 2] = 1.0
    moved = replace(refined, geometry=replace(refined.geometry, window_from_cam=poses, K=K))
    found = agreeing(answer, answer[1], moved)
    np.testing.assert_array_equal(found.ref_from_cam, poses)
    np.testing.assert_allclose(found.K, hall.course.grid.K_model_from_image(K))


def test_frames_that_the_map_has_keep_the_depth_it_has_of_them(answer, refined):
    truth = answer[1]
    in_map = scaled(truth.select([3, 0]), 1.2)
    found = agreeing(answer, scaled(truth, 1.5), refined, in_map)
    np.testing.assert_array_equal(found.depth[0], in_map.depth[1])
    np.testing.assert_array_equal(found.depth[1], in_map.depth[0])
    assert np.median(found.depth[2] / truth.depth[2]) == pytest.approx(1.0, abs=0.05)


def test_frames_that_are_not_verified_keep_the_network_s_depth(answer, refined):
    wrong = scaled(answer[1], 1.5)
    found = agreeing(answer, wrong, replace(refined, is_verified=np.arange(4) != 2))
    np.testing.assert_array_equal(found.depth[2], wrong.depth[2])
    assert np.abs(found.depth[1] - wrong.depth[1]).max() > 0.1


@pytest.mark.parametrize('sweeps', [False, True])
def test_what_the_network_said_is_not_overwritten(answer, refined, sweeps):
    wrong = scaled(answer[1], 1.5)
    before = wrong.depth.copy(), wrong.confidence.copy()
    agreeing(answer, wrong, refined, sweeps=sweeps)
    np.testing.assert_array_equal(wrong.depth, before[0])
    np.testing.assert_array_equal(wrong.confidence, before[1])


def test_points_without_parallax_correct_nothing(answer, refined):
    wrong = scaled(answer[1], 1.5)
    flat = replace(refined, point_angle_rad=np.full(400, np.radians(0.5)))
    np.testing.assert_array_equal(agreeing(answer, wrong, flat).depth, wrong.depth)


def test_images_are_compared_if_that_is_asked_for(answer, refined):
    truth = answer[1]
    found = agreeing(answer, scaled(truth, 1.5), refined, sweeps=True)
    error = np.median(np.abs(found.depth / truth.depth - 1))
    assert error < 0.05


def test_a_frame_without_dense_depth_stays_without(answer, refined):
    depth = answer[1].depth.copy()
    depth[1] = np.nan
    found = agreeing(answer, replace(answer[1], depth=depth), refined)
    assert np.isnan(found.depth[1]).all()
    assert np.isfinite(found.depth[2]).all()


def test_the_depth_of_the_map_counts_where_it_has_one(answer):
    truth = answer[1]
    in_map = scaled(truth.select([6, 3]), 2.0)
    in_map.depth[1] = np.nan
    found = with_map_depth(truth, in_map)
    np.testing.assert_array_equal(found[2], in_map.depth[0])
    np.testing.assert_array_equal(found[1], truth.depth[1])
    assert with_map_depth(truth, None) is truth.depth


def test_depth_of_another_size_is_not_mixed_in(answer):
    truth = answer[1]
    small = truth.select([0]).subsampled(20)
    assert with_map_depth(truth, small) is truth.depth


def test_depth_is_read_at_the_nearest_pixel_of_the_network(hall, answer):
    depth, grid = answer[1].depth.copy(), hall.course.grid
    depth[1, 10, 20] = 7.0
    depth[1, 11, 20] = np.nan
    depth[1, 12, 20] = 0.0
    at = np.array([[20.0, 10.0], [20.4, 9.6], [20.0, 11.0], [20.0, 12.0], [-3.0, 5.0]])
    uv = np.full((6, 4, 2), np.nan)
    uv[:5, 1] = grid.image_from_model(at)
    found = depth_at(depth, uv, grid)
    np.testing.assert_array_equal(found[:2, 1], 7.0)
    assert np.isnan(found[2:, 1]).all()
    assert np.isnan(found[:, 0]).all()


def test_only_rows_that_are_asked_for_keep_pixels(hall, answer):
    submap = answer[1]
    settings = CloudSettings(confidence_percentile=0.0, edge_rtol=0.0)
    keep = kept_pixels(submap, hall.course.grid, settings, [1, 3])
    assert keep[[1, 3]].all()
    assert not keep[[0, 2]].any()


def test_pixels_below_the_percentile_and_on_edges_are_not_kept(hall, answer):
    submap, grid = answer[1], hall.course.grid
    by_rank = kept_pixels(
        submap, grid, CloudSettings(confidence_percentile=50.0, edge_rtol=0.0), range(4)
    )
    assert by_rank.mean() == pytest.approx(0.5, abs=0.05)
    limit = np.median(submap.confidence)
    assert submap.confidence[by_rank].min() >= 0.99 * limit
    no_edges = kept_pixels(
        submap, grid, CloudSettings(confidence_percentile=0.0, edge_rtol=0.1), range(4)
    )
    step = np.abs(np.diff(submap.depth, axis=2)) > 0.1 * np.minimum(
        submap.depth[..., 1:], submap.depth[..., :-1]
    )
    assert step.any()
    assert not no_edges[..., 1:][step].any()
    assert not no_edges[..., :-1][step].any()


def test_a_pixel_without_depth_is_not_kept(hall, answer):
    depth = answer[1].depth.copy()
    depth[0, 5, 5] = np.nan
    submap = replace(answer[1], depth=depth)
    settings = CloudSettings(confidence_percentile=0.0, edge_rtol=0.0)
    assert not kept_pixels(submap, hall.course.grid, settings, [0])[0, 5, 5]
