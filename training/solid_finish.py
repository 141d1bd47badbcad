"""Finish of detailed places: textures and light."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np
import torch

from training.photo_atlas import PhotoAtlas
from training.solids import Assembly, MAX_SOLIDS, Solids
from training.surface_cover import cover, spread, tints

_TILE_M = 0.15, 2.0
_SHELL_TILE_M = 0.3, 2.0  # of the place's size
_GLOSS_SHARE, _GLOSS = 0.3, (0.05, 0.7)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Light:
    """A lamp that casts shadows, a wide light without, and light from everywhere.

    Attributes:
        lamp: (3,) position, meters.
        lamp_color: (3,).
        reach_m: Distance at which half of the lamp's light is left.
        fill: (3,) unit vector towards the wide light.
        fill_color: (3,).
        ambient: (3,).
    """

    lamp: Float[np.ndarray, ' 3']
    lamp_color: Float[np.ndarray, ' 3']
    reach_m: float
    fill: Float[np.ndarray, ' 3']
    fill_color: Float[np.ndarray, ' 3']
    ambient: Float[np.ndarray, ' 3']

    @classmethod
    def indoors(cls, rng: np.random.Generator, half: Float[np.ndarray, ' 3']) -> Light:
        """Return a lamp below the ceiling or beside a window of a room of this half size."""
        at = rng.uniform(-0.9, 0.9, 2) * half[:2]
        z = 2 * half[2] - rng.uniform(0.1, 0.8)
        return cls._mixed(rng, np.array([*at, z]), rng.uniform(2.0, 6.0), rng.uniform(0.3, 1.2))

    @classmethod
    def outdoors(cls, rng: np.random.Generator, far_m: float) -> Light:
        """Return a sun just within a sky of this half size, or an overcast sky."""
        direction = np.append(rng.uniform(-0.5, 0.5, 2), rng.uniform(0.4, 0.9))
        strength = rng.choice([rng.uniform(0.0, 0.3), rng.uniform(0.5, 1.2)])
        return cls._mixed(rng, direction * far_m, 10.0 * far_m, float(strength))

    @classmethod
    def _mixed(
        cls, rng: np.random.Generator, lamp: np.ndarray, reach_m: float, strength: float
    ) -> Light:
        fill = rng.normal((0.0, 0.0, 0.8))
        fill_strength = rng.uniform(0.05, 0.5)
        return cls(
            lamp=lamp,
            lamp_color=strength * (1.0 + rng.uniform(-0.15, 0.15, 3)),
            reach_m=reach_m,
            fill=fill / np.linalg.norm(fill),
            fill_color=fill_strength * (1.0 + rng.uniform(-0.15, 0.15, 3)),
            ambient=rng.uniform(0.1, 0.5) * (1.0 + rng.uniform(-0.1, 0.1, 3)),
        )


def finished(
    rng: np.random.Generator,
    place: Assembly,
    pictures: PhotoAtlas,
    light: Light,
    *,
    num_shell: int,
) -> Solids:
    """Return a place as a batch of one: every material gets a picture, a tint and a gloss.

    Args:
        rng: Decides everything.
        place: At most `MAX_SOLIDS` parts.
        pictures: What to choose from; without photographs all surfaces show patterns.
        light: Lights.
        num_shell: The first parts, which enclose the place.
    """
    parts = place.parts
    num, room = len(parts), MAX_SOLIDS
    material = np.array([p.material for p in parts])
    num_materials = place.num_materials
    is_shell = np.zeros(num_materials, bool)
    is_shell[material[:num_shell]] = True
    if pictures.num_photos:
        texture = cover(rng, pictures, num_materials, is_wall=is_shell)
    else:
        texture = rng.integers(0, pictures.num_pictures, num_materials)
    half = np.stack([p.half_m for p in parts])
    size = 2 * half[:num_shell].max() / 3
    tile_m = spread(rng, _TILE_M, num_materials)
    shell_tile = spread(rng, _SHELL_TILE_M, num_materials)
    tile_m = np.where(is_shell, (size * shell_tile).clip(0.5), tile_m)
    tint = tints(rng, num_materials)
    gloss = np.where(
        rng.uniform(size=num_materials) < _GLOSS_SHARE, rng.uniform(*_GLOSS, num_materials), 0.0
    )
    # Parts differ in what of the picture they show.
    offset = rng.uniform(0, 1, (num, 2))
    place_from_part = np.stack([p.place_from_part for p in parts])
    unit_from_world = place_from_part[:, :3, :3].transpose(0, 2, 1) / half[:, :, None]

    def padded(values: np.ndarray, fill: float = 0.0) -> torch.Tensor:
        result = np.full((1, room, *values.shape[1:]), fill, np.float32)
        result[0, :num] = values
        return torch.from_numpy(result)

    to_unit = padded(unit_from_world)
    to_unit[0, num:] = torch.eye(3)
    return Solids(
        kind=padded(np.array([p.kind for p in parts])).long(),
        center=padded(place_from_part[:, :3, 3]),
        unit_from_world=to_unit,
        half_m=padded(half),
        quadric=padded(np.array([p.quadric for p in parts])),
        glow=padded(np.array([p.glow for p in parts])),
        texture=padded(texture[material]).long(),
        tile_m=padded(tile_m[material], 1.0),
        offset=padded(offset),
        tint=padded(tint[material]),
        gloss=padded(gloss[material]),
        lamp=_row(light.lamp),
        lamp_color=_row(light.lamp_color),
        lamp_reach_m=torch.tensor([light.reach_m], dtype=torch.float32),
        fill=_row(light.fill),
        fill_color=_row(light.fill_color),
        ambient=_row(light.ambient),
    )


def _row(values: Float[np.ndarray, ' 3']) -> torch.Tensor:
    return torch.from_numpy(values[None].astype(np.float32))
