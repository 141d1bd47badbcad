import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.trajectory import trajectory_error


def helix(num_poses: int) -> np.ndarray:
    angle = np.linspace(0, 4, num_poses)
    poses = np.tile(np.eye(4), (num_poses, 1, 1))
    poses[:, 0, 0] = poses[:, 1, 1] = np.cos(angle)
    poses[:, 1, 0], poses[:, 0, 1] = np.sin(angle), -np.sin(angle)
    poses[:, :3, 3] = np.stack([np.cos(angle), np.sin(angle), 0.1 * angle], axis=1)
    return poses


def moved(poses: np.ndarray, scale: float) -> np.ndarray:
    turn = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
    changed = np.tile(np.eye(4), (len(poses), 1, 1))
    changed[:, :3, :3] = turn @ poses[:, :3, :3]
    changed[:, :3, 3] = scale * poses[:, :3, 3] @ turn.T + [3.0, -1, 2]
    return changed


def test_a_similar_trajectory_has_no_error():
    truth = helix(30)
    error = trajectory_error(moved(truth, 0.3), truth)
    assert error.ate_m < 1e-9
    assert error.rotation_deg < 1e-5
    assert error.path_length_m == pytest.approx(4 * np.hypot(1, 0.1), rel=1e-2)


def test_the_error_is_measured_in_units_of_the_truth():
    truth = helix(400)
    noise = np.random.default_rng(0).normal(scale=0.01, size=(400, 3))
    estimate = truth.copy()
    estimate[:, :3, 3] += noise
    error = trajectory_error(moved(estimate, 5.0), truth)
    assert error.ate_m == pytest.approx(0.01 * np.sqrt(3), rel=0.1)
    assert error.ate_percent == pytest.approx(100 * error.ate_m / error.path_length_m)


def test_a_turned_camera_shows_in_the_rotation_only():
    truth = helix(30)
    estimate = truth.copy()
    estimate[:, :3, :3] = truth[:, :3, :3] @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    error = trajectory_error(estimate, truth)
    assert error.ate_m < 1e-9
    assert error.rotation_deg == pytest.approx(90)


def test_a_straight_line_is_refused():
    line = np.tile(np.eye(4), (5, 1, 1))
    line[:, 0, 3] = np.arange(5.0)
    with pytest.raises(AlignmentError):
        trajectory_error(line, line)


def test_without_a_scale_an_estimate_in_another_unit_is_wrong():
    truth = helix(30)
    error = trajectory_error(moved(truth, 0.5), truth, with_scale=False)
    assert error.truth_from_map.scale == 1.0
    assert error.ate_m > 0.3
    assert trajectory_error(moved(truth, 1.0), truth, with_scale=False).ate_m < 1e-9


def test_the_score_is_held_against_that_of_all_cameras_in_one_place(rng):
    truth = helix(30)
    centers = truth[:, :3, 3]
    spread_m = np.sqrt(((centers - centers.mean(axis=0)) ** 2).sum(axis=1).mean())
    lost = truth.copy()
    lost[:, :3, 3] = rng.normal(size=(30, 3))
    error = trajectory_error(lost, truth)
    assert error.one_place_m == pytest.approx(spread_m)
    assert error.percent_of_one_place == pytest.approx(100 * error.ate_m / spread_m)
    assert 70 < error.percent_of_one_place <= 100, 'no similarity is worse than one point'
    widest_m = max(np.linalg.norm(a - b) for a in centers for b in centers)
    assert error.extent_m == pytest.approx(widest_m)
    assert error.percent_of_extent == pytest.approx(100 * error.ate_m / widest_m)
