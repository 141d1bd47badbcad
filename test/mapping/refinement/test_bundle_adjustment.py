from dataclasses import replace
import math

import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.mapping.refinement.bundle_adjustment import (
    adjust,
    DepthPrior,
    Geometry,
    PosePrior,
    Problem,
)
from vggt_ros.mapping.refinement.relative_pose import RelativePose

SCALE_HOLDERS = (0, 6)


def start_of(window, *, turn_deg=1.0, shift=0.03, scale=1.0, seed=0):
    """Poses that are disturbed, all but the first, and true points, in a unit of their own."""
    estimate = window.estimate(window.tracks, turn_deg=turn_deg, shift=shift, seed=seed)
    poses = estimate.window_from_cam
    poses[:, :3, 3] *= scale
    return Geometry(window_from_cam=poses, K=window.K, points=scale * window.points)


def solved(window, start, *, loss_px=1.0, iterations=30, **known):
    problem = Problem(uv=window.tracks.uv, **({'poses': ()} | known))
    return adjust(start, problem, loss_px=loss_px, max_iterations=iterations)


def held(window, rows, rotation=1e-4, translation=1e-4):
    return [
        PosePrior(
            row=row,
            window_from_cam=window.window_from_cam[row],
            rotation_sigma_rad=rotation,
            translation_sigma=translation,
        )
        for row in rows
    ]


@pytest.mark.parametrize('plan', [{}, {'motion': 'forward'}, {'is_plane': True}])
def test_poses_off_by_a_degree_and_three_percent_are_restored(tracked, pose_error, plan):
    window = tracked(num_points=400, **plan)
    start = start_of(window)
    before_deg, before = pose_error(window, start.window_from_cam)
    after_deg, after = pose_error(
        window, solved(window, start, distance=SCALE_HOLDERS).window_from_cam
    )
    assert before_deg > 0.5
    assert before > 0.01
    # A plane tells turns from shifts less clearly.
    assert after_deg < (0.12 if 'is_plane' in plan else 0.05)
    assert after < 0.1 * before


def test_a_fifth_of_outliers_changes_little(tracked, pose_error):
    window = tracked(num_points=400, outliers=0.2)
    found = solved(window, start_of(window), loss_px=1.0, distance=SCALE_HOLDERS)
    assert pose_error(window, found.window_from_cam)[0] < 0.05


def test_without_a_robust_loss_outliers_would_win(tracked, pose_error):
    window = tracked(num_points=400, outliers=0.2)
    found = solved(window, start_of(window), loss_px=1e6, distance=SCALE_HOLDERS)
    assert pose_error(window, found.window_from_cam)[0] > 0.2


def test_held_cameras_stay_and_free_ones_move_to_where_they_belong(tracked, pose_error):
    window = tracked(num_points=400)
    start = start_of(window)
    start.window_from_cam[:2] = window.window_from_cam[:2]
    found = solved(window, start, poses=held(window, (0, 1)))
    np.testing.assert_allclose(found.window_from_cam[:2], window.window_from_cam[:2], atol=2e-3)
    moved = np.abs(found.window_from_cam[2:] - start.window_from_cam[2:]).max(axis=(1, 2))
    assert (moved > 5e-3).all()
    turn_deg, shift = pose_error(window, found.window_from_cam, unit=1.0)
    assert turn_deg < 0.05
    assert shift < 0.005


def test_a_loose_prior_gives_way_to_the_tracks(tracked, pose_error):
    window = tracked(num_points=400)
    start = start_of(window)
    wrong = replace(held(window, (4,))[0], window_from_cam=start.window_from_cam[4])
    loose = replace(wrong, rotation_sigma_rad=0.05, translation_sigma=0.8)
    found = solved(window, start, poses=[*held(window, (0, 1)), loose])
    assert pose_error(window, found.window_from_cam, unit=1.0)[0] < 0.05


def test_without_priors_the_first_camera_stays(tracked):
    window = tracked()
    start = start_of(window)
    found = solved(window, start, distance=SCALE_HOLDERS)
    np.testing.assert_allclose(found.window_from_cam[0], start.window_from_cam[0], atol=1e-3)


def test_the_distance_of_two_cameras_is_held(tracked):
    window = tracked()
    start = start_of(window, scale=2.5)
    found = solved(window, start, distance=SCALE_HOLDERS)
    lengths = [
        np.linalg.norm(each.window_from_cam[6, :3, 3] - each.window_from_cam[0, :3, 3])
        for each in (start, found)
    ]
    assert lengths[1] == pytest.approx(lengths[0], rel=1e-3)


def test_a_distance_to_a_camera_that_sees_nothing_is_held_by_another_one(tracked, pose_error):
    window = tracked(num_points=400)
    window.tracks.uv[:, 6] = np.nan
    found = solved(window, start_of(window), distance=SCALE_HOLDERS)
    assert pose_error(window, found.window_from_cam, np.arange(7) < 6)[0] < 0.06


@pytest.mark.parametrize('scale', [0.8, 1.3])
def test_known_depth_holds_the_scale(tracked, pose_error, scale):
    window = tracked()
    rng = np.random.default_rng(3)
    track = np.flatnonzero(window.tracks.is_seen[:, 0])
    depth = window.depth[track, 0] * np.exp(0.01 * rng.normal(size=len(track)))
    prior = DepthPrior(
        track=track,
        row=np.zeros(len(track), int),
        depth=depth,
        log_sigma=np.full(len(track), 0.01),
    )
    start = start_of(window, scale=scale)
    found = solved(window, start, depth=prior, iterations=60)
    ratio = np.linalg.norm(found.window_from_cam[6, :3, 3] - found.window_from_cam[0, :3, 3])
    ratio /= np.linalg.norm(window.window_from_cam[6, :3, 3])
    assert ratio == pytest.approx(1.0, abs=0.01)


def test_a_depth_that_is_wrong_does_not_decide(tracked):
    window = tracked()
    track = np.flatnonzero(window.tracks.is_seen[:, 0])
    depth = window.depth[track, 0].copy()
    depth[::5] *= 3.0
    prior = DepthPrior(
        track=track,
        row=np.zeros(len(track), int),
        depth=depth,
        log_sigma=np.full(len(track), 0.01),
    )
    found = solved(window, start_of(window), depth=prior, iterations=60)
    assert np.linalg.norm(found.window_from_cam[6, :3, 3]) == pytest.approx(
        np.linalg.norm(window.window_from_cam[6, :3, 3]), rel=0.01
    )


def test_tracks_without_a_point_take_no_part(tracked):
    window = tracked()
    start = start_of(window)
    start.points[::2] = np.nan
    found = solved(window, start, distance=SCALE_HOLDERS)
    np.testing.assert_array_equal(np.isnan(found.points[:, 0]), np.isnan(start.points[:, 0]))


def test_a_point_behind_a_camera_does_no_harm(tracked, pose_error):
    window = tracked(num_points=400)
    start = start_of(window)
    start.points[:10] = -window.points[:10]
    found = solved(window, start, distance=SCALE_HOLDERS)
    assert pose_error(window, found.window_from_cam)[0] < 0.06


def test_less_than_two_cameras_are_refused_with_their_number(tracked):
    window = tracked()
    window.tracks.uv[:, 1:] = np.nan
    with pytest.raises(AlignmentError, match='1 cameras see points, at least 2 are needed'):
        solved(window, start_of(window), distance=SCALE_HOLDERS)


def test_numbers_that_are_not_finite_are_refused(tracked):
    window = tracked()
    start = start_of(window)
    start.window_from_cam[3] = np.nan
    with pytest.raises(AlignmentError, match=r'7 cameras .* not determined|not finite'):
        solved(window, start, distance=SCALE_HOLDERS)


def test_the_frame_of_the_window_does_not_matter(tracked):
    window = tracked()
    start = start_of(window)
    place = se3.rigid(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([3.0, 1, -2]))
    moved = replace(
        start,
        window_from_cam=place @ start.window_from_cam,
        points=se3.transform(place, start.points),
    )
    here = solved(window, start, distance=SCALE_HOLDERS, iterations=60)
    there = solved(window, moved, distance=SCALE_HOLDERS, iterations=60)
    np.testing.assert_allclose(
        se3.inverse(place) @ there.window_from_cam, here.window_from_cam, atol=2e-3
    )


def wheels(window, *, factor=1.0, error=0.02, seed=0):
    """How every camera sees the next one, as wheels have it."""
    rng = np.random.default_rng(seed)
    poses = window.window_from_cam
    steps = []
    for row, step in enumerate(se3.inverse(poses[:-1]) @ poses[1:]):
        length = np.linalg.norm(step[:3, 3])
        step[:3, 3] = factor * (step[:3, 3] + error * length * rng.normal(size=3))
        steps.append(
            RelativePose(
                row_a=row,
                row_b=row + 1,
                a_from_b=step,
                rotation_sigma_rad=0.01,
                translation_sigma=0.005 + 0.03 * factor * length,
            )
        )
    return steps


@pytest.mark.parametrize('motion', ['sideways', 'forward'])
def test_where_few_points_are_seen_wheels_tell_where_cameras_are(tracked, pose_error, motion):
    window = tracked(motion=motion, num_points=9, noise_px=0.5, way=0.15)
    start = start_of(window, turn_deg=2.0, shift=0.05)
    known = {'poses': held(window, (0,)), 'iterations': 60}
    alone = solved(window, start, distance=SCALE_HOLDERS, **known)
    found = solved(window, start, relative=wheels(window), **known)
    turn_deg, shift = pose_error(window, found.window_from_cam, unit=1.0)
    alone_deg, alone_shift = pose_error(window, alone.window_from_cam)
    assert shift < min(0.002, 0.1 * alone_shift)
    assert turn_deg < min(0.3, 0.2 * alone_deg)


def test_wheels_hold_a_camera_that_hardly_sees_a_point(tracked):
    window = tracked()
    window.tracks.uv[2:, 4] = np.nan
    found = solved(
        window,
        start_of(window, turn_deg=2.0, shift=0.05),
        poses=held(window, (0, 1)),
        relative=wheels(window, error=0.0),
        iterations=60,
    )
    off = se3.inverse(window.window_from_cam[4]) @ found.window_from_cam[4]
    assert np.linalg.norm(off[:3, 3]) < 0.02
    assert np.degrees(rotation_angle(off[None, :3, :3]))[0] < 0.5


@pytest.mark.parametrize('motion', ['sideways', 'forward'])
def test_wheels_that_slip_do_not_bend_what_images_show(tracked, pose_error, motion):
    window = tracked(motion=motion, num_points=400)
    start = start_of(window)
    known = {'poses': held(window, (0, 1)), 'iterations': 60}
    alone = solved(window, start, **known)
    found = solved(window, start, relative=wheels(window, factor=10.0), **known)
    turn_deg, shift = pose_error(window, found.window_from_cam, unit=1.0)
    assert turn_deg < 0.05
    assert shift < pose_error(window, alone.window_from_cam, unit=1.0)[1] + 0.001


def rig_of(window, pairs, **sigmas):
    poses = window.window_from_cam
    sigmas = {'rotation_sigma_rad': np.radians(0.5), 'translation_sigma': 0.003} | sigmas
    return [
        RelativePose(row_a=a, row_b=b, a_from_b=se3.inverse(poses[a]) @ poses[b], **sigmas)
        for a, b in pairs
    ]


@pytest.mark.parametrize('scale', [0.8, 1.3])
def test_a_rig_holds_the_scale(tracked, pose_error, scale):
    window = tracked(num_points=400)
    found = solved(
        window,
        start_of(window, scale=scale),
        relative=rig_of(window, [(0, 2), (1, 3), (4, 6)]),
        iterations=60,
    )
    assert pose_error(window, found.window_from_cam, unit=1.0)[1] < 0.005


def test_a_rig_holds_how_its_cameras_look_at_each_other_where_they_see_little(tracked):
    window = tracked(num_points=400)
    window.tracks.uv[3:, 5] = np.nan
    start = start_of(window, turn_deg=3.0, shift=0.1)
    without_length = {'translation_sigma': math.inf, 'direction_sigma_rad': 0.01}
    for sigmas in ({}, without_length):
        rig = rig_of(window, [(4, 5)], **sigmas)
        found = solved(window, start, poses=held(window, (0, 1)), relative=rig, iterations=60)
        off = se3.inverse(window.window_from_cam[5]) @ found.window_from_cam[5]
        assert np.degrees(rotation_angle(off[None, :3, :3]))[0] < 0.5
    assert np.linalg.norm(off[:3, 3]) < 0.1
