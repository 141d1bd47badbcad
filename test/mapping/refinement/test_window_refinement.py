from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement import turning_window, window_refinement
from vggt_ros.mapping.refinement.bundle_adjustment import DepthPrior, PosePrior
from vggt_ros.mapping.refinement.relative_pose import RelativePose
from vggt_ros.mapping.refinement.window_candidate import AdjustmentPriors
from vggt_ros.mapping.refinement.window_refinement import refine_window

# As far off as networks are in hard windows.
ROUGH = {'turn_deg': 2.0, 'shift': 0.05, 'bend': 0.1, 'unit': 2.0}
NOTHING = AdjustmentPriors()


def refined(window, errors=ROUGH, priors=NOTHING, *, is_calibrated=True):
    seen = window.seen(is_calibrated=is_calibrated)
    return refine_window(seen, window.estimate(seen.tracks, **errors), priors)


def priors_of(window, rows, seen=None, log_sigma=0.01):
    poses = [
        PosePrior(
            row=row,
            window_from_cam=window.window_from_cam[row],
            rotation_sigma_rad=2e-4,
            translation_sigma=2e-3,
        )
        for row in rows
    ]
    if seen is None:
        return AdjustmentPriors(poses=poses)
    track = np.flatnonzero(seen.tracks.is_seen[:, 0])
    depth = DepthPrior(
        track=track,
        row=np.zeros(len(track), int),
        depth=window.depth[window.point_of(seen.tracks)[track], 0],
        log_sigma=np.full(len(track), log_sigma),
    )
    return AdjustmentPriors(poses=poses, depth=depth)


@pytest.mark.parametrize(
    'plan',
    [
        {},
        {'outliers': 0.2},
        {'motion': 'forward'},
        {'repeated': 0.3},
        {'num_points': 1500},
    ],
    ids=str,
)
def test_a_rough_estimate_becomes_an_exact_one(tracked, pose_error, plan):
    window = tracked(**plan)
    found = refined(window)
    turn_deg, shift = pose_error(window, found.geometry.window_from_cam)
    assert found.is_verified.all()
    assert found.report.method == 'adjusted'
    assert found.report.reason == ''
    assert turn_deg < 0.06
    assert shift < 0.002
    assert found.report.median_px < 0.5
    assert found.report.num_observations == found.is_inlier.sum()


def test_a_wall_is_no_obstacle(tracked, pose_error):
    window = tracked(is_plane=True)
    found = refined(window)
    assert found.is_verified.all()
    assert pose_error(window, found.geometry.window_from_cam)[0] < 0.15


def test_a_good_estimate_needs_no_second_start(tracked, monkeypatch):
    monkeypatch.setattr(
        window_refinement, 'start_from_tracks', lambda *_: pytest.fail('a second start')
    )
    found = refined(tracked(), {'turn_deg': 0.1, 'shift': 0.002, 'bend': 0.01})
    assert found.report.start == 'network'
    assert found.is_verified.all()


def test_a_window_has_the_unit_of_the_network(tracked):
    window = tracked()
    found = refined(window, {'turn_deg': 1.0, 'shift': 0.02, 'bend': 0.02, 'unit': 4.0})
    length = np.linalg.norm(
        found.geometry.window_from_cam[6, :3, 3] - found.geometry.window_from_cam[0, :3, 3]
    )
    true_length = np.linalg.norm(window.window_from_cam[6, :3, 3])
    assert 4.0 * length == pytest.approx(true_length, rel=0.03)


def mirrored(estimate):
    """The same depth with cameras that went the other way."""
    poses = estimate.window_from_cam.copy()
    first_from = se3.inverse(poses[0]) @ poses
    first_from[:, :3, 3] *= -1.0
    return replace(estimate, window_from_cam=poses[0] @ first_from)


def wrong(estimate):
    """Cameras anywhere."""
    poses = estimate.window_from_cam.copy()
    poses[:, :3, 3] += np.random.default_rng(0).normal(size=(7, 3))
    return replace(estimate, window_from_cam=poses)


@pytest.mark.parametrize('spoil', [mirrored, wrong])
def test_a_wrong_network_loses_against_the_tracks(tracked, pose_error, spoil):
    window = tracked()
    seen = window.seen()
    found = refine_window(seen, spoil(window.estimate(seen.tracks)), NOTHING)
    assert found.report.start == 'tracks'
    assert found.is_verified.all()
    assert pose_error(window, found.geometry.window_from_cam)[0] < 0.06


def test_without_time_no_second_start_is_tried(tracked, monkeypatch):
    calls = []
    original = window_refinement.solve

    def solve(name, *arguments, **options):
        calls.append(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(window_refinement, 'solve', solve)
    window = tracked(outliers=0.4)
    seen = window.seen(is_calibrated=False)
    estimate = window.estimate(seen.tracks, **ROUGH)
    refine_window(seen, estimate, NOTHING, budget_s=0.0)
    assert len(calls) == 1
    calls.clear()
    refine_window(seen, wrong(estimate), NOTHING)
    assert len(calls) > 1


def test_if_no_start_fits_nothing_is_verified_and_the_reason_is_said(tracked):
    window = tracked()
    seen = window.seen()
    rng = np.random.default_rng(0)
    uv = np.where(np.isnan(seen.tracks.uv), np.nan, rng.random(seen.tracks.uv.shape) * (640, 480))
    seen = replace(seen, tracks=replace(seen.tracks, uv=uv))
    estimate = window.estimate(tracked().seen().tracks, **ROUGH)
    found = refine_window(seen, estimate, NOTHING)
    assert not found.is_verified.any()
    assert found.report.method == 'none'
    assert found.report.start == ''
    assert found.report.reason in (
        'too few tracks fit one motion',
        'no parallax, and too few tracks fit one rotation',
    )
    np.testing.assert_array_equal(found.geometry.window_from_cam, estimate.window_from_cam)
    assert np.isnan(found.geometry.points).all()


def test_a_window_without_tracks_is_not_refined(tracked):
    window = tracked(num_points=12)  # too few for any pair
    found = refined(window)
    assert found.report.method == 'none'
    assert found.report.reason == 'too few tracks join its images'
    assert found.report.num_tracks == 0
    assert not found.is_verified.any()
    assert found.report.duration_s > 0


@pytest.mark.parametrize('strangers', [(6,), (2, 5), (0,)])
def test_frames_of_another_scene_are_not_verified_and_the_others_are(
    tracked, pose_error, strangers
):
    window = tracked(strangers=strangers)
    seen = window.seen()
    estimate = window.estimate(seen.tracks, **ROUGH)
    found = refine_window(seen, estimate, NOTHING)
    expected = ~np.isin(np.arange(7), strangers)
    np.testing.assert_array_equal(found.is_verified, expected)
    assert found.report.reason == f'{len(strangers)} images are not confirmed by tracks'
    assert pose_error(window, found.geometry.window_from_cam, expected)[0] < 0.06
    rows = list(strangers)
    np.testing.assert_array_equal(
        found.geometry.window_from_cam[rows], estimate.window_from_cam[rows]
    )
    assert not found.is_inlier[:, rows].any()


@pytest.mark.parametrize('seed', range(4))
def test_a_camera_that_only_turns_does_not_move(tracked, pose_error, seed):
    window = tracked(motion='turning', seed=seed)
    found = refined(window, {'turn_deg': 2.0, 'shift': 0.1, 'bend': 0.1})
    assert found.report.method == 'rotation'
    assert found.is_verified.all()
    assert pose_error(window, found.geometry.window_from_cam, unit=1.0)[0] < 0.06
    positions = found.geometry.window_from_cam[:, :3, 3]
    np.testing.assert_allclose(positions, positions[:1].repeat(7, axis=0), atol=1e-12)


@pytest.mark.parametrize('motion', ['turning', 'sideways'])
def test_a_camera_alone_turns_against_nothing(tracked, monkeypatch, motion):
    original = turning_window._best_turns

    def only_the_first(*arguments):
        """The first camera agrees with each of the others somewhere, those with it hardly."""
        turns = original(*arguments)
        error_px = turns.error_px.copy()
        tracks, cameras = np.indices(error_px.shape)
        error_px[(cameras > 0) & (cameras != 1 + tracks % (error_px.shape[1] - 1))] = 1e3
        return replace(turns, error_px=error_px)

    monkeypatch.setattr(turning_window, '_best_turns', only_the_first)
    found = refined(tracked(motion=motion))
    assert found.report.method == ('none' if motion == 'turning' else 'adjusted')
    assert found.is_verified.sum() != 1


def test_a_little_parallax_is_not_taken_for_turning(tracked, pose_error):
    window = tracked()
    near = window.window_from_cam.copy()
    near[:, :3, 3] *= 0.3  # 2 to 7 degrees become 0.7 to 2
    plan = replace(window.plan, seed=5)
    assert plan.motion == 'sideways'
    in_cam = np.stack([se3.transform(pose, window.points) for pose in se3.inverse(near)], axis=1)
    uv = in_cam[..., :2] / in_cam[..., 2:] * window.K[0, 0, 0] + window.K[0, :2, 2]
    uv += 0.3 * np.random.default_rng(0).normal(size=uv.shape)
    tracks = replace(window.tracks, uv=np.where(window.tracks.is_seen[..., None], uv, np.nan))
    moved = replace(window, window_from_cam=near, tracks=tracks, depth=in_cam[..., 2])
    found = refined(moved, {'turn_deg': 1.0, 'shift': 0.02, 'bend': 0.05})
    assert found.report.method == 'adjusted'
    turn_deg, shift = pose_error(moved, found.geometry.window_from_cam)
    assert turn_deg < 0.06
    assert shift < 0.002


def test_landmarks_hold_the_scale_of_a_window_without_parallax(tracked):
    window = tracked()
    far = window.window_from_cam.copy()
    far[:, :3, 3] *= 0.02  # 0.1 degrees
    in_cam = np.stack([se3.transform(pose, window.points) for pose in se3.inverse(far)], axis=1)
    uv = in_cam[..., :2] / in_cam[..., 2:] * window.K[0, 0, 0] + window.K[0, :2, 2]
    tracks = replace(window.tracks, uv=np.where(window.tracks.is_seen[..., None], uv, np.nan))
    moved = replace(window, window_from_cam=far, tracks=tracks, depth=in_cam[..., 2])
    seen = moved.seen()
    estimate = moved.estimate(seen.tracks, turn_deg=1.0, shift=0.02, bend=0.05)
    found = refine_window(seen, estimate, priors_of(moved, (0,), seen))
    assert found.report.method == 'adjusted'
    length = np.linalg.norm(found.geometry.window_from_cam[6, :3, 3])
    assert length == pytest.approx(np.linalg.norm(far[6, :3, 3]), rel=0.1)
    without = refine_window(seen, estimate, priors_of(moved, (0,)))
    assert without.report.method == 'rotation'


def test_cameras_of_the_map_stay_and_hold_the_scale_whatever_the_network_says(tracked, pose_error):
    window = tracked()
    seen = window.seen()
    estimate = window.estimate(seen.tracks, **(ROUGH | {'unit': 1.4}))
    found = refine_window(seen, estimate, priors_of(window, (0, 1, 2), seen))
    poses = found.geometry.window_from_cam
    np.testing.assert_allclose(poses[:3], window.window_from_cam[:3], atol=5e-3)
    turn_deg, shift = pose_error(window, poses, unit=1.0)
    assert turn_deg < 0.06
    assert shift < 0.004


@pytest.mark.parametrize('factor', [0.92, 1.08])
def test_a_focal_length_that_is_only_predicted_is_corrected(tracked, factor):
    window = tracked(focal_factor=factor)
    found = refined(window, {'turn_deg': 1.0, 'shift': 0.02, 'bend': 0.05}, is_calibrated=False)
    ratio = found.geometry.K[:, 0, 0] / window.K[:, 0, 0]
    np.testing.assert_allclose(ratio, 1.0, atol=0.02)
    assert found.report.focal_ratio == pytest.approx(1.0 / factor, rel=0.02)


@pytest.mark.parametrize('factor', [1.0, 1.05])
def test_a_calibrated_focal_length_stays(tracked, factor):
    window = tracked(focal_factor=factor)
    found = refined(window)
    np.testing.assert_array_equal(found.geometry.K[:, 0, 0], factor * window.K[:, 0, 0])
    assert found.report.focal_ratio == 1.0


@pytest.mark.parametrize('motion', ['sideways', 'forward'])
def test_a_calibration_that_is_wrong_shows_in_what_is_left(tracked, motion):
    plans = ({'focal_factor': factor, 'motion': motion} for factor in (1.0, 1.05, 1.3))
    right, off, far_off = (refined(tracked(**plan)).report for plan in plans)
    # Cameras and points take up most of 5 %.
    assert off.median_px > 1.05 * right.median_px
    assert far_off.median_px > 1.5 * right.median_px


@pytest.mark.parametrize('seed', range(3))
def test_something_that_moves_over_40_percent_of_the_image_does_not_win(tracked, pose_error, seed):
    window = tracked(moving=0.4, num_points=500, seed=seed)
    found = refined(window)
    rows = found.is_verified
    if rows.sum() >= 2:
        assert pose_error(window, found.geometry.window_from_cam, rows)[0] < 0.7


def test_a_start_of_which_one_camera_fits_badly_is_not_good(tracked, monkeypatch):
    window = tracked(num_points=500)
    seen = window.seen()
    tracks = replace(seen.tracks, uv=seen.tracks.uv.copy())
    tracks.uv[::2, 3] += 40.0
    tried = names_of_starts(monkeypatch)
    estimate = window.estimate(seen.tracks, turn_deg=0.1, shift=0.002)
    refine_window(replace(seen, tracks=tracks), estimate, priors_of(window, (0, 1)))
    assert tried[:2] == ['network', 'tracks']


def names_of_starts(monkeypatch):
    tried = []
    original = window_refinement.solve

    def solve(name, *arguments, **options):
        tried.append(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(window_refinement, 'solve', solve)
    return tried


def test_a_first_window_compares_the_tracks_start_with_the_networks(tracked, monkeypatch):
    tried = names_of_starts(monkeypatch)
    window = tracked()
    found = refined(window, {'turn_deg': 5.0, 'shift': 0.2})
    assert tried[:2] == ['tracks', 'network']
    assert found.is_verified.all()


def wheels(window, factor=1.0):
    poses = window.window_from_cam
    steps = se3.inverse(poses[:-1]) @ poses[1:]
    steps[:, :3, 3] *= factor
    return [
        RelativePose(
            row_a=row,
            row_b=row + 1,
            a_from_b=step,
            rotation_sigma_rad=0.01 + 0.02 * np.linalg.norm(step[:3, 3]),
            translation_sigma=0.005 + 0.03 * np.linalg.norm(step[:3, 3]),
        )
        for row, step in enumerate(steps)
    ]


@pytest.mark.parametrize('motion', ['sideways', 'forward'])
def test_with_few_tracks_wheels_tell_where_cameras_are(tracked, pose_error, motion):
    window = tracked(motion=motion, num_points=40)
    priors = replace(priors_of(window, (0,)), relative=wheels(window))
    errors = {'turn_deg': 4.0, 'shift': 0.05, 'bend': 0.1}
    alone, found = (refined(window, errors, each) for each in (priors_of(window, (0,)), priors))
    for each in (alone, found):
        assert each.is_verified.all()
        assert each.report.method == 'adjusted'
    alone_shift, shift = (
        pose_error(window, each.geometry.window_from_cam, unit=1.0)[1] for each in (alone, found)
    )
    assert shift < 0.0015
    assert shift < 0.3 * alone_shift


@pytest.mark.parametrize('plan', [{}, {'motion': 'forward'}, {'is_plane': True}], ids=str)
@pytest.mark.parametrize('factor', [0.0, 10.0])
def test_wheels_that_slip_do_not_bend_a_window_that_tracks_tell(tracked, pose_error, plan, factor):
    window = tracked(**plan)
    seen = window.seen()
    known = priors_of(window, (0, 1), seen)
    shifts = []
    for priors in (known, replace(known, relative=wheels(window, factor))):
        found = refined(window, priors=priors)
        assert found.is_verified.all()
        turn_deg, shift = pose_error(window, found.geometry.window_from_cam, unit=1.0)
        assert turn_deg < 0.1
        shifts.append(shift)
    assert shifts[1] < shifts[0] + 0.0005


def test_what_only_wheels_know_is_not_verified(tracked):
    window = tracked()
    window.tracks.feature[20:, 5], window.tracks.uv[20:, 5] = -1, np.nan
    priors = replace(priors_of(window, (0, 1)), relative=wheels(window))
    seen = window.seen()
    found = refine_window(seen, window.estimate(seen.tracks, **ROUGH), priors)
    np.testing.assert_array_equal(found.is_verified, np.arange(7) != 5)
