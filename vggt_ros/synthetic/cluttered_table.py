"""Tables crowded with things, made up from a seed."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.synthetic.place import Place
from vggt_ros.synthetic.room import hang_pictures, place_along_walls
from vggt_ros.synthetic.shapes import Finish, MARGIN_M, MAX_BOXES, Shapes
from vggt_ros.synthetic.walk import loop_around

_FURTHEST_M = 1.6  # the path from the middle of the table
_NEAREST_M = 0.9
_BOXES_ALONG_WALLS = 5
_TRIES = 60
_TILE_M, _PLASTER_SHARE = (0.2, 0.8), 0.15


def cluttered_table(seed: int) -> Place:
    """Make up a small room around a crowded table; the same seed gives the same one."""
    rng = np.random.default_rng([seed, 4])
    half = np.array([rng.uniform(2.5, 3.2), rng.uniform(2.4, 3.0), rng.uniform(1.2, 1.5)])
    table = np.array([rng.uniform(0.45, 0.68), rng.uniform(0.35, 0.48), rng.uniform(0.32, 0.4)])
    path = _around(rng, float(np.hypot(table[0], table[1])))
    yaw = float(rng.uniform(0, np.pi))
    shapes = Shapes.within(half)
    hang_pictures(rng, shapes, half, sides=(0.0,))
    _set_up_table(rng, shapes, table, yaw)
    _crowd(rng, shapes, table, yaw)
    place_along_walls(rng, shapes, half, path, num_boxes=MAX_BOXES - 1)
    top_m = float(2 * table[2])
    finish = Finish(tile_m=_TILE_M, plaster_share=_PLASTER_SHARE)
    return Place(
        scene=shapes.scene(rng, finish),
        path=path,
        half_size_m=half,
        eye_height_m=(top_m + 0.2, top_m + 0.75),
        focus=np.array([0.0, 0.0, top_m]),
    )


def _around(rng: np.random.Generator, table_reach_m: float) -> Float[np.ndarray, 'dense 2']:
    """Return a ring that swings between a smallest and a largest distance from the table."""
    ring = loop_around(rng, 1.0, 1.0)
    radius = np.linalg.norm(ring, axis=1, keepdims=True)
    nearest_m = max(_NEAREST_M, table_reach_m + MARGIN_M + 0.02)
    low, high = np.sort(rng.uniform(nearest_m, _FURTHEST_M, 2))
    swing = (radius - radius.min()) / (radius.max() - radius.min())
    return ring / radius * (low + (high - low) * swing)


def _set_up_table(
    rng: np.random.Generator, shapes: Shapes, table: np.ndarray, yaw_rad: float
) -> None:
    """Add a block, or a plate on a foot; (0, 0, 2 table[2]) is the middle of its top."""
    floor = np.zeros(3)
    if rng.uniform() < 0.3:
        shapes.add_box(floor, table, yaw_rad)
        return
    plate_m = 0.025
    foot = np.array([*(rng.uniform(0.2, 0.8) * table[:2]), table[2] - plate_m])
    shapes.add_box(floor, foot, yaw_rad)
    plate = np.array([table[0], table[1], plate_m])
    shapes.add_box(np.array([0, 0, 2 * foot[2]]), plate, yaw_rad)


def _crowd(rng: np.random.Generator, shapes: Shapes, table: np.ndarray, yaw_rad: float) -> None:
    """Fill the table's top with boxes, tins and balls, some on boxes."""
    taken: list[tuple[np.ndarray, float]] = []
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    for _ in range(_TRIES):
        if len(shapes.boxes) >= MAX_BOXES - _BOXES_ALONG_WALLS:
            return
        reach = float(rng.uniform(0.05, 0.15))
        x, y = rng.uniform(-1, 1, 2) * (table[:2] - reach)
        base = np.array([cosine * x - sine * y, sine * x + cosine * y, 2 * table[2]])
        if all(np.hypot(*(base[:2] - at)) > 0.9 * (reach + r) for at, r in taken):
            taken.append((base[:2], reach))
            _put(rng, shapes, base, reach)


def _put(rng: np.random.Generator, shapes: Shapes, base: np.ndarray, reach: float) -> None:
    """Put a tin, a ball, or a box that may carry a smaller one."""
    kind = rng.uniform()
    if kind < 0.25 and shapes.add_cylinder(base, 0.8 * reach, float(rng.uniform(0.03, 0.15))):
        return
    if kind > 0.75 and shapes.add_sphere(base, 0.8 * reach):
        return
    # Half diagonals of at most `reach`.
    size = np.array([0.8 * reach, rng.uniform(0.2, 0.6) * reach, rng.uniform(0.02, 0.17)])
    shapes.add_box(base, size, float(rng.uniform(0, np.pi)))
    if rng.uniform() < 0.3:
        top = base + np.array([0.0, 0.0, 2 * size[2]])
        small = rng.uniform(0.4, 0.9, 3) * np.array([size[1], size[1], 0.08])
        shapes.add_box(top, small, float(rng.uniform(0, np.pi)))
