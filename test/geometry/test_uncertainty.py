import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.se3 import rigid
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import compose, isotropic, pose_covariance


def error(twist):
    """The small similarity of an error (rotation, translation, log of the scale)."""
    turn = matrix_from_rotation_vector(np.asarray(twist[:3]))
    return Sim3(float(np.exp(twist[6])), turn, np.asarray(twist[3:6]))


def error_of(estimate, truth):
    """The twist of truth^-1 @ estimate, to first order."""
    small = truth.inverse() @ estimate
    skew = 0.5 * (small.rotation - small.rotation.T)
    turn = np.array([skew[2, 1], skew[0, 2], skew[1, 0]])
    return np.concatenate([turn, small.translation, [np.log(small.scale)]])


def random_transform(rng):
    turn = matrix_from_rotation_vector(rng.normal(size=3))
    return Sim3(float(np.exp(0.3 * rng.normal())), turn, 2.0 * rng.normal(size=3))


def test_the_covariance_of_a_chain_is_that_of_its_samples():
    rng = np.random.default_rng(0)
    world_from_a, a_from_b = random_transform(rng), random_transform(rng)
    factor_a, factor_b = 0.01 * rng.normal(size=(2, 7, 7))
    truth = world_from_a @ a_from_b
    samples = []
    for _ in range(4000):
        a = world_from_a @ error(factor_a @ rng.normal(size=7))
        b = a_from_b @ error(factor_b @ rng.normal(size=7))
        samples.append(error_of(a @ b, truth))
    expected = compose(factor_a @ factor_a.T, a_from_b, factor_b @ factor_b.T)
    found = np.cov(np.array(samples).T)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs((found - expected) / scale).max() < 0.1


def test_a_pose_is_as_unsure_as_its_position_and_orientation_in_the_map_are():
    rng = np.random.default_rng(1)
    map_from_cam = rigid(matrix_from_rotation_vector(rng.normal(size=3)), rng.normal(size=3))
    factor = 0.01 * rng.normal(size=(7, 7))
    as_sim3 = Sim3(1.0, map_from_cam[:3, :3], map_from_cam[:3, 3])
    samples = []
    for _ in range(4000):
        estimate = as_sim3 @ error(factor @ rng.normal(size=7))
        turn = estimate.rotation @ as_sim3.rotation.T
        skew = 0.5 * (turn - turn.T)
        about_map_axes = [skew[2, 1], skew[0, 2], skew[1, 0]]
        samples.append([*(estimate.translation - as_sim3.translation), *about_map_axes])
    expected = pose_covariance(factor @ factor.T, map_from_cam)
    found = np.cov(np.array(samples).T)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs((found - expected) / scale).max() < 0.1


def test_standard_deviations_go_to_their_places():
    covariance = isotropic(0.1, 2.0, 0.3)
    assert np.sqrt(np.diag(covariance)) == pytest.approx([0.1] * 3 + [2.0] * 3 + [0.3])
