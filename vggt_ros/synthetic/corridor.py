"""Long narrow corridors, made up from a seed."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.synthetic.place import Place
from vggt_ros.synthetic.shapes import Finish, MARGIN_M, Shapes

_DENSE = 20_000
_SLOTS = 10  # along each wall
_END_M = 1.0  # between the path and the end walls
_WALL_TILE_M, _PLASTER_SHARE = (1.5, 4.0), 0.2
_AMBIENT = (0.5, 0.8)  # one lamp does not reach the ends


def corridor(seed: int) -> Place:
    """Make up a corridor along x and a path up and down it; the same seed gives the same one."""
    rng = np.random.default_rng([seed, 3])
    half = np.array([rng.uniform(6.0, 12.0), rng.uniform(0.9, 1.5), rng.uniform(1.1, 1.6)])
    lane_m = float(rng.uniform(0.15, 0.5 * (half[1] - MARGIN_M)))
    sway_m = float(rng.uniform(0.0, 0.08))
    path = _up_and_down(rng, half[0] - _END_M, lane_m, sway_m)
    shapes = Shapes.within(half)
    _close_ends(rng, shapes, half)
    _line_walls(rng, shapes, half, half[1] - MARGIN_M - lane_m - sway_m)
    finish = Finish(wall_tile_m=_WALL_TILE_M, plaster_share=_PLASTER_SHARE, ambient=_AMBIENT)
    return Place(
        scene=shapes.scene(rng, finish), path=path, half_size_m=half, eye_height_m=(0.6, 1.6)
    )


def _up_and_down(
    rng: np.random.Generator, half_length_m: float, lane_m: float, sway_m: float
) -> Float[np.ndarray, 'dense 2']:
    """Return two straight lanes at y = -lane_m and lane_m joined by half circles, swaying."""
    straight_m, turn_m = 2 * (half_length_m - lane_m), np.pi * lane_m
    circle = lane_m * np.exp(1j * np.linspace(-0.5 * np.pi, 0.5 * np.pi, 257))
    one_way = np.concatenate([[-0.5 * straight_m - 1j * lane_m], 0.5 * straight_m + circle])
    loop = np.concatenate([one_way, -one_way, one_way[:1]])  # the way back is half a turn further
    arc = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(loop)))])
    along = np.linspace(0, arc[-1], _DENSE) + rng.uniform(0, 2 * (straight_m + turn_m))
    along = along % arc[-1]
    x, y = np.interp(along, arc, loop.real), np.interp(along, arc, loop.imag)
    sway = sway_m * np.sin(rng.uniform(0.5, 1.2) * x + rng.uniform(0, 2 * np.pi))
    return np.stack([x, y + sway], axis=1)


def _close_ends(rng: np.random.Generator, shapes: Shapes, half: np.ndarray) -> None:
    for sign in (-1.0, 1.0):
        depth = 0.03
        base = np.array([sign * (half[0] - depth), rng.uniform(-0.3, 0.3), 0.0])
        if rng.uniform() < 0.6:
            shapes.add_box(base, np.array([depth, 0.45, 1.0]), 0.0)
        else:
            base[2] = rng.uniform(0.8, 1.2)
            shapes.add_box(base, np.array([depth, *rng.uniform(0.2, 0.4, 2)]), 0.0)


def _line_walls(
    rng: np.random.Generator, shapes: Shapes, half: np.ndarray, depth_m: float
) -> None:
    """Put something or nothing into each slot along the two long walls.

    Args:
        rng: Where kinds, sizes and positions come from.
        shapes: What they are added to.
        half: (3,) half of the corridor's inner size, meters.
        depth_m: How far things may reach from the wall.
    """
    slot_m = 2 * half[0] / _SLOTS
    for sign in (-1.0, 1.0):
        for slot in range(_SLOTS):
            x = -half[0] + (slot + 0.5) * slot_m
            x += rng.uniform(-1, 1) * (0.5 * slot_m - 0.5)
            wall = np.array([x, sign * half[1], 0.0])
            inward = np.array([0.0, -sign, 0.0])
            kind = rng.choice(5, p=[0.25, 0.2, 0.15, 0.3, 0.1])
            if kind == 0:
                _hang(shapes, wall, inward, np.array([rng.uniform(0.4, 0.48), 0.03, 1.0]))
            elif kind == 1:
                wall[2] = rng.uniform(0.9, 1.3)
                width, height = rng.uniform(0.2, 0.45), rng.uniform(0.15, 0.4)
                _hang(shapes, wall, inward, np.array([width, 0.02, height]))
            elif kind == 2:
                _raise_pillar(rng, shapes, wall, inward, half[2], depth_m)
            elif kind == 3:
                _stand(rng, shapes, wall, inward, depth_m)


def _hang(shapes: Shapes, wall: np.ndarray, inward: np.ndarray, size: np.ndarray) -> None:
    shapes.add_box(wall + size[1] * inward, size, 0.0)


def _raise_pillar(
    rng: np.random.Generator,
    shapes: Shapes,
    wall: np.ndarray,
    inward: np.ndarray,
    half_height_m: float,
    depth_m: float,
) -> None:
    radius = float(rng.uniform(0.25, 0.5)) * min(depth_m, 0.5)
    if rng.uniform() < 0.4 and shapes.add_cylinder(wall + radius * inward, radius, half_height_m):
        return
    size = np.array([rng.uniform(0.1, 0.25), radius, half_height_m])
    shapes.add_box(wall + radius * inward, size, 0.0)


def _stand(
    rng: np.random.Generator,
    shapes: Shapes,
    wall: np.ndarray,
    inward: np.ndarray,
    depth_m: float,
) -> None:
    """Stand a ball, a bin or a box against the wall, and something small on a deep box."""
    radius = float(rng.uniform(0.3, 0.5)) * min(depth_m, 0.8)
    base, kind = wall + radius * inward, rng.uniform()
    if kind < 0.2 and shapes.add_sphere(base, radius):
        return
    if kind < 0.35 and shapes.add_cylinder(base, radius, float(rng.uniform(0.2, 0.45))):
        return
    size = np.array([rng.uniform(0.15, 0.48), radius, rng.uniform(0.15, 0.95)])
    # What stands on a shallow box could reach into the path.
    if shapes.add_box(base, size, 0.0) and radius > 0.33:
        shapes.put_on_top(rng, base + np.array([0, 0, size[2]]), size)
