from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.geometry import se3
from vggt_ros.synthetic.course import COURSES, make_course, REPEATED_CORRIDOR
from vggt_ros.synthetic.moving_things import MovingThings, STATIC

every_course = pytest.mark.parametrize('name', [*COURSES, REPEATED_CORRIDOR])


@every_course
def test_a_course_is_walkable_and_smooth(name):
    course = make_course(name, 600, 3)
    assert len(course) == 600
    assert all(se3.is_rigid(pose) for pose in course.world_from_cam)
    center = course.world_from_cam[:, :3, 3]
    low, high = course.world.hall
    assert ((center > low + 0.5) & (center < high - 0.5)).all()
    gap = np.maximum(course.world.boxes[:, 0] - center[:, None], 0)
    gap = np.maximum(gap, center[:, None] - course.world.boxes[:, 1])
    assert np.linalg.norm(gap[..., :2], axis=-1).min() > 0.3, 'nothing stands in the way'
    assert np.linalg.norm(np.diff(center, axis=0), axis=1).max() < 0.2
    forward = course.world_from_cam[:, :3, 2]
    turns = np.arccos(np.clip((forward[1:] * forward[:-1]).sum(axis=1), -1, 1))
    assert np.degrees(turns).max() < 12


@every_course
def test_the_same_seed_gives_the_same_course_and_another_seed_another(name):
    first, again, other = (make_course(name, 40, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.world_from_cam, again.world_from_cam)
    np.testing.assert_array_equal(first.world.boxes, again.world.boxes)
    assert not np.array_equal(first.world.boxes, other.world.boxes)


def test_the_corridor_loop_comes_back_to_where_it_was():
    course = make_course('corridor_loop', 2000, 0)
    center = course.world_from_cam[:, :3, 3]
    to_start = np.linalg.norm(center - center[0], axis=1)
    assert to_start[1000] > 20
    assert to_start[1700:].min() < 0.2
    assert course.path_length_m == pytest.approx(240, rel=0.02)


def test_stopping_and_parking_robots_stand_still():
    stopping = make_course('stop_and_go', 300, 0).world_from_cam
    is_same = (stopping[1:] == stopping[:-1]).all(axis=(1, 2))
    assert 0.25 < is_same.mean() < 0.4
    parked = make_course('parked', 50, 0).world_from_cam
    assert (parked == parked[0]).all()


def test_a_turning_robot_turns_on_the_spot():
    course = make_course('turning', 264, 0)
    center, forward = course.world_from_cam[:, :3, 3], course.world_from_cam[:, :3, 2]
    spot = slice(62, 130)
    assert np.ptp(center[spot, :2], axis=0).max() < 1e-6
    yaw = np.unwrap(np.arctan2(forward[spot, 1], forward[spot, 0]))
    assert yaw[-1] - yaw[0] > 5


@pytest.mark.parametrize(('name', 'count'), [('maze', 10), ('parked', 1)])
def test_what_can_not_be_made_is_refused(name, count):
    with pytest.raises(ConfigError, match=r'courses are figure_eight|at least 2 frames'):
        make_course(name, count, 0)


def test_a_course_with_pictures_sees_the_same_with_more_pixels():
    plain = make_course('turning', 20, 0)
    assert (plain.image_scale, plain.paint_seed) == (1, None)
    np.testing.assert_array_equal(plain.K_image, plain.K)
    course = plain.with_pictures(width=64, height=48, image_scale=5)
    np.testing.assert_array_equal(course.world_from_cam, plain.world_from_cam)
    assert (course.grid.image_width, course.grid.image_height) == (320, 240)
    # The corners of the image look the same way, whatever its size.
    for K, width in ((course.K, 64), (course.K_image, 320)):
        corner = (-0.5 - K[0, 2]) / K[0, 0], (width - 0.5 - K[0, 2]) / K[0, 0]
        expected = (-0.5 - plain.K[0, 2]) / plain.K[0, 0], (31.5 - plain.K[0, 2]) / plain.K[0, 0]
        assert corner == pytest.approx(expected)


def test_the_repeated_corridor_is_never_visited_twice_and_looks_like_it():
    course = make_course(REPEATED_CORRIDOR, 500, 0)
    center = course.world_from_cam[:, :3, 3]
    for frame in range(0, 500, 25):
        others = np.delete(center, range(max(0, frame - 60), min(500, frame + 60)), axis=0)
        assert np.linalg.norm(others - center[frame], axis=1).min() > 3
    seeming = center - course.alias_shift
    late = np.flatnonzero(course.alias_shift[:, 0] > 0)
    to_early = np.linalg.norm(seeming[late, None] - center[None, : late[0]], axis=-1).min(axis=1)
    assert np.quantile(to_early, 0.9) < 0.2


def test_what_moves_is_in_the_place_of_its_moment_only():
    box = np.array([[100.0, 100, 0], [101, 101, 1]])
    boxes = np.full((40, 1, 2, 3), np.nan)
    boxes[7] = box
    moving = MovingThings(names=('a',), boxes=boxes, thing=np.array([0]))
    course = make_course('figure_eight', 40, 0)
    assert course.world_at(7) is course.world
    course = replace(course, moving=moving)
    np.testing.assert_array_equal(course.world_at(7).boxes[-1], box)
    assert len(course.world_at(8).boxes) == len(course.world.boxes)
    rig = course.with_rig(np.stack([np.eye(4)] * 2))
    np.testing.assert_array_equal(rig.world_at(15).boxes[-1], box)
    assert len(rig.world_at(16).boxes) == len(course.world.boxes)
    assert (course.moving_seen(7) == STATIC).all(), 'it is outside'
