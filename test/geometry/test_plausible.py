import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.plausible import implausible, MAX_LENGTH_M, MAX_MOUNT_M
from vggt_ros.geometry.rotation import matrix_from_rotation_vector


def pose(x, y=0.0, z=0.0):
    turn = matrix_from_rotation_vector(np.array([0.3, -0.2, 2.0]))
    return se3.rigid(turn, np.array([x, y, z]))


@pytest.mark.parametrize('length', [0.0, 1e-9, 1.0, MAX_MOUNT_M, MAX_LENGTH_M])
def test_what_a_robot_can_have_is_plausible(length):
    assert implausible(pose(length)) == ''


@pytest.mark.parametrize('x', [2.1e7, -1e155, 1e300, 1.7e308])
def test_what_is_too_long_is_named_with_value_and_limit(x):
    found = implausible(pose(x, x, x))
    assert f'({x:g}, {x:g}, {x:g}), longer than 2e+07 m' in found


def test_a_mount_is_shorter_than_a_map():
    assert implausible(pose(1001.0)) == ''
    assert 'longer than 1000 m' in implausible(pose(1001.0), MAX_MOUNT_M)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('at', [(0, 3), (1, 1), (3, 3)])
def test_what_is_not_finite_is_named(value, at):
    wrong = pose(1.0)
    wrong[at] = value
    assert 'not finite' in implausible(wrong)


@pytest.mark.parametrize('factor', [0.5, 1.01, -1.0, 0.0])
def test_what_is_not_rigid_is_named(factor):
    wrong = pose(1.0)
    wrong[:3, :3] *= factor
    assert 'it is not rigid: the determinant' in implausible(wrong)
