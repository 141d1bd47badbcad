from dataclasses import replace
import math

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.mapping.frontend.frame_set import FrameSet
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.known_motion import known_motion, NO_MOTION
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.mapping.registration.window_priors import WindowPriors

KNOWN = ScaleState(
    is_metric=False, meters_per_unit=2.0, log_sigma=0.01, source='odometry', num_rejected=0
)


def walk(step_m, turn_rad=0.0):
    """The pose of a camera that goes forward, and turns, every frame."""
    turn = se3.rigid(
        np.array(
            [
                [math.cos(turn_rad), 0, math.sin(turn_rad)],
                [0, 1, 0],
                [-math.sin(turn_rad), 0, math.cos(turn_rad)],
            ]
        ),
        np.array([0.0, 0.0, step_m]),
    )
    return lambda index: np.linalg.matrix_power(turn, index)


def view(odom=(), first=(), count=4):
    nothing = (None,) * count
    return WindowPriors(
        odom_from_cam=tuple(odom) or nothing,
        base_from_cam=nothing,
        first_from_cam=tuple(first) or nothing,
        depth_m=nothing,
    )


@pytest.fixture
def window(make_frame):
    return Window.of_frames([make_frame(i) for i in range(4)], num_overlap=2)


@pytest.fixture
def pairs(make_frame):
    """Two sets of two cameras."""
    sets = tuple(
        FrameSet(frames=(make_frame(i, camera=0), replace(make_frame(i + 10), camera=1)))
        for i in range(2)
    )
    return Window(sets=sets, num_overlap_sets=1, epoch=0)


def rig(baseline_m):
    right = se3.rigid(np.eye(3), np.array([baseline_m, 0.0, 0.0]))
    return (np.eye(4), right, np.eye(4), right)


def test_odometry_says_how_frames_follow_each_other_in_the_unit_of_the_map(window):
    pose = walk(0.5)
    found = known_motion(window, view(pose(i) for i in range(4)), KNOWN)
    steps = found.in_window(3, is_in_map=True)
    assert [(each.row_a, each.row_b) for each in steps] == [(3, 4), (4, 5), (5, 6)]
    np.testing.assert_allclose(steps[0].a_from_b[:3, 3], [0, 0, 0.25])
    # 5 mm and 3 % of the way, and how long a unit is.
    assert steps[0].translation_sigma == pytest.approx(math.hypot(0.02, 0.005) / 2.0)
    assert steps[0].rotation_sigma_rad == pytest.approx(0.01 + 0.02 * 0.5)
    assert steps[0].tells_length


def test_a_longer_way_and_a_turn_are_less_sure(window):
    short, long, turning = (
        known_motion(window, view(walk(*motion)(i) for i in range(4)), KNOWN).in_window(
            0, is_in_map=True
        )[0]
        for motion in ((0.1,), (1.0,), (0.1, 0.5))
    )
    assert long.translation_sigma > 3 * short.translation_sigma
    assert long.rotation_sigma_rad > short.rotation_sigma_rad
    assert turning.rotation_sigma_rad == pytest.approx(short.rotation_sigma_rad + 0.03 * 0.5)


def test_a_frame_that_odometry_does_not_know_is_stepped_over(window):
    pose = walk(0.5)
    odom = [pose(0), None, pose(2), pose(3)]
    steps = known_motion(window, view(odom), KNOWN).in_window(0, is_in_map=True)
    assert [(each.row_a, each.row_b) for each in steps] == [(0, 2), (2, 3)]
    assert steps[0].length == pytest.approx(0.5)


@pytest.mark.parametrize(
    ('is_in_map', 'scale'),
    [
        (False, KNOWN),
        (True, replace(KNOWN, meters_per_unit=math.nan, log_sigma=math.inf)),
        (True, replace(KNOWN, log_sigma=0.5)),
    ],
    ids=['own unit', 'unknown unit', 'guessed unit'],
)
def test_without_meters_only_turns_are_known_and_the_directions_of_a_rig(
    window, pairs, is_in_map, scale
):
    pose = walk(0.5, 0.3)
    odometry = known_motion(window, view(pose(i) for i in range(4)), scale)
    for each in odometry.in_window(0, is_in_map=is_in_map):
        assert math.isinf(each.translation_sigma)
        assert math.isinf(each.direction_sigma_rad)
        assert each.rotation_sigma_rad < 0.05
    for each in known_motion(pairs, view(first=rig(0.2)), scale).in_window(0, is_in_map=is_in_map):
        assert math.isinf(each.translation_sigma)
        assert each.direction_sigma_rad == pytest.approx(math.hypot(0.003, 0.002) / 0.2)


def test_a_rig_says_where_the_cameras_of_every_set_are(pairs):
    found = known_motion(pairs, view(first=rig(0.2)), KNOWN).in_window(0, is_in_map=True)
    assert [(each.row_a, each.row_b) for each in found] == [(0, 1), (2, 3)]
    np.testing.assert_allclose(found[0].a_from_b[:3, 3], [0.1, 0, 0])
    assert found[0].rotation_sigma_rad == pytest.approx(np.radians(0.5))
    # 3 mm, 1 % of the distance, and how long a unit is.
    sigma_m = math.sqrt(0.003**2 + 0.002**2 + 0.002**2)
    assert found[0].translation_sigma == pytest.approx(sigma_m / 2.0)


def test_cameras_in_one_place_have_no_direction(pairs):
    found = known_motion(pairs, view(first=rig(0.0)), KNOWN).in_window(0, is_in_map=False)
    assert all(math.isinf(each.direction_sigma_rad) for each in found)


def test_a_camera_of_which_the_rig_knows_nothing_is_left_out(pairs):
    first = rig(0.2)
    found = known_motion(pairs, view(first=(*first[:3], None)), KNOWN)
    assert [(each.row_a, each.row_b) for each in found.relative] == [(0, 1)]


def test_cameras_of_a_rig_follow_their_own_frames_and_share_the_wheels(pairs):
    pose = walk(0.5)
    right = se3.rigid(np.eye(3), np.array([0.2, 0.0, 0.0]))
    odom = [pose(0), pose(0) @ right, pose(1), pose(1) @ right]
    found = known_motion(pairs, view(odom), KNOWN)
    assert [(each.row_a, each.row_b) for each in found.relative] == [(0, 2), (1, 3)]
    assert found.relative[0].translation_sigma == pytest.approx(math.sqrt(2) * 0.02)


def test_of_an_unknown_robot_nothing_is_known(window):
    assert not known_motion(window, view(), KNOWN).relative
    assert not NO_MOTION.in_window(0, is_in_map=True)
