from dataclasses import replace

import numpy as np

from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.network_start import log_depth_ratios, start_from_network


def test_exact_depth_and_cameras_give_the_points(tracked):
    window = tracked(noise_px=0.0)
    found = start_from_network(window.estimate(window.tracks), window.tracks.uv, window.K)
    use = window.tracks.is_seen.any(axis=1)
    np.testing.assert_allclose(found.points[use], window.points[use], atol=1e-9)
    np.testing.assert_array_equal(found.window_from_cam, window.window_from_cam)


def test_one_camera_that_is_wrong_is_outvoted(tracked):
    window = tracked(noise_px=0.0)
    estimate = window.estimate(window.tracks)
    estimate.track_depth[:, 0] *= 5.0
    found = start_from_network(estimate, window.tracks.uv, window.K)
    often = window.tracks.is_seen.sum(axis=1) >= 3
    np.testing.assert_allclose(found.points[often], window.points[often], atol=1e-9)


def test_a_track_without_depth_has_no_point(tracked):
    window = tracked()
    estimate = window.estimate(window.tracks)
    estimate.track_depth[3] = np.nan
    found = start_from_network(estimate, window.tracks.uv, window.K)
    assert np.isnan(found.points[3]).all()
    assert np.isfinite(found.points[4]).all()


def test_a_window_without_tracks_has_cameras_and_no_points(tracked):
    window = tracked()
    few = window.tracks.select(np.zeros(0, int))
    estimate = replace(window.estimate(window.tracks), track_depth=np.zeros((0, 7)))
    found = start_from_network(estimate, few.uv, window.K)
    assert found.points.shape == (0, 3)


def test_ratios_tell_the_unit_of_a_geometry(tracked):
    window = tracked(noise_px=0.0)
    larger = window.window_from_cam.copy()
    larger[:, :3, 3] *= 3.0
    geometry = Geometry(window_from_cam=larger, K=window.K, points=3.0 * window.points)
    ratios = log_depth_ratios(window.estimate(window.tracks), geometry)
    np.testing.assert_allclose(ratios[window.tracks.is_seen], np.log(3.0))
    assert np.isnan(ratios[~window.tracks.is_seen]).all()


def test_a_point_behind_a_camera_has_no_ratio(tracked):
    window = tracked()
    geometry = Geometry(window_from_cam=window.window_from_cam, K=window.K, points=-window.points)
    assert np.isnan(log_depth_ratios(window.estimate(window.tracks), geometry)[:, 0]).all()
