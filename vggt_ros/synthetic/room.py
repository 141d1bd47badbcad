"""Furnished rooms, made up from a seed."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.synthetic.place import Place
from vggt_ros.synthetic.shapes import Finish, is_clear, MAX_BOXES, Shapes
from vggt_ros.synthetic.walk import loop_around

_WALL_DEPTH_M = 1.25  # of the strip along the walls that furniture stands in


def furnished_room(seed: int) -> Place:
    """Make up a room; the same seed gives the same room."""
    rng = np.random.default_rng([seed, 1])
    half = np.array([rng.uniform(3.0, 4.2), rng.uniform(2.6, 3.6), rng.uniform(1.2, 1.5)])
    path = loop_around(rng, half[0] - _WALL_DEPTH_M, half[1] - _WALL_DEPTH_M)
    shapes = Shapes.within(half)
    hang_pictures(rng, shapes, half, sides=(-0.5, 0.5))
    place_along_walls(rng, shapes, half, path, num_boxes=MAX_BOXES - 4)
    _place_table(rng, shapes, path)
    return Place(
        scene=shapes.scene(rng, Finish()), path=path, half_size_m=half, eye_height_m=(0.9, 1.5)
    )


def hang_pictures(
    rng: np.random.Generator,
    shapes: Shapes,
    half: Float[np.ndarray, ' 3'],
    *,
    sides: tuple[float, ...],
) -> None:
    """Hang pictures on all four walls.

    Args:
        rng: Where sizes and positions come from.
        shapes: What they are added to.
        half: (3,) half of the room's inner size, meters.
        sides: About where along each wall, -1..1.
    """
    for wall in range(4):
        axis, sign = wall // 2, 1.0 if wall % 2 else -1.0
        for side in sides:
            size = rng.uniform(0.25, 0.55, 2)
            thin = np.array([size[0], size[0], size[1]])
            thin[axis] = 0.02
            center = np.zeros(3)
            center[axis] = sign * (half[axis] - 0.02)
            center[1 - axis] = side * half[1 - axis] + rng.uniform(-0.3, 0.3)
            center[2] = rng.uniform(1.4, 1.75)
            shapes.boxes.append((center, thin, 0.0))


def place_along_walls(
    rng: np.random.Generator,
    shapes: Shapes,
    half: Float[np.ndarray, ' 3'],
    path: Float[np.ndarray, 'dense 2'],
    *,
    num_boxes: int,
) -> None:
    """Place furniture along the walls, and things on it, clear of the path.

    Args:
        rng: Where kinds, sizes and positions come from.
        shapes: What they are added to.
        half: (3,) half of the room's inner size, meters.
        path: (dense, 2) closed curve on the floor.
        num_boxes: Stop when there are this many boxes or one more.
    """
    first = len(shapes.boxes)
    for _ in range(24):
        if len(shapes.boxes) >= num_boxes:
            return
        size = np.array([rng.uniform(0.2, 0.6), rng.uniform(0.15, 0.32), rng.uniform(0.2, 0.95)])
        wall = int(rng.integers(4))
        axis, sign = wall // 2, 1.0 if wall % 2 else -1.0
        center = np.zeros(3)
        center[axis] = sign * (half[axis] - size[1] - rng.uniform(0.03, 0.12))
        center[1 - axis] = rng.uniform(-1, 1) * (half[1 - axis] - size[0] - 0.1)
        center[2] = size[2]
        yaw = (0.0 if axis == 1 else np.pi / 2) + rng.uniform(-0.12, 0.12)
        reach = float(np.hypot(size[0], size[1]))
        others = [(c, float(np.hypot(h[0], h[1]))) for c, h, _ in shapes.boxes[first:]]
        is_free = all(np.hypot(*(c - center)[:2]) > 0.8 * (r + reach) for c, r in others)
        if is_free and is_clear(path, center[:2], reach):
            shapes.boxes.append((center, size, float(yaw)))
            shapes.put_on_top(rng, center, size)


def _place_table(
    rng: np.random.Generator, shapes: Shapes, path: Float[np.ndarray, 'dense 2']
) -> None:
    size = np.array([rng.uniform(0.3, 0.6), rng.uniform(0.25, 0.4), rng.uniform(0.3, 0.42)])
    if is_clear(path, np.zeros(2), float(np.hypot(size[0], size[1]))):
        center = np.array([0.0, 0.0, size[2]])
        shapes.boxes.append((center, size, float(rng.uniform(0, np.pi))))
        shapes.put_on_top(rng, center, 0.6 * size + np.array([0, 0, 0.4 * size[2]]))
        shapes.put_on_top(rng, center, 0.6 * size + np.array([0, 0, 0.4 * size[2]]))
