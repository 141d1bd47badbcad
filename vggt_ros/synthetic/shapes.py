"""The shapes that a place is collected in, and the scene they make."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float, Int
import numpy as np
import torch

from vggt_ros.synthetic.scene import Scene
from vggt_ros.synthetic.texture_atlas import num_standard_pictures

# The same for all kinds of places, so that their scenes can be stacked into one batch.
MAX_BOXES, MAX_CYLINDERS, MAX_SPHERES = 26, 4, 4
MARGIN_M = 0.4  # between a path and everything else
PLASTER_PICTURES = (24, 26, 31, 34, 38, 39, 40)  # nearly plain ones of the standard atlas

Point = Float[np.ndarray, ' 3']


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What the surfaces of a place and its light are like; ranges are (lowest, highest).

    Attributes:
        tile_m: Meters that one repetition of a picture covers on furniture.
        wall_tile_m: The same for walls, floor and ceiling.
        floor_tile_share: Factor on it for the floor, which is seen from nearer than far walls.
        plaster_share: Share of pieces that become nearly plain, over those that are by chance.
        lamp_height_m: Height of the lamp; None: just below the ceiling.
        ambient: Share of light that comes from everywhere, 0..1.
    """

    tile_m: tuple[float, float] = (0.5, 1.2)
    wall_tile_m: tuple[float, float] = (1.5, 3.0)
    floor_tile_share: float = 1.0
    plaster_share: float = 0.0
    lamp_height_m: float | None = None
    ambient: tuple[float, float] = (0.35, 0.6)


@dataclass(slots=True)
class Shapes:
    """Lists that a place is collected in; box 0 is the place itself, seen from inside.

    Attributes:
        boxes: Center (3,), half edge lengths (3,) and turn about z in radians.
        cylinders: Center (3,), radius and half height.
        spheres: Center (3,) and radius.
    """

    boxes: list[tuple[Point, Point, float]] = field(default_factory=list)
    cylinders: list[tuple[Point, float, float]] = field(default_factory=list)
    spheres: list[tuple[Point, float]] = field(default_factory=list)

    @classmethod
    def within(cls, half_size_m: Point) -> Shapes:
        """Return an empty place whose floor is at z = 0, centered at the origin."""
        return cls(boxes=[(np.array([0.0, 0.0, half_size_m[2]]), half_size_m, 0.0)])

    def add_box(self, base: Point, half: Point, yaw_rad: float) -> bool:
        """Put a box with its bottom's center at `base`; False if there is no place for one."""
        if len(self.boxes) >= MAX_BOXES:
            return False
        self.boxes.append((base + np.array([0.0, 0.0, half[2]]), half, yaw_rad))
        return True

    def add_cylinder(self, base: Point, radius: float, half_height: float) -> bool:
        """Put an upright cylinder on `base`; False if there is no place for one."""
        if len(self.cylinders) >= MAX_CYLINDERS:
            return False
        center = base + np.array([0.0, 0.0, half_height])
        self.cylinders.append((center, radius, half_height))
        return True

    def add_sphere(self, base: Point, radius: float) -> bool:
        """Put a ball on `base`; False if there is no place for one."""
        if len(self.spheres) >= MAX_SPHERES:
            return False
        self.spheres.append((base + np.array([0.0, 0.0, radius]), radius))
        return True

    def put_on_top(self, rng: np.random.Generator, center: Point, half: Point) -> None:
        """Put a box, a tin or a ball on a box that is not too high, if there is place for it."""
        top = center + np.array([0.0, 0.0, half[2]])
        if top[2] > 1.5:
            return
        top[:2] += rng.uniform(-0.4, 0.4, 2) * half[:2].min()
        kind = int(rng.integers(3))
        reach = float(rng.uniform(0.08, 0.16))
        if kind == 0 and len(self.boxes) < MAX_BOXES:
            small = np.array([reach, 0.7 * reach, rng.uniform(0.08, 0.25)])
            self.add_box(top, small, float(rng.uniform(0, np.pi)))
        elif kind == 1 and len(self.cylinders) < MAX_CYLINDERS:
            self.add_cylinder(top, 0.8 * reach, float(rng.uniform(0.1, 0.25)))
        elif kind == 2:
            self.add_sphere(top, reach)

    def scene(self, rng: np.random.Generator, finish: Finish) -> Scene:
        """Return the shapes, covered with pictures and lit, as a batch of one scene."""
        box = np.zeros((MAX_BOXES, 8), np.float32)
        box[:, 3:6], box[:, 6] = -1.0, 1.0
        for row, (center, half, yaw) in zip(box, self.boxes, strict=False):
            row[:] = (*center, *half, np.cos(yaw), np.sin(yaw))
        cylinder = np.full((MAX_CYLINDERS, 5), -1.0, np.float32)
        for row, (center, radius, half_height) in zip(cylinder, self.cylinders, strict=False):
            row[:] = (*center, radius, half_height)
        sphere = np.full((MAX_SPHERES, 4), -1.0, np.float32)
        for row, (center, radius) in zip(sphere, self.spheres, strict=False):
            row[:] = (*center, radius)
        texture, tile_m, tint = _cover(rng, finish)
        light = _hang_lamp(rng, finish, self.boxes[0][1])
        ambient = rng.uniform(*finish.ambient)
        _plaster(rng, texture, finish.plaster_share)
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
            ambient=torch.tensor([ambient], dtype=torch.float32),
        )


def is_clear(path: Float[np.ndarray, 'dense 2'], center: np.ndarray, reach_m: float) -> bool:
    """Say whether a disc on the floor keeps the margin to a path.

    Args:
        path: (dense, 2) closed curve, meters.
        center: (2,) of the disc.
        reach_m: Its radius.
    """
    distance = np.linalg.norm(path[::50] - center, axis=1).min()
    return bool(distance > reach_m + MARGIN_M)


def _cover(
    rng: np.random.Generator, finish: Finish
) -> tuple[Int[np.ndarray, ' M'], Float[np.ndarray, ' M'], Float[np.ndarray, 'M 3']]:
    """Return pictures, meters a repetition and tints of all surfaces."""
    num_surfaces = 6 * MAX_BOXES + MAX_CYLINDERS + MAX_SPHERES
    texture = rng.integers(0, num_standard_pictures(), num_surfaces)
    _share_among_faces(texture)
    tile_m = rng.uniform(*finish.tile_m, num_surfaces).astype(np.float32)
    tile_m[:6] = rng.uniform(*finish.wall_tile_m, 6)
    tile_m[4] *= finish.floor_tile_share
    _share_among_faces(tile_m)
    tint = rng.uniform(0.75, 1.05, (num_surfaces, 3)).astype(np.float32)
    return texture, tile_m, tint


def _plaster(rng: np.random.Generator, texture: Int[np.ndarray, ' M'], share: float) -> None:
    plain = rng.choice(PLASTER_PICTURES, len(texture))
    is_plain = rng.uniform(size=len(texture)) < share
    _share_among_faces(plain)
    _share_among_faces(is_plain)
    texture[is_plain] = plain[is_plain]


def _share_among_faces(values: np.ndarray) -> None:
    """Give all faces of a piece of furniture one value; walls, floor and ceiling keep theirs."""
    values[6 : 6 * MAX_BOXES] = np.repeat(values[6 : 6 * MAX_BOXES : 6], 6)


def _hang_lamp(rng: np.random.Generator, finish: Finish, half: Point) -> list[float]:
    x, y = (float(rng.uniform(-0.4, 0.4) * half[k]) for k in (0, 1))
    height = finish.lamp_height_m
    return [x, y, float(2 * half[2] - 0.2) if height is None else height]
