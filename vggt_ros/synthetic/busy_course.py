"""Busy courses: people walk through, a door slides, and what was parked is taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from jaxtyping import Float
import numpy as np

from vggt_ros.synthetic.box_world import BoxWorld
from vggt_ros.synthetic.course import Course
from vggt_ros.synthetic.moving_things import MovingThings

_MOMENT_S = 0.1
_FRAMES_PER_PERSON = 80
_MAX_TRIES = 60
# People have left after this share of the course.
_GONE_BEFORE = 0.9
# Nothing comes nearer to a camera than this.
_CLEARANCE_M = 0.75
_DOOR_M, _LEAF_M, _WALL_M = 0.9, 0.04, 0.1  # width, and thickness of the leaf and beside it
_DOOR_HEIGHT_M, _WALL_PIECE_M = 2.1, 1.0

# Boxes of one thing at all moments.
_Boxes = Float[np.ndarray, 'T m 2 3']


def busy_course(course: Course, seed: int) -> Course:
    """Return a course with things that move; poses and what stood there stay as they are.

    People come through a wall of the hall, cross the robot's way, some of them stopping in front
    of it, and leave through the other wall, until a tenth of the course is left. A door beside
    the way, in a partition that is new, opens and closes. Trolleys that are parked beside the way
    are taken away after a third of the course. A course without the room for a door has none.

    Args:
        course: The path, and what does not move.
        seed: Decides who goes where, and when.
    """
    rng = np.random.default_rng([seed, 23])
    num_moments = len(course) // course.num_cameras
    centers = course.world_from_cam[:: course.num_cameras, :3, 3]
    things: list[tuple[str, _Boxes]] = []
    walls = np.zeros((0, 2, 3))
    door = _tried(partial(_door, rng, course.world, centers))
    if door is not None:
        walls, leaf = door
        things.append(('door', leaf))
    for _ in range(max(1, num_moments // 300)):
        trolley = _tried(partial(_trolley, rng, course.world, centers))
        if trolley is not None:
            things.append(('trolley', trolley))
    num_people = max(1, num_moments // _FRAMES_PER_PERSON)
    for k in range(num_people):
        when = int((0.04 + 0.82 * (k + rng.uniform()) / num_people) * num_moments)
        person = _tried(partial(_person, rng, course, when))
        if person is not None:
            things.append(('person', person))
    counts = [boxes.shape[1] for _, boxes in things]
    moving = MovingThings(
        names=tuple(name for name, _ in things),
        boxes=np.concatenate([np.zeros((num_moments, 0, 2, 3)), *(b for _, b in things)], axis=1),
        thing=np.repeat(np.arange(len(things)), counts),
    )
    styles = course.world.styles
    world = replace(
        course.world,
        boxes=np.concatenate([course.world.boxes, walls]),
        style=np.concatenate([styles, styles.max(initial=-1) + 1 + np.arange(len(walls))]),
    )
    return replace(course, world=world, moving=moving)


_T = TypeVar('_T')


def _tried(make: Callable[[], _T | None]) -> _T | None:
    """Return the first of some tries that has room, None if there is none."""
    found = (make() for _ in range(_MAX_TRIES))
    return next((each for each in found if each is not None), None)


def _person(rng: np.random.Generator, course: Course, when: int) -> _Boxes | None:
    """Return someone who is in front of the robot about at that moment."""
    poses = course.world_from_cam[:: course.num_cameras]
    hall = course.world.hall[:, :2]
    forward = poses[when, :2, 2] / np.linalg.norm(poses[when, :2, 2])
    crossing = poses[when, :2, 3] + rng.uniform(2.0, 4.0) * forward
    turn = rng.choice([-1.0, 1.0]) * rng.uniform(np.pi / 3, 2 * np.pi / 3)
    way = np.array(
        [
            np.cos(turn) * forward[0] - np.sin(turn) * forward[1],
            np.sin(turn) * forward[0] + np.cos(turn) * forward[1],
        ]
    )
    if (crossing < hall[0] + 0.3).any() or (crossing > hall[1] - 0.3).any():
        return None
    seconds = _MOMENT_S * (np.arange(len(poses)) - when)
    pause_s = rng.choice([0.0, rng.uniform(1.0, 3.0)])
    walked_s = np.where(seconds < 0, seconds, np.maximum(seconds - pause_s, 0.0))
    walked_m = rng.uniform(0.8, 1.4) * walked_s
    middle = crossing + walked_m[:, None] * way
    swing = 0.2 * np.sin(2 * np.pi * walked_m / 1.3)[:, None] * way
    across = np.array([-way[1], way[0]])
    body = np.where(np.abs(way[0]) > np.abs(way[1]), [0.24, 0.42], [0.42, 0.24])
    top_m = rng.uniform(1.55, 1.9)
    parts = [
        (middle, body, 0.47 * top_m, 0.85 * top_m),
        (middle, np.array([0.18, 0.18]), 0.85 * top_m, top_m),
        (middle + swing + 0.1 * across, np.array([0.14, 0.14]), 0.0, 0.47 * top_m),
        (middle - swing - 0.1 * across, np.array([0.14, 0.14]), 0.0, 0.47 * top_m),
    ]
    boxes = np.empty((len(poses), len(parts), 2, 3))
    for k, (center, size, low_m, high_m) in enumerate(parts):
        boxes[:, k, 0, :2], boxes[:, k, 1, :2] = center - 0.5 * size, center + 0.5 * size
        boxes[:, k, 0, 2], boxes[:, k, 1, 2] = low_m, high_m
    is_inside = ((middle > hall[0] + 0.4) & (middle < hall[1] - 0.4)).all(axis=1)
    boxes[~is_inside] = np.nan
    is_gone = not is_inside[int(_GONE_BEFORE * len(poses)) :].any()
    clear = _is_clear(boxes, poses[:, :3, 3])
    return boxes if is_gone and clear else None


def _trolley(
    rng: np.random.Generator, world: BoxWorld, centers: Float[np.ndarray, 'T 3']
) -> _Boxes | None:
    """Return a trolley that the robot passes early, and that is taken away later."""
    passed = int(rng.uniform(0.03, 0.2) * len(centers))
    place = _beside(rng, centers, passed, 1.0, 2.5)
    size = np.array([*rng.permutation([0.9, 0.55]), rng.uniform(0.8, 1.3)])
    box = np.stack([[*(place - 0.5 * size[:2]), 0.05], [*(place + 0.5 * size[:2]), size[2]]])
    if not _is_clear(box, centers) or not _has_room(box[None], world):
        return None
    boxes = np.tile(box[None, None], (len(centers), 1, 1, 1))
    boxes[int(rng.uniform(0.3, 0.4) * len(centers)) :] = np.nan
    return boxes


def _door(
    rng: np.random.Generator, world: BoxWorld, centers: Float[np.ndarray, 'T 3']
) -> tuple[Float[np.ndarray, '2 2 3'], _Boxes] | None:
    """Return two pieces of a wall with a gap between them, and a leaf that slides over it."""
    place = _beside(rng, centers, int(rng.integers(len(centers))), 1.2, 3.0)
    along = int(rng.integers(2))
    pieces = np.zeros((2, 2, 3))
    pieces[:, 1, 2] = world.hall[1, 2]
    pieces[:, :, 1 - along] = place[1 - along] + np.array([0.0, _WALL_M])
    gap = place[along] + np.array([-0.5, 0.5]) * _DOOR_M
    pieces[0, :, along] = gap[0] - _WALL_PIECE_M, gap[0]
    pieces[1, :, along] = gap[1], gap[1] + _WALL_PIECE_M
    around = np.stack([pieces.min(axis=(0, 1)), pieces.max(axis=(0, 1))])
    if not _is_clear(around, centers) or not _has_room(around[None], world):
        return None
    seconds = _MOMENT_S * np.arange(len(centers)) + rng.uniform(0, 10)
    # Open for some seconds, closed for some, on the way in between.
    open_share = np.clip(0.5 + 1.5 * np.sin(2 * np.pi * seconds / rng.uniform(12, 20)), 0, 1)
    leaf = np.zeros((len(centers), 1, 2, 3))
    leaf[..., 1, 2] = _DOOR_HEIGHT_M
    leaf[..., 1 - along] = place[1 - along] - 0.02 - np.array([_LEAF_M, 0.0])
    leaf[:, 0, :, along] = gap + (open_share * _DOOR_M)[:, None]
    return pieces, leaf


def _beside(
    rng: np.random.Generator,
    centers: Float[np.ndarray, 'T 3'],
    moment: int,
    nearest_m: float,
    farthest_m: float,
) -> Float[np.ndarray, ' 2']:
    """Return a place on the floor so far beside the robot's place at a moment."""
    angle, distance_m = rng.uniform(0, 2 * np.pi), rng.uniform(nearest_m, farthest_m)
    return centers[moment, :2] + distance_m * np.array([np.cos(angle), np.sin(angle)])


def _is_clear(boxes: Float[np.ndarray, '*t 2 3'], centers: Float[np.ndarray, 'T 3']) -> bool:
    """Return whether boxes keep away from the cameras, seen from above.

    Args:
        boxes: (2, 3) one that stands still, or (T, m, 2, 3), NaN while it is not there.
        centers: (T, 3) where the cameras are.
    """
    xy = centers[:, None, :2]
    gap = np.maximum(boxes[..., 0, :2] - xy, xy - boxes[..., 1, :2])
    distance_m = np.linalg.norm(np.maximum(gap, 0.0), axis=-1)
    return not bool((distance_m < _CLEARANCE_M).any())


def _has_room(boxes: Float[np.ndarray, 'n 2 3'], world: BoxWorld) -> bool:
    """Return whether boxes are in the hall and touch nothing there."""
    low, high = boxes[:, None, 0, :2], boxes[:, None, 1, :2]
    touches = ((low < world.boxes[:, 1, :2]) & (high > world.boxes[:, 0, :2])).all(axis=-1)
    hall = world.hall[:, :2]
    return bool((low > hall[0] + 0.1).all() and (high < hall[1] - 0.1).all() and not touches.any())
