import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.geodetic import LocalFrame
from vggt_ros.geometry.rotation import (
    angle_between,
    matrix_from_rotation_vector,
    rotation_vector_from_matrix,
)
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.offline.position_priors import place, PositionPriors

ORIGIN = LocalFrame(lat_deg=48.0, lon_deg=11.0, altitude_m=500.0)
TRUE = Sim3(7.0, matrix_from_rotation_vector(np.array([0.1, -0.05, 2.0])), np.array([5.0, -3, 1]))


def bent(count=60):
    """A way that bends, in a map; its cameras turn with it."""
    angles = np.linspace(0, 4, count)
    centers = np.stack([3 * np.cos(angles), 2 * np.sin(angles), 0.2 * np.sin(3 * angles)], axis=1)
    turns = matrix_from_rotation_vector(np.stack([0 * angles, angles, 0.1 * angles], axis=1))
    return np.stack([se3.rigid(turn, center) for turn, center in zip(turns, centers, strict=True)])


def straight(count=60):
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, 3] = np.linspace(0, 6, count)[:, None] * np.array([1.0, 0.2, 0.05])
    return poses


def priors_of(poses, sigma_m=0.05, antenna=(0, 0, 0), seed=0, true=TRUE):
    rng = np.random.default_rng(seed)
    antenna = np.tile(np.array(antenna, float), (len(poses), 1))
    truth = true.apply_to_pose(poses)
    at = truth[:, :3, 3] + np.einsum('nij,nj->ni', truth[:, :3, :3], antenna)
    return PositionPriors(
        rows=np.arange(len(poses)),
        positions=at + sigma_m * rng.normal(size=at.shape),
        covariances=np.tile(sigma_m**2 * np.eye(3), (len(poses), 1, 1)),
        antenna_in_cam=antenna,
        origin=ORIGIN,
    )


def test_a_map_is_brought_to_its_positions_with_the_antenna_where_it_is():
    poses = bent()
    priors = priors_of(poses, antenna=(0.3, -1.0, 0.2))
    found = place(poses, priors)
    assert found.is_roll_known
    assert found.enu_from_map.scale == pytest.approx(7.0, rel=0.003)
    assert angle_between(found.enu_from_map.rotation, TRUE.rotation) < 0.005
    off_m, in_sigmas = priors.distances(found.enu_from_map.apply_to_pose(poses))
    assert np.median(off_m) < 0.1
    assert np.median(in_sigmas) == pytest.approx(1.54, abs=0.4)
    without = priors_of(poses, antenna=(0.3, -1.0, 0.2))
    off_m, _ = without.distances(TRUE.apply_to_pose(poses))
    np.testing.assert_allclose(np.median(off_m), 0.077, atol=0.02)


def test_the_error_of_the_scale_is_what_its_standard_deviation_says():
    poses = bent(30)
    errors, sigmas = [], []
    for seed in range(40):
        found = place(poses, priors_of(poses, sigma_m=0.5, seed=seed))
        errors.append(np.log(found.enu_from_map.scale / 7.0))
        sigmas.append(found.log_sigma)
    assert np.std(errors) == pytest.approx(np.median(sigmas), rel=0.35)


def test_a_third_of_the_positions_may_be_anywhere():
    poses = bent()
    priors = priors_of(poses)
    rng = np.random.default_rng(3)
    wrong = rng.choice(60, 20, replace=False)
    priors.positions[wrong] += rng.normal(size=(20, 3)) * 20 + np.array([30.0, 0, 0])
    found = place(poses, priors)
    assert found.enu_from_map.scale == pytest.approx(7.0, rel=0.005)
    assert angle_between(found.enu_from_map.rotation, TRUE.rotation) < 0.01


def test_a_straight_way_leaves_the_roll_to_the_map():
    poses = straight()
    turn = matrix_from_rotation_vector(np.array([0.0, 0.0, 2.0]))
    true = Sim3(7.0, turn, np.zeros(3))
    found = place(poses, priors_of(poses, true=true))
    assert not found.is_roll_known
    assert found.enu_from_map.scale == pytest.approx(7.0, rel=0.005)
    off = rotation_vector_from_matrix(found.enu_from_map.rotation @ turn.T)
    assert np.linalg.norm(off) < 0.02, 'heading is known by the way, and up by the map'


def test_a_short_way_and_another_way_are_refused_with_their_numbers():
    poses = bent()
    with pytest.raises(AlignmentError, match='known to 20 m extend'):
        place(poses, priors_of(poses, sigma_m=20.0))
    rng = np.random.default_rng(0)
    other = priors_of(poses)
    other.positions[:] = 10 * rng.normal(size=(60, 3))
    with pytest.raises(AlignmentError, match='another one'):
        place(poses, other)
    few = priors_of(poses[:3])
    with pytest.raises(AlignmentError, match='3 keyframes have positions; 4 are needed'):
        place(poses[:3], few)
    still = np.tile(np.eye(4), (9, 1, 1))
    with pytest.raises(AlignmentError, match='all in one place'):
        place(still, priors_of(still))
