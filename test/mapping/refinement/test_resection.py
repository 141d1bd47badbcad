import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.mapping.refinement.resection import resected

K = np.array([[300.0, 0, 159.5], [0, 300.0, 119.5], [0, 0, 1]])
HOW = {'max_error_px': 2.0, 'num_iterations': 200, 'confidence': 0.999}


@pytest.fixture
def seen(rng):
    """Points, what a camera sees of them, one in four wrong, and where it is."""
    points = rng.uniform(-1, 1, (60, 3)) + np.array([0.0, 0.0, 4.0])
    pose = se3.rigid(
        matrix_from_rotation_vector(np.array([0.1, -0.2, 0.05])), rng.normal(size=3) / 5
    )
    uv = project(se3.transform(pose, points), K)
    uv[::4] += rng.uniform(20, 60, (15, 2))
    return points, uv, pose


def test_the_camera_is_found_whatever_some_points_say(seen):
    points, uv, pose = seen
    found = resected(points, uv, K, min_inliers=12, **HOW)
    np.testing.assert_allclose(found, pose, atol=1e-5)


def test_with_too_few_inliers_there_is_no_pose(seen):
    points, uv, _ = seen
    assert resected(points, uv, K, min_inliers=46, **HOW) is None
