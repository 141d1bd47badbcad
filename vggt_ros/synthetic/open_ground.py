"""Wide open grounds, made up from a seed."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.synthetic.place import Place
from vggt_ros.synthetic.shapes import Finish, is_clear, MARGIN_M, MAX_BOXES, Shapes
from vggt_ros.synthetic.walk import loop_around

_TRIES = 120
_BESIDE_M = (0.05, 4.0)  # between the path's margin and the things beside it
_REACH_M = (0.1, 1.25)  # half of a thing's width
_EDGE_M = 2.5  # that things keep away from the walls
_FINISH = Finish(
    tile_m=(0.6, 2.5),
    wall_tile_m=(4.0, 10.0),
    floor_tile_share=0.5,
    plaster_share=0.12,
    lamp_height_m=6.0,
    ambient=(0.6, 0.95),
)


def open_ground(seed: int) -> Place:
    """Make up things scattered along a wide loop, far from walls; a seed gives always the same."""
    rng = np.random.default_rng([seed, 5])
    half = np.array([rng.uniform(15.0, 30.0), rng.uniform(15.0, 30.0), rng.uniform(6.0, 10.0)])
    reach_m = rng.uniform(4.0, 0.55 * half[:2].min(), 2)
    path = loop_around(rng, float(reach_m[0]), float(reach_m[1]))
    shapes = Shapes.within(half)
    for _ in range(_TRIES):
        if len(shapes.boxes) >= MAX_BOXES - 1:
            break
        _scatter_one(rng, shapes, half, path)
    return Place(
        scene=shapes.scene(rng, _FINISH), path=path, half_size_m=half, eye_height_m=(0.4, 1.8)
    )


def _scatter_one(
    rng: np.random.Generator,
    shapes: Shapes,
    half: np.ndarray,
    path: Float[np.ndarray, 'dense 2'],
) -> None:
    """Try to place a thing beside the path, where it is clear of the path and of other things."""
    reach = float(rng.uniform(*np.sqrt(_REACH_M)) ** 2)  # more small things than large ones
    here = int(rng.integers(len(path) - 1))
    ahead = path[here + 1] - path[here]
    aside = np.array([-ahead[1], ahead[0]]) / np.hypot(*ahead)
    away = reach + MARGIN_M + rng.uniform(*_BESIDE_M)
    base = np.append(path[here] + rng.choice([-1.0, 1.0]) * away * aside, 0.0)
    others = [(c, float(np.hypot(h[0], h[1]))) for c, h, _ in shapes.boxes[1:]]
    others += [(c, radius) for c, radius, _ in shapes.cylinders]
    others += shapes.spheres
    is_free = all(np.hypot(*(c - base)[:2]) > reach + r for c, r in others)
    is_inside = bool((np.abs(base[:2]) < half[:2] - _EDGE_M).all())
    # The path's points are further apart here than in a room: ask for some more.
    if is_free and is_inside and is_clear(path, base[:2], reach + 0.03):
        _put(rng, shapes, base, reach)


def _put(rng: np.random.Generator, shapes: Shapes, base: np.ndarray, reach: float) -> None:
    """Put a tank, a ball, a pillar or a crate that may carry another; nothing exceeds `reach`."""
    kind, yaw = rng.uniform(), float(rng.uniform(0, np.pi))
    if kind < 0.15 and shapes.add_cylinder(base, reach, float(rng.uniform(0.5, 1.5)) * reach):
        return
    if kind > 0.85 and shapes.add_sphere(base, reach):
        return
    if kind < 0.3:
        radius = min(reach, 0.4)
        pillar = np.array([0.7 * radius, 0.7 * radius, rng.uniform(1.0, 3.0)])
        shapes.add_box(base, pillar, yaw)
        return
    size = reach * np.array([0.8, rng.uniform(0.3, 0.6), rng.uniform(0.3, 1.0)])
    shapes.add_box(base, size, yaw)
    if rng.uniform() < 0.25:
        top = base + np.array([0.0, 0.0, 2 * size[2]])
        upper = rng.uniform(0.4, 0.9) * np.array([size[1], size[1], size[2]])
        shapes.add_box(top, upper, float(rng.uniform(0, np.pi)))
