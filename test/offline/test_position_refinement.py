from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.geodetic import LocalFrame
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.offline.global_refinement import refine_globally
from vggt_ros.offline.position_priors import PositionPriors
from vggt_ros.offline.position_refinement import refine_to_positions

pytest.importorskip('pycolmap', reason='pycolmap is the extra offline')

ORIGIN = LocalFrame(lat_deg=48.0, lon_deg=11.0, altitude_m=500.0)
# The world of the satellites: a unit of the room is 5 m long.
ENU = Sim3(5.0, matrix_from_rotation_vector(np.array([0.0, 0.0, 2.0])), np.array([40.0, 9, 2]))


def priors_of(truth, sigma_m=0.03, seed=0):
    rng = np.random.default_rng(seed)
    enu = ENU.apply_to_pose(truth)
    return PositionPriors(
        rows=np.arange(len(truth)),
        positions=enu[:, :3, 3] + sigma_m * rng.normal(size=(len(truth), 3)),
        covariances=np.tile(sigma_m**2 * np.eye(3), (len(truth), 1, 1)),
        antenna_in_cam=np.zeros((len(truth), 3)),
        origin=ORIGIN,
    )


def bent_by(poses, size):
    """A map that is curved, with features that say so too little: what drift leaves."""
    drifted = poses.copy()
    for row in range(len(poses)):
        bend = matrix_from_rotation_vector(size * row * np.array([0.2, 1.0, 0.1]))
        drifted[row, :3, :3] = bend @ poses[row, :3, :3]
        drifted[row, :3, 3] = bend @ poses[row, :3, 3]
    return drifted


@pytest.fixture(scope='module')
def world(make_room, along_wall):
    """A drifting map, and what images alone make of it."""
    room, truth = make_room(), along_wall(14)
    keyframes = [room.keyframe(pose) for pose in truth]
    drifted = bent_by(truth, 0.01)
    return keyframes, truth, drifted, refine_globally(keyframes, drifted, is_calibrated=True)


def errors_m(poses, truth):
    return np.linalg.norm(poses[:, :3, 3] - ENU.apply_to_pose(truth)[:, :3, 3], axis=1)


def test_a_map_goes_to_its_positions_and_has_meters_there(world):
    keyframes, truth, drifted, found = world
    refined, report = refine_to_positions(
        found, keyframes, drifted, priors_of(truth), is_calibrated=True
    )
    assert report.method == 'adjusted'
    assert (report.gauge, report.origin, report.num_positions) == ('enu', ORIGIN, 14)
    assert errors_m(refined.map_from_cam, truth).max() < 0.06
    steps = np.linalg.norm(np.diff(refined.map_from_cam[:, :3, 3], axis=0), axis=1).sum()
    true_steps = 5.0 * np.linalg.norm(np.diff(truth[:, :3, 3], axis=0), axis=1).sum()
    assert steps == pytest.approx(true_steps, rel=0.005)
    # Depth is in meters as well: the keyframes measured in units of the room.
    np.testing.assert_allclose(refined.growth, 5.0, rtol=0.02)
    assert report.residual_after_m <= report.residual_before_m
    assert report.support_after >= 0.99 * report.support_before
    assert 0 < report.log_sigma < 0.02


def test_positions_put_a_map_right_that_images_leave_bent(world):
    keyframes, truth, drifted, found = world
    # Matches between near keyframes only: drift is what they cannot see.
    near = [each for each in found.graph.pairs if each.b - each.a <= 1]
    weak = replace(found, graph=replace(found.graph, pairs=tuple(near)), map_from_cam=drifted)
    refined, report = refine_to_positions(
        weak, keyframes, drifted, priors_of(truth), is_calibrated=True
    )
    assert report.method == 'adjusted'
    assert report.residual_before_m > 3 * report.residual_after_m
    assert errors_m(refined.map_from_cam, truth).max() < 0.15


def test_reflected_signals_do_not_bend_the_map(world):
    keyframes, truth, drifted, found = world
    priors = priors_of(truth)
    priors.positions[[3, 4, 9]] += np.array([4.0, -2.0, 6.0])
    refined, report = refine_to_positions(found, keyframes, drifted, priors, is_calibrated=True)
    assert report.num_outliers == 3
    assert errors_m(refined.map_from_cam, truth).max() < 0.08


def test_positions_that_say_nothing_leave_the_map_as_it_is(world):
    keyframes, truth, drifted, found = world
    same, report = refine_to_positions(
        found, keyframes, drifted, priors_of(truth, sigma_m=15.0), is_calibrated=True
    )
    assert same is found
    assert report.method == 'none'
    assert 'the way is too short' in report.why


def wavy_priors(truth, sigma_m):
    priors = priors_of(truth, sigma_m)
    priors.positions[:, 2] += 0.25 * np.sin(2.5 * np.arange(14))
    return priors


def test_positions_that_contradict_the_images_do_not_bend_the_map(world):
    keyframes, truth, drifted, found = world
    # So sure of itself, and so wrong, that matches would have to give way.
    refined, report = refine_to_positions(
        found, keyframes, drifted, wavy_priors(truth, 1e-3), is_calibrated=True
    )
    assert report.num_outliers == 14
    assert report.support_after >= 0.99 * report.support_before
    errors = errors_m(refined.map_from_cam, truth)
    assert errors.max() < 0.15


def test_what_explains_fewer_matches_is_not_used(world):
    keyframes, truth, drifted, found = world
    few = [replace(each, matches=each.matches[:30]) for each in found.graph.pairs]
    weak = replace(found, graph=replace(found.graph, pairs=tuple(few)))
    refined, report = refine_to_positions(
        weak, keyframes, drifted, wavy_priors(truth, 0.1), is_calibrated=True
    )
    assert report.method == 'placed'
    assert 'matches' in report.why
    step = refined.map_from_cam[:, :3, :3] @ np.swapaxes(found.map_from_cam[:, :3, :3], 1, 2)
    np.testing.assert_allclose(step, np.tile(step[0], (14, 1, 1)), atol=1e-9)


def test_where_keyframes_are_not_matched_they_are_placed(world):
    keyframes, truth, drifted, found = world
    alone = replace(found, graph=None)
    refined, report = refine_to_positions(
        alone, keyframes, drifted, priors_of(truth), is_calibrated=True
    )
    assert report.method == 'placed'
    np.testing.assert_allclose(refined.growth, report.meters_per_unit * found.growth, rtol=1e-9)
