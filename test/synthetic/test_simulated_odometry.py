import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.mapping.registration.pose_priors import PosePriors
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_odometry import SimulatedOdometry

PERIOD_NS = 100_000_000


@pytest.fixture(scope='module')
def course():
    return make_course('corridor_loop', 1500, 0)


def poses(odometry, count=1500):
    return np.stack([odometry.odom_from_cam((i + 1) * PERIOD_NS, 'c') for i in range(count)])


def relative_errors(found, truth, length_m):
    """Errors of position after ways of a length, in parts of it."""
    way = np.concatenate([[0], np.linalg.norm(np.diff(truth[:, :3, 3], axis=0), axis=1).cumsum()])
    errors = []
    for i in range(0, len(truth), 25):
        j = int(np.searchsorted(way, way[i] + length_m))
        if j < len(truth):
            steps = [(se3.inverse(p[i]) @ p[j])[:3, 3] for p in (found, truth)]
            errors.append(np.linalg.norm(steps[0] - steps[1]) / length_m)
    return np.array(errors)


def test_it_is_what_a_mapper_asks(course):
    odometry = SimulatedOdometry(course)
    assert isinstance(odometry, PosePriors)
    assert odometry.odom_from_cam(PERIOD_NS + 1, 'c') is None
    assert odometry.odom_from_cam(0, 'c') is None
    assert odometry.odom_from_cam(1501 * PERIOD_NS, 'c') is None


def test_without_errors_it_is_the_truth(course):
    odometry = SimulatedOdometry(course, drift=0.0, scale_error=0.0)
    np.testing.assert_allclose(poses(odometry), course.world_from_cam, atol=1e-9)


def test_lengths_are_off_by_one_factor(course):
    found = poses(SimulatedOdometry(course, scale_error=0.05))
    lengths = [
        np.linalg.norm(np.diff(p[:, :3, 3], axis=0), axis=1).sum()
        for p in (found, course.world_from_cam)
    ]
    assert lengths[0] / lengths[1] == pytest.approx(1.05, rel=1e-3)


def test_ten_meters_are_off_by_the_drift(course):
    found = [
        relative_errors(
            poses(SimulatedOdometry(course, drift=0.02, scale_error=0.0, seed=seed)),
            course.world_from_cam,
            10.0,
        )
        for seed in range(4)
    ]
    rms = np.sqrt(np.mean(np.square(np.concatenate(found))))
    assert rms == pytest.approx(0.02, rel=0.35)
