from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.track_score import score_tracks
from vggt_ros.mapping.refinement.tracks import FeatureTracks

SIZE = (640, 480)


@pytest.fixture(scope='module')
def exact(tracked):
    return tracked(noise_px=0.0, num_points=200)


def geometry_of(window):
    return Geometry(window_from_cam=window.window_from_cam, K=window.K, points=window.points)


def shifted(window, shift_px, image=0):
    uv = window.tracks.uv.copy()
    uv[:, image, 0] += shift_px
    return replace(window.tracks, uv=uv)


def test_the_truth_scores_one_per_observation(exact):
    found = score_tracks(geometry_of(exact), exact.tracks, SIZE)
    assert found.total == pytest.approx(exact.tracks.is_seen.sum())
    np.testing.assert_array_equal(found.is_inlier, exact.tracks.is_seen)
    assert found.median_px == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ('shift_px', 'share'), [(1.0, 0.75), (3.0, 0.25), (4.0, 0.0), (400.0, 0.0)]
)
def test_an_observation_counts_less_up_to_four_pixels_and_no_less_beyond(exact, shift_px, share):
    found = score_tracks(geometry_of(exact), shifted(exact, shift_px), SIZE)
    in_first = exact.tracks.is_seen[:, 0].sum()
    expected = exact.tracks.is_seen.sum() - (1.0 - share) * in_first
    assert found.total == pytest.approx(expected)


def test_an_observation_is_an_inlier_within_two_pixels(exact):
    near, far = (
        score_tracks(geometry_of(exact), shifted(exact, shift_px), SIZE).num_inliers[0]
        for shift_px in (1.9, 2.1)
    )
    assert near == exact.tracks.is_seen[:, 0].sum()
    assert far == 0


def test_what_a_single_camera_sees_confirms_nothing(exact):
    uv = exact.tracks.uv.copy()
    uv[:, 1:] += 50.0
    found = score_tracks(geometry_of(exact), replace(exact.tracks, uv=uv), SIZE)
    assert not found.is_inlier.any()
    assert np.isnan(found.median_px)
    assert not found.num_cells.any()


def test_a_camera_without_a_place_is_left_out(exact):
    poses = exact.window_from_cam.copy()
    poses[2] = np.nan
    found = score_tracks(replace(geometry_of(exact), window_from_cam=poses), exact.tracks, SIZE)
    assert np.isnan(found.error_px[:, 2]).all()
    assert found.num_inliers[2] == 0
    assert found.num_inliers[1] > 50


def test_a_point_that_is_not_known_counts_for_nothing(exact):
    points = exact.points.copy()
    points[::2] = np.nan
    found = score_tracks(replace(geometry_of(exact), points=points), exact.tracks, SIZE)
    assert found.total == pytest.approx(exact.tracks.is_seen[1::2].sum())


def test_cells_tell_how_far_inliers_spread():
    uv = np.array([[5.0, 5.0], [6.0, 7.0], [630.0, 470.0]])
    tracks = FeatureTracks(
        feature=np.tile(np.arange(3)[:, None], (1, 2)), uv=np.repeat(uv[:, None], 2, axis=1)
    )
    K = np.repeat(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])[None], 2, axis=0)
    points = np.concatenate([(uv - (320, 240)) / 500, np.ones((3, 1))], axis=1)
    poses = np.repeat(np.eye(4)[None], 2, axis=0)
    found = score_tracks(Geometry(window_from_cam=poses, K=K, points=points), tracks, SIZE)
    np.testing.assert_array_equal(found.num_cells, [2, 2])
