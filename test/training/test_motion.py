import numpy as np
import pytest

from training.motion import MAX_OFF_PATH_M, walk_course, window_poses
from vggt_ros.synthetic.walk import look, loop_around, walk_along

EYE_HEIGHT_M = (0.9, 1.4)
FOCUS = np.array([0.2, -0.1, 0.7])
PATH = loop_around(np.random.default_rng(0), 2.5, 1.8)
NUM_FRAMES = 8


def windows(focus=None, num_windows=300):
    """(windows, S, 4, 4)."""
    return np.stack(
        [
            window_poses(np.random.default_rng(seed), PATH, EYE_HEIGHT_M, focus, NUM_FRAMES)
            for seed in range(num_windows)
        ]
    )


@pytest.fixture(scope='module')
def ahead():
    return windows()


@pytest.fixture(scope='module')
def at_focus():
    return windows(FOCUS)


@pytest.fixture(scope='module', params=['ahead', 'at_focus'])
def poses(request):
    return request.getfixturevalue(request.param)


def steps_m(poses):
    return np.linalg.norm(np.diff(poses[:, :, :3, 3], axis=1), axis=2)


def pitch_deg(poses):
    return np.degrees(np.arcsin(poses[:, :, 2, 2]))


def roll_deg(poses):
    return np.degrees(np.arctan2(-poses[:, :, 2, 0], -poses[:, :, 2, 1]))


def turn_deg(poses):
    """(windows, S) yaw since the first frame."""
    yaw = np.unwrap(np.arctan2(poses[:, :, 1, 2], poses[:, :, 0, 2]), axis=1)
    return np.degrees(yaw - yaw[:, :1])


def test_poses_are_rigid(poses):
    rotation = poses[:, :, :3, :3]
    eye = np.broadcast_to(np.eye(3), rotation.shape)
    np.testing.assert_allclose(rotation @ np.swapaxes(rotation, -1, -2), eye, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    assert (poses[:, :, 3] == [0, 0, 0, 1]).all()


def test_the_camera_stays_near_the_path(poses):
    points = poses[:, :, :2, 3].reshape(-1, 1, 2)
    distance = np.linalg.norm(points - PATH[None, ::100], axis=2).min(axis=1)
    assert distance.max() < MAX_OFF_PATH_M
    assert distance.max() > 0.1  # and makes use of the room it has


def test_the_camera_is_as_high_as_it_may_be(poses):
    height = poses[:, :, 2, 3]
    assert height.min() >= EYE_HEIGHT_M[0]
    assert height.max() <= EYE_HEIGHT_M[1]
    assert np.ptp(height.mean(axis=1)) > 0.3


def test_steps_are_short_and_of_many_lengths(poses):
    steps = steps_m(poses)
    assert steps.max() < 0.45  # a shaking hand may lengthen 0.4 m
    assert steps.mean(axis=1).min() == 0
    assert 0.05 < np.median(steps) < 0.3


def test_the_camera_looks_along_the_path_or_aside(ahead):
    tangent = np.gradient(PATH, axis=0)[::50]
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    points = ahead[:, :, :2, 3].reshape(-1, 1, 2)
    nearest = np.linalg.norm(points - PATH[None, ::50], axis=2).argmin(axis=1)
    forward = ahead[:, :, :2, 2].reshape(-1, 2)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    cosine = np.abs((forward * tangent[nearest]).sum(axis=1))  # the path goes both ways
    aside_deg = np.degrees(np.arccos(np.minimum(cosine, 1)))
    assert 45 < aside_deg.max() < 62


def test_the_camera_looks_up_and_down_a_little(ahead):
    pitch = pitch_deg(ahead)
    assert -25.1 < pitch.min() < -15
    assert 10 < pitch.max() < 20.1


def test_only_a_hand_rolls_the_camera(poses):
    roll = np.abs(roll_deg(poses)).max(axis=1)
    assert 0.55 < (roll < 1e-6).mean() < 0.85
    assert 3 < roll.max() <= 8


def test_some_windows_stand_still_in_all(ahead):
    is_still = (ahead == ahead[:, :1]).all(axis=(1, 2, 3))
    assert 0.005 < is_still.mean() < 0.08


def test_some_windows_stand_still_before_a_focus(at_focus):
    is_still = (at_focus == at_focus[:, :1]).all(axis=(1, 2, 3))
    assert 0.005 < is_still.mean() < 0.08


def test_some_windows_turn_on_the_spot(ahead):
    turn = np.abs(turn_deg(ahead)).max(axis=1)
    is_turn = (steps_m(ahead).max(axis=1) == 0) & (turn > 5)
    assert 0.01 < is_turn.mean() < 0.12
    assert 40 < turn[is_turn].max() <= 61


def test_some_windows_move_sideways(ahead):
    right = ahead[:, 0, :3, 0]
    moved = ahead[:, -1, :3, 3] - ahead[:, 0, :3, 3]
    distance = np.linalg.norm(moved, axis=1)
    sideways = np.abs((moved * right).sum(axis=1)) > 0.8 * distance
    assert 0.04 < (sideways & (distance > 0.2)).mean() < 0.3


def test_motion_is_smooth(poses):
    jerk = np.diff(poses[:, :, :3, 3], n=2, axis=1)
    assert np.linalg.norm(jerk, axis=2).max() < 0.3
    assert np.abs(np.diff(roll_deg(poses), axis=1)).max() < 8


def test_the_focus_is_always_in_view(at_focus):
    offset = FOCUS - at_focus[:, :, :3, 3]
    forward = at_focus[:, :, :3, 2]
    cosine = (offset * forward).sum(axis=2) / np.linalg.norm(offset, axis=2)
    angle_deg = np.degrees(np.arccos(cosine))
    assert angle_deg.max() < 35
    assert np.median(angle_deg) > 4  # it wanders


def test_a_seed_always_gives_the_same_window(poses, request):
    focus = FOCUS if 'at_focus' in request.node.name else None
    np.testing.assert_array_equal(windows(focus, 20), poses[:20])
    assert not np.array_equal(poses[0], poses[1])


@pytest.mark.parametrize('num_frames', [1, 2, 40])
@pytest.mark.parametrize('focus', [None, FOCUS], ids=['ahead', 'focus'])
def test_windows_have_as_many_frames_as_asked_for(num_frames, focus):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        poses = window_poses(rng, PATH, EYE_HEIGHT_M, focus, num_frames)
        assert poses.shape == (num_frames, 4, 4)
        assert np.isfinite(poses).all()


@pytest.mark.parametrize('seed', range(3))
def test_a_walk_is_the_one_that_the_demo_takes(seed):
    walk = walk_along(np.random.default_rng(seed), PATH, 300, 10.0)
    course = walk_course(np.random.default_rng(seed), PATH, np.arange(300))
    poses = look(course.center, course.yaw_rad, course.pitch_rad)
    np.testing.assert_allclose(poses, walk.world_from_cam, atol=3e-3)
