"""Solids of many kinds, turned and stretched any way: what detailed places are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace

from jaxtyping import Float, Int
import numpy as np
import torch
from torch import Tensor

MAX_SOLIDS = 224  # of a place, so that places can be stacked
UNUSED, BOX, ROUND = range(3)

Vector = Sequence[float | int] | Float[np.ndarray, ' 3']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """A solid: a box, a ball, a tube or a cone that was stretched, turned and moved.

    Attributes:
        kind: BOX or ROUND.
        place_from_part: (4, 4) rigid; the axis of round parts is z.
        half_m: (3,) half of the size along the part's own axes.
        quadric: (a, b, c) of round parts, which reach from z = -1 to 1 before they are stretched
            and obey x^2 + y^2 <= (a + b z)^2 - c z^2.
        material: Parts of one material look alike.
        glow: Light that it sends out, 0..1.
    """

    kind: int
    place_from_part: Float[np.ndarray, '4 4']
    half_m: Float[np.ndarray, ' 3']
    quadric: tuple[float, float, float] = (1.0, 0.0, 0.0)
    material: int = 0
    glow: float = 0.0

    def moved(self, place_from_here: Float[np.ndarray, '4 4'], first_material: int) -> Part:
        """Return the part somewhere else; its materials are numbered from another one on."""
        return replace(
            self,
            place_from_part=place_from_here @ self.place_from_part,
            material=self.material + first_material,
        )


def box(center: Vector, half: Vector, material: int = 0, **turn: float) -> Part:
    """Return a box; `turn` are yaw, pitch and roll in radians."""
    return Part(
        kind=BOX,
        place_from_part=pose(center, **turn),
        half_m=np.array(half, dtype=np.float64),
        material=material,
    )


def ball(center: Vector, half: Vector, material: int = 0, **turn: float) -> Part:
    """Return an ellipsoid; `turn` are yaw, pitch and roll in radians."""
    return Part(
        kind=ROUND,
        place_from_part=pose(center, **turn),
        half_m=np.array(half, dtype=np.float64),
        quadric=(1.0, 0.0, 1.0),
        material=material,
    )


def tube(
    center: Vector,
    radius: float,
    half_length: float,
    material: int = 0,
    *,
    top: float = 1.0,
    **turn: float,
) -> Part:
    """Return an upright cylinder, or a cone whose upper radius is `top` of the lower one."""
    return Part(
        kind=ROUND,
        place_from_part=pose(center, **turn),
        half_m=np.array([radius, radius, half_length]),
        quadric=(0.5 * (1.0 + top), 0.5 * (top - 1.0), 0.0),
        material=material,
    )


def pose(
    center: Vector, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0
) -> Float[np.ndarray, '4 4']:
    """Return a rigid transform: roll about x, then pitch about y, then yaw about z, radians."""
    (cy, cp, cr), (sy, sp, sr) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    result = np.eye(4)
    result[:3, :3] = (
        np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1.0]])
        @ np.array([[cp, 0, sp], [0, 1.0, 0], [-sp, 0, cp]])
        @ np.array([[1.0, 0, 0], [0, cr, -sr], [0, sr, cr]])
    )
    result[:3, 3] = center
    return result


@dataclass(slots=True)
class Assembly:
    """Parts of a place, collected one after the other.

    Attributes:
        parts: In the place.
        num_materials: Materials so far.
    """

    parts: list[Part] = field(default_factory=list)
    num_materials: int = 0

    def add(
        self, parts: Iterable[Part], place_from_here: Float[np.ndarray, '4 4'] | None = None
    ) -> bool:
        """Add parts of something with materials of its own; False if there is no room."""
        added = list(parts)
        if len(self.parts) + len(added) > MAX_SOLIDS:
            return False
        where = np.eye(4) if place_from_here is None else place_from_here
        self.parts += [part.moved(where, self.num_materials) for part in added]
        self.num_materials += 1 + max((part.material for part in added), default=-1)
        return True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solids:
    """B places of P solids; world axes are z-up, meters.

    Attributes:
        kind: (B, P) UNUSED, BOX or ROUND.
        center: (B, P, 3).
        unit_from_world: (B, P, 3, 3) from the world to the axes in which a solid reaches from -1
            to 1.
        half_m: (B, P, 3) half of the size along its own axes.
        quadric: (B, P, 3) see `Part`.
        glow: (B, P) light that it sends out, 0..1.
        texture: (B, P) picture in the atlas.
        tile_m: (B, P) meters that one repetition of the picture covers.
        offset: (B, P, 2) where the picture begins, in repetitions.
        tint: (B, P, 3) factor on the picture's colors.
        gloss: (B, P) strength of highlights, 0..1.
        lamp: (B, 3) position of the lamp that casts shadows.
        lamp_color: (B, 3) its light where it shines straight on a surface.
        lamp_reach_m: (B,) distance at which half of it is left.
        fill: (B, 3) unit vector towards a wide light without shadows.
        fill_color: (B, 3).
        ambient: (B, 3) light from everywhere.
    """

    kind: Int[Tensor, 'B P']
    center: Float[Tensor, 'B P 3']
    unit_from_world: Float[Tensor, 'B P 3 3']
    half_m: Float[Tensor, 'B P 3']
    quadric: Float[Tensor, 'B P 3']
    glow: Float[Tensor, 'B P']
    texture: Int[Tensor, 'B P']
    tile_m: Float[Tensor, 'B P']
    offset: Float[Tensor, 'B P 2']
    tint: Float[Tensor, 'B P 3']
    gloss: Float[Tensor, 'B P']
    lamp: Float[Tensor, 'B 3']
    lamp_color: Float[Tensor, 'B 3']
    lamp_reach_m: Float[Tensor, ' B']
    fill: Float[Tensor, 'B 3']
    fill_color: Float[Tensor, 'B 3']
    ambient: Float[Tensor, 'B 3']

    @classmethod
    def stack(cls, places: Sequence[Solids]) -> Solids:
        """Join places along B."""
        return cls(
            **{f.name: torch.cat([getattr(p, f.name) for p in places]) for f in fields(cls)}
        )

    def to(self, device: torch.device) -> Solids:
        """Return the places on another device."""
        return Solids(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})
