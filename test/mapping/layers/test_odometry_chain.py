import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.uncertainty import isotropic, UNKNOWN_VARIANCE
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.layers.map_update import FrameResult, Motion
from vggt_ros.mapping.layers.odometry_chain import OdometryChain

PERIOD_NS = 200_000_000
NOISE = isotropic(0.001, 0.01, 0.0)


def pose(k):
    turn = matrix_from_rotation_vector(np.array([0.0, 0.0, 0.1 * k]))
    return se3.rigid(turn, np.array([0.5 * k, 0.1 * k * k, 0.0]))


def result_of(k, map_from_cam, *, has_motion=True):
    image = np.zeros((2, 2, 3), np.uint8)
    ones = np.ones((2, 2), np.float32)
    motion = None
    if has_motion and k:
        motion = Motion(
            previous_stamp_ns=(k - 1) * PERIOD_NS,
            previous_from_cam=se3.inverse(pose(k - 1)) @ pose(k),
            covariance=NOISE,
        )
    return FrameResult(
        frame=Frame(id=k, stamp_ns=k * PERIOD_NS, camera_frame='camera', image=image),
        image=image,
        depth=ones,
        confidence=ones,
        points_in_cam=np.zeros((2, 2, 3), np.float32),
        keep=np.ones((2, 2), bool),
        K=np.eye(3),
        K_image=np.eye(3),
        map_from_cam=map_from_cam,
        covariance=np.eye(6),
        motion=motion,
    )


def test_steps_are_chained_and_corrections_of_the_map_are_not_seen():
    graph = OdometryChain()
    jump = se3.rigid(np.eye(3), np.array([0.0, 3.0, 0.0]))
    for k in range(10):
        found = graph.add(result_of(k, pose(k) if k < 5 else jump @ pose(k)))
        np.testing.assert_allclose(found.odom_from_cam, pose(k), atol=1e-9)
        assert found.stamp_ns == k * PERIOD_NS


def test_position_is_the_less_sure_the_longer_the_way():
    graph = OdometryChain()
    found = [graph.add(result_of(k, pose(k))).covariance for k in range(8)]
    sigmas = [np.sqrt(np.trace(each[:3, :3])) for each in found]
    assert sigmas[0] == 0.0
    assert (np.diff(sigmas) > 0).all()
    assert sigmas[1] == pytest.approx(0.01 * np.sqrt(3), rel=1e-6)


def test_the_twist_is_along_the_axes_of_the_camera():
    graph = OdometryChain()
    for k in range(4):
        found = graph.add(result_of(k, pose(k)))
    step_in_map = (pose(3) - pose(2))[:3, 3]
    np.testing.assert_allclose(found.twist[:3], pose(3)[:3, :3].T @ step_in_map / 0.2, atol=1e-9)
    np.testing.assert_allclose(found.twist[3:], [0.0, 0.0, 0.5], atol=1e-9)
    assert np.sqrt(found.twist_covariance[0, 0]) == pytest.approx(0.01 / 0.2)
    assert np.sqrt(found.twist_covariance[5, 5]) == pytest.approx(0.001 / 0.2)


def test_after_a_gap_the_pose_is_a_guess():
    graph = OdometryChain()
    for k in range(4):
        found = graph.add(result_of(k, pose(k), has_motion=k != 2))
    assert found.covariance[0, 0] == UNKNOWN_VARIANCE
    np.testing.assert_allclose(found.odom_from_cam, pose(1) @ se3.inverse(pose(2)) @ pose(3))
    graph.clear()
    assert graph.add(result_of(0, pose(7))).covariance[0, 0] == 0.0
