from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.mapping.refinement.bundle_adjustment import Geometry, Problem
from vggt_ros.mapping.refinement.coarse_to_fine import (
    adjust_in_stages,
    FROM_FAR,
    FROM_NEAR,
    with_better_points,
)
from vggt_ros.mapping.refinement.network_start import start_from_network


def far_start(window, turn_deg=3.0, shift=0.03):
    estimate = window.estimate(window.tracks, turn_deg=turn_deg, shift=shift, bend=0.1)
    return start_from_network(estimate, window.tracks.uv, window.K)


def problem_of(window):
    return Problem(uv=window.tracks.uv, poses=(), distance=(0, 6))


def exact_of(window):
    return Geometry(window_from_cam=window.window_from_cam, K=window.K, points=window.points)


@pytest.mark.parametrize('outliers', [0.0, 0.2])
def test_a_start_that_is_far_off_is_brought_home(tracked, pose_error, outliers):
    window = tracked(num_points=400, outliers=outliers)
    start = far_start(window)
    assert pose_error(window, start.window_from_cam)[0] > 2.0
    found = adjust_in_stages(start, problem_of(window), FROM_FAR)
    assert pose_error(window, found.window_from_cam)[0] < 0.08


def test_cameras_without_a_place_stay_so_and_the_others_do_not_need_them(tracked, pose_error):
    window = tracked(num_points=400)
    start = far_start(window, turn_deg=0.5)
    start.window_from_cam[3] = np.nan
    found = adjust_in_stages(start, problem_of(window), FROM_NEAR)
    assert np.isnan(found.window_from_cam[3, :3]).all()
    assert pose_error(window, found.window_from_cam, np.arange(7) != 3)[0] < 0.06


def test_points_are_made_anew_from_better_cameras(tracked):
    window = tracked(noise_px=0.0)
    wrong = replace(exact_of(window), points=1.3 * window.points)
    found, error_px = with_better_points(wrong, window.tracks.uv)
    use = window.tracks.is_seen.any(axis=1)
    np.testing.assert_allclose(found.points[use], window.points[use], atol=1e-6)
    assert error_px[window.tracks.is_seen].max() < 1e-6


def test_a_point_that_fits_better_is_kept(tracked):
    window = tracked(noise_px=0.0)
    uv = window.tracks.uv.copy()
    # One camera saw it elsewhere: the mean of all rays fits worse than the point that was there.
    uv[:, 0] += 300.0
    found, _ = with_better_points(exact_of(window), uv)
    often = window.tracks.is_seen.sum(axis=1) >= 5
    is_seen = window.tracks.is_seen[:, 0] & often
    np.testing.assert_allclose(found.points[is_seen], window.points[is_seen], atol=1e-9)


def test_rays_that_are_nearly_parallel_do_not_replace_a_depth(tracked):
    window = tracked(motion='turning')
    points = exact_of(window)
    found, _ = with_better_points(points, window.tracks.uv)
    np.testing.assert_array_equal(found.points, window.points)
    unknown = replace(points, points=np.full_like(window.points, np.nan))
    again, _ = with_better_points(unknown, window.tracks.uv)
    assert np.isfinite(again.points).any()


def test_tracks_that_no_placed_camera_sees_get_no_point(tracked):
    window = tracked(num_points=50)
    poses = window.window_from_cam.copy()
    poses[1:] = np.nan
    unknown = Geometry(
        window_from_cam=poses, K=window.K, points=np.full_like(window.points, np.nan)
    )
    found, error_px = with_better_points(unknown, window.tracks.uv)
    assert np.isnan(found.points).all()
    assert not np.isfinite(error_px).any()


def test_a_coarse_track_takes_part_from_farther_off(tracked):
    window = tracked(noise_px=0.0, num_points=200)
    uv = window.tracks.uv + np.array([8.0, 0.0]) * (np.arange(7) == 3)[:, None]
    _, error_px = with_better_points(exact_of(window), uv)
    _, in_sigmas = with_better_points(exact_of(window), uv, np.full(len(uv), 4.0))
    is_seen = window.tracks.is_seen
    np.testing.assert_allclose(in_sigmas[is_seen], error_px[is_seen] / 4.0, atol=1e-6)
