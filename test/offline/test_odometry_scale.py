from itertools import pairwise

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.offline.odometry_scale import scale_by_odometry
from vggt_ros.settings.world_config import ScaleSettings

SETTINGS = ScaleSettings()


@pytest.fixture
def walk():
    """Forty keyframes of a camera that goes around, 12 cm each, meters."""
    angle = np.linspace(0, 2 * np.pi, 40)
    turns = matrix_from_rotation_vector(np.stack([0 * angle, angle, 0 * angle], axis=1))
    centers = 0.75 * np.stack([np.sin(angle), 0.1 * np.sin(3 * angle), np.cos(angle)], axis=1)
    return se3.rigid(turns, centers)


def in_units(poses, meters_per_unit):
    made = poses.copy()
    made[:, :3, 3] /= meters_per_unit
    return made


def drifting(poses, turn_rad):
    """Odometry whose heading drifts with every step."""
    found = [poses[0]]
    for before, after in pairwise(poses):
        step = se3.inverse(before) @ after
        step[:3, :3] = step[:3, :3] @ matrix_from_rotation_vector(np.array([0, turn_rad, 0]))
        found.append(found[-1] @ step)
    return found


def test_odometry_that_drifts_knows_the_length_of_short_ways(walk):
    odometry = drifting(walk, 0.01)
    end_m = np.linalg.norm(odometry[-1][:3, 3] - walk[-1][:3, 3])
    assert end_m > 0.1, 'as positions it is worth little'
    found = scale_by_odometry(in_units(walk, 1.7), odometry, SETTINGS)
    assert found.meters_per_unit == pytest.approx(1.7, rel=0.01)
    assert 0.01 <= found.log_sigma < 0.03


def test_a_wheel_that_slips_somewhere_changes_little(walk):
    odometry = walk.copy()
    odometry[15:, 0, 3] += 0.5
    found = scale_by_odometry(in_units(walk, 0.6), list(odometry), SETTINGS)
    assert found.meters_per_unit == pytest.approx(0.6, rel=0.01)


def test_a_map_whose_unit_changes_is_less_sure(walk):
    even = scale_by_odometry(in_units(walk, 2.0), list(walk), SETTINGS)
    steps = np.diff(walk[:, :3, 3], axis=0) * np.linspace(0.6, 1.6, 39)[:, None]
    stretched = walk.copy()
    stretched[1:, :3, 3] = walk[0, :3, 3] + np.cumsum(steps, axis=0)
    found = scale_by_odometry(stretched, list(walk), SETTINGS)
    assert found.log_sigma > 4 * even.log_sigma
    assert found.residual > 0.15


def test_little_odometry_says_nothing(walk):
    known = [pose if row < 7 else None for row, pose in enumerate(walk)]
    assert scale_by_odometry(walk, known, SETTINGS) is None
    standing = np.repeat(walk[:1], 40, axis=0)
    assert scale_by_odometry(standing, list(standing), SETTINGS) is None
    assert scale_by_odometry(walk[:0], [], SETTINGS) is None
