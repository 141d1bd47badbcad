from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.track_score import num_cells, score_tracks

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
    found = score_tracks(geometry_of(exact), exact.tracks)
    assert found.total == pytest.approx(exact.tracks.is_seen.sum())
    np.testing.assert_array_equal(found.is_inlier, exact.tracks.is_seen)
    assert found.median_px == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ('shift_px', 'share'), [(1.0, 0.75), (3.0, 0.25), (4.0, 0.0), (400.0, 0.0)]
)
def test_an_observation_counts_less_up_to_four_pixels_and_no_less_beyond(exact, shift_px, share):
    found = score_tracks(geometry_of(exact), shifted(exact, shift_px))
    in_first = exact.tracks.is_seen[:, 0].sum()
    expected = exact.tracks.is_seen.sum() - (1.0 - share) * in_first
    assert found.total == pytest.approx(expected)


def test_an_observation_is_an_inlier_within_two_pixels(exact):
    near, far = (
        score_tracks(geometry_of(exact), shifted(exact, shift_px)).num_inliers[0]
        for shift_px in (1.9, 2.1)
    )
    assert near == exact.tracks.is_seen[:, 0].sum()
    assert far == 0


def test_what_a_single_camera_sees_confirms_nothing(exact):
    uv = exact.tracks.uv.copy()
    uv[:, 1:] += 50.0
    found = score_tracks(geometry_of(exact), replace(exact.tracks, uv=uv))
    assert not found.is_inlier.any()
    assert np.isnan(found.median_px)


def test_a_camera_without_a_place_is_left_out(exact):
    poses = exact.window_from_cam.copy()
    poses[2] = np.nan
    found = score_tracks(replace(geometry_of(exact), window_from_cam=poses), exact.tracks)
    assert np.isnan(found.error_px[:, 2]).all()
    assert found.num_inliers[2] == 0
    assert found.num_inliers[1] > 50


def test_a_point_that_is_not_known_counts_for_nothing(exact):
    points = exact.points.copy()
    points[::2] = np.nan
    found = score_tracks(replace(geometry_of(exact), points=points), exact.tracks)
    assert found.total == pytest.approx(exact.tracks.is_seen[1::2].sum())


def test_parts_of_the_image_are_counted_once():
    uv = np.array([[0.0, 0.0], [50.0, 60.0], [639.0, 479.0], [639.4, 479.4]])
    assert num_cells(uv, (640, 480)) == 2
    assert num_cells(uv[:0], (640, 480)) == 0


def test_a_coarse_track_may_be_farther_off(exact):
    moved = shifted(exact, 5.0)
    coarse = replace(moved, sigma_px=np.full(len(moved), 4.0))
    assert score_tracks(geometry_of(exact), moved).num_inliers[0] == 0
    found = score_tracks(geometry_of(exact), coarse)
    np.testing.assert_array_equal(found.is_inlier, moved.is_seen)
    np.testing.assert_allclose(found.error_px[moved.is_seen[:, 0], 0], 1.25)
