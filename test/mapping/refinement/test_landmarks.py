from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.landmarks import (
    FrameLandmarks,
    Landmarks,
    landmarks_of,
    point_log_sigma,
)
from vggt_ros.mapping.refinement.refined_window import RefinedWindow, RefinementReport

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


@pytest.fixture
def refined(tracked):
    window = tracked(noise_px=0.0, num_points=100)
    return window, RefinedWindow(
        geometry=Geometry(
            window_from_cam=window.window_from_cam, K=window.K, points=window.points
        ),
        tracks=window.tracks,
        is_inlier=window.tracks.is_seen,
        is_verified=np.ones(7, bool),
        point_angle_rad=np.full(len(window.points), 0.1),
        report=REPORT,
    )


def counts(window):
    return window.tracks.is_seen.sum(axis=0).tolist()


def frame(depth, log_sigma):
    return FrameLandmarks(depth=np.array(depth), log_sigma=np.array(log_sigma))


def test_features_get_the_depth_of_their_points(refined):
    window, seen = refined
    found = landmarks_of(seen, range(10, 17), counts(window))
    assert set(found.of_frame) == set(range(10, 17))
    row = 2
    rows = window.tracks.is_seen[:, row]
    depth = found.of_frame[12].depth[window.tracks.feature[rows, row]]
    np.testing.assert_allclose(depth, window.depth[rows, row])


def test_frames_that_are_not_verified_have_none(refined):
    window, seen = refined
    seen = replace(seen, is_verified=np.arange(7) != 3)
    assert 13 not in landmarks_of(seen, range(10, 17), counts(window)).of_frame


def test_an_observation_that_does_not_fit_has_no_depth(refined):
    window, seen = refined
    is_inlier = seen.is_inlier.copy()
    is_inlier[::2] = False
    found = landmarks_of(replace(seen, is_inlier=is_inlier), range(7), counts(window))
    feature = window.tracks.feature[::2, 0]
    assert np.isnan(found.of_frame[0].depth[feature[feature >= 0]]).all()


def test_a_point_behind_its_camera_has_no_depth(refined):
    window, seen = refined
    behind = replace(seen.geometry, points=-window.points)
    found = landmarks_of(replace(seen, geometry=behind), range(7), counts(window))
    assert np.isnan(found.of_frame[0].depth).all()


def test_the_best_known_depth_of_a_track_is_its_prior(refined):
    window, _ = refined
    count = counts(window)
    landmarks = Landmarks(
        of_frame={
            20: frame([2.0] * count[0], [0.1] * count[0]),
            21: frame([3.0] * count[1], [0.05] * count[1]),
        }
    )
    prior = landmarks.prior([20, 21, 22, 23, 24, 25, 26], window.tracks)
    in_second = window.tracks.is_seen[prior.track, 1]
    np.testing.assert_array_equal(prior.row, np.where(in_second, 1, 0))
    np.testing.assert_array_equal(prior.depth, np.where(in_second, 3.0, 2.0))
    np.testing.assert_array_equal(prior.log_sigma, np.where(in_second, 0.05, 0.1))
    seen = window.tracks.is_seen[:, :2].any(axis=1)
    np.testing.assert_array_equal(prior.track, np.flatnonzero(seen))


def test_a_depth_that_is_not_known_is_no_prior_whatever_its_sigma(refined):
    window, _ = refined
    count = counts(window)[0]
    known = frame([np.nan] * count, [0.01] * count)
    assert Landmarks(of_frame={0: known}).prior(range(7), window.tracks) is None


def test_a_depth_that_is_known_badly_is_no_prior(refined):
    window, _ = refined
    count = counts(window)[0]
    known = frame([2.0] * count, [0.3] * count)
    assert Landmarks(of_frame={0: known}).prior(range(7), window.tracks) is None
    assert Landmarks(of_frame={}).prior(range(7), window.tracks) is None


def test_depths_follow_the_unit_of_the_map():
    found = Landmarks(of_frame={5: frame([2.0, np.nan], [0.1, np.inf])}).scaled(1.5)
    np.testing.assert_array_equal(found.of_frame[5].depth, [3.0, np.nan])
    np.testing.assert_array_equal(found.of_frame[5].log_sigma, [0.1, np.inf])


def test_depth_is_surer_with_parallax_up_to_a_limit():
    sigma = point_log_sigma(np.array([0.0, 0.01, 0.1, 10.0]), 500.0)
    assert (np.diff(sigma) < 0).all()
    assert np.isfinite(sigma).all()
    assert sigma[1] == pytest.approx(0.2)
    assert sigma[3] == pytest.approx(0.004)


def test_what_is_no_feature_leaves_no_depth(refined):
    window, seen = refined
    feature = window.tracks.feature.copy()
    feature[::2] = -1
    found = landmarks_of(
        replace(seen, tracks=replace(window.tracks, feature=feature)), range(7), counts(window)
    )
    others = window.tracks.feature[::2, 0]
    assert np.isnan(found.of_frame[0].depth[others[others >= 0]]).all()
    rows = feature[:, 0] >= 0
    np.testing.assert_allclose(
        found.of_frame[0].depth[feature[rows, 0]], window.depth[rows, 0], rtol=1e-9
    )
