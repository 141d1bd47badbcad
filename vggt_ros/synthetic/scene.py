"""Scenes made of boxes, cylinders and spheres, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from jaxtyping import Float, Int
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """B scenes; world axes are z-up (REP-103), meters.

    Surfaces are numbered: box i has surfaces 6 i .. 6 i + 5 (-x, +x, -y, +y, -z, +z), then come
    the cylinders and the spheres with one surface each. Box 0 is the room, seen from inside.
    Unused places are filled with shapes of negative size, which no ray meets.

    Attributes:
        box_center: (B, P, 3).
        box_half: (B, P, 3) half edge lengths.
        box_turn: (B, P, 2) cosine and sine of the turn about z.
        cylinder_center: (B, C, 3); the axis is vertical.
        cylinder_size: (B, C, 2) radius and half height.
        sphere_center: (B, Q, 3).
        sphere_radius: (B, Q).
        texture: (B, 6 P + C + Q) picture of each surface in the atlas.
        tile_m: (B, 6 P + C + Q) meters that one repetition of the picture covers.
        tint: (B, 6 P + C + Q, 3) factor on the picture's colors.
        light: (B, 3) position of the lamp.
        ambient: (B,) share of light that comes from everywhere, 0..1.
    """

    box_center: Float[Tensor, 'B P 3']
    box_half: Float[Tensor, 'B P 3']
    box_turn: Float[Tensor, 'B P 2']
    cylinder_center: Float[Tensor, 'B C 3']
    cylinder_size: Float[Tensor, 'B C 2']
    sphere_center: Float[Tensor, 'B Q 3']
    sphere_radius: Float[Tensor, 'B Q']
    texture: Int[Tensor, 'B M']
    tile_m: Float[Tensor, 'B M']
    tint: Float[Tensor, 'B M 3']
    light: Float[Tensor, 'B 3']
    ambient: Float[Tensor, ' B']

    @property
    def num_scenes(self) -> int:
        """B."""
        return self.box_center.shape[0]

    def to(self, device: torch.device | str) -> Scene:
        """Return the scenes on another device."""
        return Scene(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    @classmethod
    def stack(cls, scenes: Sequence[Scene]) -> Scene:
        """Join scenes with equal numbers of shapes along B."""
        return cls(
            **{f.name: torch.cat([getattr(s, f.name) for s in scenes]) for f in fields(cls)}
        )
