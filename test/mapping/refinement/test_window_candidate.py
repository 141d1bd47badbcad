from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement import window_candidate
from vggt_ros.mapping.refinement.bundle_adjustment import DepthPrior, Geometry, PosePrior, Problem
from vggt_ros.mapping.refinement.network_start import log_depth_ratios, start_from_network
from vggt_ros.mapping.refinement.track_score import score_tracks
from vggt_ros.mapping.refinement.window_candidate import (
    AdjustmentPriors,
    Candidate,
    explains_more,
    held_distance,
    in_unit_of_network,
    MIN_INLIERS,
    of_tracks,
    point_angles,
    solve,
    verified,
)


def prior_of(window, row):
    return PosePrior(
        row=row,
        window_from_cam=window.window_from_cam[row],
        rotation_sigma_rad=1e-4,
        translation_sigma=1e-4,
    )


def truth_of(window, seen):
    return Geometry(
        window_from_cam=window.window_from_cam,
        K=seen.K,
        points=window.points[window.point_of(seen.tracks)],
    )


def candidate_of(geometry, seen):
    score = score_tracks(geometry, seen.tracks)
    return Candidate(name='network', geometry=geometry, score=score)


def test_a_start_becomes_a_solution_in_the_unit_of_the_network(tracked, pose_error):
    window = tracked()
    seen = window.seen()
    estimate = window.estimate(seen.tracks, turn_deg=1.0, shift=0.03, bend=0.02, unit=2.5)
    start = start_from_network(estimate, seen.tracks.uv, seen.K)
    found = solve('network', start, seen, estimate, AdjustmentPriors(), is_near=False)
    assert pose_error(window, found.geometry.window_from_cam)[0] < 0.05
    ratios = log_depth_ratios(estimate, found.geometry)
    assert np.nanmedian(ratios) == pytest.approx(0.0, abs=0.01)
    assert found.score.is_inlier.mean() > 0.5
    assert found.name == 'network'


def test_a_start_of_one_camera_is_none(tracked):
    window = tracked()
    seen = window.seen()
    estimate = window.estimate(seen.tracks)
    estimate.window_from_cam[1:] = np.nan
    start = start_from_network(estimate, seen.tracks.uv, seen.K)
    assert solve('network', start, seen, estimate, AdjustmentPriors(), is_near=True) is None


def test_the_unit_of_the_network_is_kept_about_a_known_camera(tracked):
    window = tracked()
    seen = window.seen()
    truth = truth_of(window, seen)
    place = se3.rigid(np.eye(3), np.array([9.0, 8, 7]))
    other = replace(
        truth,
        window_from_cam=place @ truth.window_from_cam,
        points=se3.transform(place, truth.points),
    )
    other.window_from_cam[:, :3, 3] *= 4.0
    other = replace(other, points=4.0 * other.points)
    estimate = window.estimate(seen.tracks)
    found = in_unit_of_network(other, estimate, {3: window.window_from_cam[3]})
    np.testing.assert_allclose(found.window_from_cam, window.window_from_cam, atol=1e-9)
    np.testing.assert_allclose(found.points, truth.points, atol=1e-9)


def test_cameras_without_a_place_stay_without_one(tracked):
    window = tracked()
    seen = window.seen()
    truth = truth_of(window, seen)
    poses = truth.window_from_cam.copy()
    poses[[0, 4]] = np.nan
    placed = replace(truth, window_from_cam=poses)
    found = in_unit_of_network(placed, window.estimate(seen.tracks), {})
    assert np.isnan(found.window_from_cam[[0, 4], :3]).all()
    np.testing.assert_allclose(found.window_from_cam[1], window.window_from_cam[1], atol=1e-9)


def test_the_cameras_farthest_apart_hold_the_distance_unless_two_are_known(tracked):
    window = tracked()
    truth = truth_of(window, window.seen())
    assert held_distance(truth, AdjustmentPriors()) == (0, 6)
    assert held_distance(truth, AdjustmentPriors(poses=[prior_of(window, 2)])) == (0, 6)
    known = AdjustmentPriors(poses=[prior_of(window, 0), prior_of(window, 1)])
    assert held_distance(truth, known) is None


def test_cameras_in_one_place_hold_no_distance(tracked):
    window = tracked(motion='turning')
    assert held_distance(truth_of(window, window.seen()), AdjustmentPriors()) is None


def test_some_of_the_tracks_have_their_own_depth(tracked):
    window = tracked(num_points=50)
    prior = DepthPrior(
        track=np.array([1, 5, 9]),
        row=np.array([0, 1, 2]),
        depth=np.array([1.0, 5.0, 9.0]),
        log_sigma=np.array([0.1, 0.5, 0.9]),
    )
    problem = Problem(uv=window.tracks.uv, poses=(), depth=prior)
    part = of_tracks(problem, np.array([9, 2, 1]))
    np.testing.assert_array_equal(part.depth.track, [2, 0])
    np.testing.assert_array_equal(part.depth.depth, [1.0, 9.0])
    np.testing.assert_array_equal(part.depth.row, [0, 2])
    np.testing.assert_array_equal(part.uv, window.tracks.uv[[9, 2, 1]])


def test_the_truth_verifies_all_cameras(tracked):
    window = tracked()
    seen = window.seen()
    assert verified(candidate_of(truth_of(window, seen), seen), seen).all()


def test_a_camera_that_is_wrong_is_not_verified(tracked):
    window = tracked()
    seen = window.seen()
    truth = truth_of(window, seen)
    truth.window_from_cam[4, :3, 3] += 0.3
    found = verified(candidate_of(truth, seen), seen)
    np.testing.assert_array_equal(found, np.arange(7) != 4)


def test_a_camera_with_few_inliers_is_not_verified(tracked):
    window = tracked()
    window.tracks.feature[20:, 4], window.tracks.uv[20:, 4] = -1, np.nan
    seen = replace(window.seen(), tracks=window.tracks)
    truth = Geometry(window_from_cam=window.window_from_cam, K=window.K, points=window.points)
    np.testing.assert_array_equal(verified(candidate_of(truth, seen), seen), np.arange(7) != 4)


def test_inliers_in_one_corner_verify_nothing(tracked):
    window = tracked(num_points=2000)
    in_corner = (window.tracks.uv[:, 4] < 100).all(axis=1)
    gone = ~in_corner
    window.tracks.feature[gone, 4], window.tracks.uv[gone, 4] = -1, np.nan
    assert in_corner.sum() > 30
    seen = replace(tracked().seen(), tracks=window.tracks)
    truth = Geometry(window_from_cam=window.window_from_cam, K=window.K, points=window.points)
    np.testing.assert_array_equal(verified(candidate_of(truth, seen), seen), np.arange(7) != 4)


def test_inliers_that_are_the_smaller_part_verify_nothing(tracked):
    window = tracked()
    seen = window.seen()
    rows = np.flatnonzero(seen.tracks.is_seen[:, 4])
    uv = seen.tracks.uv.copy()
    uv[rows[: int(0.7 * len(rows))], 4] += 40.0
    seen = replace(seen, tracks=replace(seen.tracks, uv=uv))
    found = verified(candidate_of(truth_of(window, seen), seen), seen)
    np.testing.assert_array_equal(found, np.arange(7) != 4)


def test_points_that_only_an_unconfirmed_camera_sees_too_confirm_nothing(tracked):
    window = tracked()
    feature, uv = window.tracks.feature.copy(), window.tracks.uv.copy()
    # Camera 6 shares its points with camera 5 alone, and that one is where it is not.
    feature[:, 6], uv[:, 6] = -1, np.nan
    rows = np.arange(60)
    for camera in (5, 6):
        feature[rows, camera] = rows
        uv[rows, camera] = window.tracks.uv[rows, camera]
    feature[:60, :5], uv[:60, :5] = -1, np.nan
    uv[60:, 5] += 60.0
    seen = replace(window.seen(), tracks=replace(window.tracks, feature=feature, uv=uv))
    truth = Geometry(window_from_cam=window.window_from_cam, K=window.K, points=window.points)
    candidate = candidate_of(truth, seen)
    assert candidate.score.num_inliers[6] > MIN_INLIERS
    np.testing.assert_array_equal(verified(candidate, seen), np.arange(7) < 5)


def test_of_groups_that_share_no_points_the_largest_is_confirmed(tracked):
    window = tracked()
    feature, uv = window.tracks.feature.copy(), window.tracks.uv.copy()
    feature[::2, 4:], uv[::2, 4:] = -1, np.nan
    feature[1::2, :4], uv[1::2, :4] = -1, np.nan
    seen = replace(window.seen(), tracks=replace(window.tracks, feature=feature, uv=uv))
    truth = Geometry(window_from_cam=window.window_from_cam, K=window.K, points=window.points)
    candidate = candidate_of(truth, seen)
    assert candidate.score.num_inliers.min() > MIN_INLIERS
    np.testing.assert_array_equal(verified(candidate, seen), np.arange(7) < 4)


def test_only_rays_that_fit_have_an_angle(tracked):
    window = tracked()
    seen = window.seen()
    truth = truth_of(window, seen)
    is_inlier = seen.tracks.is_seen.copy()
    is_inlier[0] = False
    is_inlier[1] = False
    is_inlier[1, np.argmax(seen.tracks.is_seen[1])] = True
    angle_rad = point_angles(truth, seen, is_inlier)
    np.testing.assert_allclose(angle_rad[:2], 0.0, atol=1e-7)
    assert np.degrees(np.median(angle_rad[2:])) > 5.0


@pytest.mark.parametrize(
    ('options', 'count'),
    [
        ({'is_near': False}, 3),
        ({'is_near': True}, 2),
        ({'is_near': True, 'is_adjusted': True}, 1),
    ],
)
def test_a_nearer_start_needs_fewer_stages(tracked, monkeypatch, options, count):
    stages = []

    def adjust(start, problem, of):
        stages.extend(of)
        return start

    monkeypatch.setattr(window_candidate, 'adjust_in_stages', adjust)
    window = tracked(num_points=50)
    seen = window.seen()
    solve('network', truth_of(window, seen), seen, None, AdjustmentPriors(), **options)
    assert len(stages) == count
    assert stages[-1].max_error_px == 4.0


def test_what_fits_to_the_noise_explains_more_than_what_fits_roughly_everywhere(tracked):
    window = tracked(noise_px=0.1)
    seen = window.seen()
    exact = candidate_of(truth_of(window, seen), seen)
    error_px = exact.score.error_px.copy()
    error_px[::4] = 30.0  # a quarter of the tracks does not fit at all
    few = replace(exact, score=replace(exact.score, error_px=error_px))
    rough = replace(exact, score=replace(exact.score, error_px=exact.score.error_px + 1.0))
    assert explains_more(few, rough)
    assert not explains_more(rough, few)
    assert explains_more(exact, few)
