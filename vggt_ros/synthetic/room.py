"""Furnished rooms, made up from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
import numpy as np
import torch

from vggt_ros.synthetic.scene import Scene
from vggt_ros.synthetic.texture_atlas import num_standard_pictures
from vggt_ros.synthetic.walk import loop_around

_MAX_BOXES, _MAX_CYLINDERS, _MAX_SPHERES = 26, 4, 4
_MARGIN_M = 0.4  # between the path and everything else
_WALL_DEPTH_M = 1.25  # of the strip along the walls that furniture stands in


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Room:
    """A furnished room and a way around it.

    Attributes:
        scene: The room as a batch of one scene.
        path: (dense, 2) closed curve on the floor that keeps clear of everything.
        half_size_m: (3,) half of the room's inner size; the floor is at z = 0.
    """

    scene: Scene
    path: Float[np.ndarray, 'dense 2']
    half_size_m: Float[np.ndarray, ' 3']


@dataclass(slots=True)
class _Shapes:
    """Lists that a room is collected in."""

    boxes: list[tuple[np.ndarray, np.ndarray, float]] = field(default_factory=list)
    cylinders: list[tuple[np.ndarray, float, float]] = field(default_factory=list)
    spheres: list[tuple[np.ndarray, float]] = field(default_factory=list)


def furnished_room(seed: int) -> Room:
    """Make up a room; the same seed gives the same room."""
    rng = np.random.default_rng([seed, 1])
    half = np.array([rng.uniform(3.0, 4.2), rng.uniform(2.6, 3.6), rng.uniform(1.2, 1.5)])
    path = loop_around(rng, half[0] - _WALL_DEPTH_M, half[1] - _WALL_DEPTH_M)
    shapes = _Shapes(boxes=[(np.array([0.0, 0.0, half[2]]), half, 0.0)])
    _hang_pictures(rng, shapes, half)
    _place_along_walls(rng, shapes, half, path)
    _place_table(rng, shapes, path)
    return Room(scene=_scene(rng, shapes, half), path=path, half_size_m=half)


def _hang_pictures(rng: np.random.Generator, shapes: _Shapes, half: np.ndarray) -> None:
    for wall in range(4):
        axis, sign = wall // 2, 1.0 if wall % 2 else -1.0
        for side in (-0.5, 0.5):
            size = rng.uniform(0.25, 0.55, 2)
            thin = np.array([size[0], size[0], size[1]])
            thin[axis] = 0.02
            center = np.zeros(3)
            center[axis] = sign * (half[axis] - 0.02)
            center[1 - axis] = side * half[1 - axis] + rng.uniform(-0.3, 0.3)
            center[2] = rng.uniform(1.4, 1.75)
            shapes.boxes.append((center, thin, 0.0))


def _place_along_walls(
    rng: np.random.Generator, shapes: _Shapes, half: np.ndarray, path: np.ndarray
) -> None:
    for _ in range(24):
        if len(shapes.boxes) >= _MAX_BOXES - 4:
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
        others = [(c, float(np.hypot(h[0], h[1]))) for c, h, _ in shapes.boxes[9:]]
        is_free = all(np.hypot(*(c - center)[:2]) > 0.8 * (r + reach) for c, r in others)
        if is_free and _is_clear(path, center[:2], reach):
            shapes.boxes.append((center, size, float(yaw)))
            _put_on_top(rng, shapes, center, size)


def _place_table(rng: np.random.Generator, shapes: _Shapes, path: np.ndarray) -> None:
    size = np.array([rng.uniform(0.3, 0.6), rng.uniform(0.25, 0.4), rng.uniform(0.3, 0.42)])
    if _is_clear(path, np.zeros(2), float(np.hypot(size[0], size[1]))):
        center = np.array([0.0, 0.0, size[2]])
        shapes.boxes.append((center, size, float(rng.uniform(0, np.pi))))
        _put_on_top(rng, shapes, center, 0.6 * size + np.array([0, 0, 0.4 * size[2]]))
        _put_on_top(rng, shapes, center, 0.6 * size + np.array([0, 0, 0.4 * size[2]]))


def _put_on_top(
    rng: np.random.Generator, shapes: _Shapes, center: np.ndarray, size: np.ndarray
) -> None:
    """Put a box, a tin or a ball on something that is not too high."""
    top = center + np.array([0.0, 0.0, size[2]])
    if top[2] > 1.5:
        return
    top[:2] += rng.uniform(-0.4, 0.4, 2) * size[:2].min()
    kind = int(rng.integers(3))
    reach = float(rng.uniform(0.08, 0.16))
    if kind == 0 and len(shapes.boxes) < _MAX_BOXES:
        height = float(rng.uniform(0.08, 0.25))
        small = np.array([reach, 0.7 * reach, height])
        shapes.boxes.append((top + np.array([0, 0, height]), small, float(rng.uniform(0, np.pi))))
    elif kind == 1 and len(shapes.cylinders) < _MAX_CYLINDERS:
        height = float(rng.uniform(0.1, 0.25))
        shapes.cylinders.append((top + np.array([0, 0, height]), 0.8 * reach, height))
    elif kind == 2 and len(shapes.spheres) < _MAX_SPHERES:
        shapes.spheres.append((top + np.array([0, 0, reach]), reach))


def _is_clear(path: np.ndarray, center: np.ndarray, reach: float) -> bool:
    distance = np.linalg.norm(path[::50] - center, axis=1).min()
    return bool(distance > reach + _MARGIN_M)


def _scene(rng: np.random.Generator, shapes: _Shapes, half: np.ndarray) -> Scene:
    box = np.zeros((_MAX_BOXES, 8), np.float32)
    box[:, 3:6], box[:, 6] = -1.0, 1.0
    for row, (center, size, yaw) in zip(box, shapes.boxes, strict=False):
        row[:] = (*center, *size, np.cos(yaw), np.sin(yaw))
    cylinder = np.full((_MAX_CYLINDERS, 5), -1.0, np.float32)
    for row, (center, radius, height) in zip(cylinder, shapes.cylinders, strict=False):
        row[:] = (*center, radius, height)
    sphere = np.full((_MAX_SPHERES, 4), -1.0, np.float32)
    for row, (center, radius) in zip(sphere, shapes.spheres, strict=False):
        row[:] = (*center, radius)
    num_surfaces = 6 * _MAX_BOXES + _MAX_CYLINDERS + _MAX_SPHERES
    # One picture for all faces of a piece of furniture; walls, floor and ceiling one each.
    texture = rng.integers(0, num_standard_pictures(), num_surfaces)
    texture[6 : 6 * _MAX_BOXES] = np.repeat(texture[6 : 6 * _MAX_BOXES : 6], 6)
    tile_m = rng.uniform(0.5, 1.2, num_surfaces).astype(np.float32)
    tile_m[:6] = rng.uniform(1.5, 3.0, 6)
    tile_m[6 : 6 * _MAX_BOXES] = np.repeat(tile_m[6 : 6 * _MAX_BOXES : 6], 6)
    tint = rng.uniform(0.75, 1.05, (num_surfaces, 3)).astype(np.float32)
    light = [rng.uniform(-0.4, 0.4) * half[0], rng.uniform(-0.4, 0.4) * half[1], 2 * half[2] - 0.2]
    return Scene(
        box_center=torch.from_numpy(box[None, :, :3]),
        box_half=torch.from_numpy(box[None, :, 3:6]),
        box_turn=torch.from_numpy(box[None, :, 6:]),
        cylinder_center=torch.from_numpy(cylinder[None, :, :3]),
        cylinder_size=torch.from_numpy(cylinder[None, :, 3:]),
        sphere_center=torch.from_numpy(sphere[None, :, :3]),
        sphere_radius=torch.from_numpy(sphere[None, :, 3]),
        texture=torch.from_numpy(texture[None]),
        tile_m=torch.from_numpy(tile_m[None]),
        tint=torch.from_numpy(tint[None]),
        light=torch.tensor([light], dtype=torch.float32),
        ambient=torch.tensor([rng.uniform(0.35, 0.6)], dtype=torch.float32),
    )
