"""Rooms, tables and streets full of detailed things, made up at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np

from training.furniture import AGAINST_WALLS, ANYWHERE, Maker, on_top, OUTDOORS, small
from training.photo_atlas import PhotoAtlas
from training.solid_finish import finished, Light
from training.solids import Assembly, box, MAX_SOLIDS, Part, pose, Solids, tube

_THICK_M = 0.1
_SHARES = 0.53, 0.35, 0.12  # rooms, tables, streets
_SPARE = 6  # solids that are kept for what must not be missing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DetailedPlace:
    """Solids that enclose cameras.

    Attributes:
        solids: A batch of one place.
        bounds_m: Lowest and highest corner of where a camera may begin.
    """

    solids: Solids
    bounds_m: Float[np.ndarray, '2 3']


def detailed_place(rng: np.random.Generator, pictures: PhotoAtlas) -> DetailedPlace:
    """Make up a place.

    Args:
        rng: Decides everything.
        pictures: What surfaces are covered with.
    """
    kind = int(rng.choice(len(_SHARES), p=_SHARES))
    return (_room, _around_table, _street)[kind](rng, pictures)


def _room(rng: np.random.Generator, pictures: PhotoAtlas) -> DetailedPlace:
    half = np.array([*np.exp(rng.uniform(np.log(1.1), np.log(4.5), 2)), rng.uniform(1.1, 1.7)])
    place = Assembly()
    num_shell = _build_shell(rng, place, half)
    _furnish(rng, place, half)
    bounds = np.array([[-half[0], -half[1], 0.05], [half[0], half[1], 2 * half[2]]])
    light = Light.indoors(rng, half)
    return DetailedPlace(
        solids=finished(rng, place, pictures, light, num_shell=num_shell), bounds_m=bounds
    )


def _around_table(rng: np.random.Generator, pictures: PhotoAtlas) -> DetailedPlace:
    """Make up a room and crowd a surface in its middle, which the camera is near to."""
    half = np.array([rng.uniform(1.2, 3.0), rng.uniform(1.2, 3.0), rng.uniform(1.1, 1.5)])
    place = Assembly()
    num_shell = _build_shell(rng, place, half)
    w, d, z = rng.uniform(0.25, 0.7), rng.uniform(0.25, 0.5), rng.uniform(0.0, 0.9)
    yaw = rng.uniform(0, np.pi)
    top = box((0, 0, max(z - 0.03, 0.0)), (w, d, 0.03), yaw=yaw)
    place.add([top, *([tube((0, 0, 0.5 * z), 0.1, 0.5 * z, 1)] if z > 0.2 else [])])
    for _ in range(int(rng.integers(6, 20))):
        x, y = rng.uniform(-0.9, 0.9, 2) * (w, d)
        place.add(small(rng), pose((0, 0, z), yaw=yaw) @ pose((x, y, 0), yaw=rng.uniform(0, 6.3)))
    _furnish(rng, place, half, keep_clear_m=max(w, d) + 0.3)
    reach = 0.5 + rng.uniform(0.2, 0.8)
    bounds = np.array(
        [[-reach - w, -reach - d, max(z - 0.2, 0.1)], [reach + w, reach + d, z + 1.0]]
    )
    inside = half[:2] - 0.1
    bounds[:, :2] = bounds[:, :2].clip(-inside, inside)
    light = Light.indoors(rng, half)
    return DetailedPlace(
        solids=finished(rng, place, pictures, light, num_shell=num_shell), bounds_m=bounds
    )


def _street(rng: np.random.Generator, pictures: PhotoAtlas) -> DetailedPlace:
    """Make up facades, trees, cars and people under a sky up to 60 m away."""
    far = rng.uniform(18.0, 60.0)
    place = Assembly()
    place.add(_shell(np.array([far, far, 0.5 * far]), opaque=True))
    num_shell = len(place.parts)
    width = rng.uniform(3.0, 9.0)
    for side in (-1, 1):
        y = -0.6 * far
        while y < 0.6 * far and rng.uniform() < 0.9:
            long, deep, high = rng.uniform(2.0, 6.0), rng.uniform(1.5, 4.0), rng.uniform(1.5, 7.0)
            place.add(_house(rng, deep, long, high), pose((side * (width + deep), y + long, 0)))
            y += 2 * long + rng.choice([0.0, rng.uniform(0.5, 4.0)])
    _scatter(rng, place, OUTDOORS, np.array([width, 0.4 * far]), tries=int(rng.integers(4, 16)))
    bounds = np.array([[-width, -0.35 * far, 0.2], [width, 0.35 * far, 3.0]])
    light = Light.outdoors(rng, far)
    return DetailedPlace(
        solids=finished(rng, place, pictures, light, num_shell=num_shell), bounds_m=bounds
    )


def _shell(half: Float[np.ndarray, ' 3'], *, opaque: bool) -> list[Part]:
    """Return floor, ceiling and four walls, each with a material of its own."""
    x, y, z = half
    t = _THICK_M
    parts = [
        box((0, 0, -t), (x + t, y + t, t), 0),
        box((0, 0, 2 * z + t), (x + t, y + t, t), 1),
    ]
    for k, (axis, sign) in enumerate([(0, -1), (0, 1), (1, -1), (1, 1)]):
        center = np.array([0.0, 0.0, z])
        center[axis] = sign * (half[axis] + t)
        size = np.array([x + t, y + t, z + t])
        size[axis] = t
        parts.append(box(center, size, 2 if opaque else 2 + k))
    return parts


def _build_shell(rng: np.random.Generator, place: Assembly, half: np.ndarray) -> int:
    """Add what encloses a room and what is part of it; return how many solids are the shell."""
    place.add(_shell(half, opaque=rng.uniform() < 0.5))
    if rng.uniform() < 0.25:  # under a roof
        lift = rng.uniform(0.2, 0.7)
        place.add(
            [
                box((s * half[0], 0, 2 * half[2]), (1.2 * half[0], half[1], 0.05), pitch=s * lift)
                for s in ((-1, 1) if rng.uniform() < 0.5 else (1,))
            ]
        )
    num_shell = len(place.parts)
    if rng.uniform() < 0.2:
        num = int(rng.integers(2, 5))
        place.add(
            [
                box(
                    (half[0] * (2 * (i + 0.5) / num - 1), 0, 2 * half[2] - 0.1),
                    (0.08, half[1], 0.1),
                )
                for i in range(num)
            ]
        )
    for _ in range(int(rng.integers(2, 9))):
        _hang(rng, place, half)
    if rng.uniform() < 0.5:
        at = rng.uniform(-0.5, 0.5, 2) * half[:2]
        drop = rng.uniform(0.05, 0.8)
        shade = tube((*at, 2 * half[2] - drop), rng.uniform(0.1, 0.3), 0.1, 1, top=0.4)
        place.add([tube((*at, 2 * half[2] - 0.5 * drop), 0.008, 0.5 * drop), shade])
    return num_shell


def _hang(rng: np.random.Generator, place: Assembly, half: np.ndarray) -> None:
    """Hang a picture, a door, a bright window, a board, a radiator or a pipe on a wall."""
    axis, sign = int(rng.integers(2)), float(rng.choice([-1.0, 1.0]))
    yaw = (0.0 if axis == 1 else -0.5 * np.pi) + (0.0 if sign > 0 else np.pi)
    # In the frame of the wall: x along it, y into it.
    across = half[1 - axis]
    at = rng.uniform(-0.8, 0.8) * across
    kind, w = int(rng.integers(6)), min(rng.uniform(0.15, 0.6), 0.6 * across)
    z, h = rng.uniform(1.0, 1.8), rng.uniform(0.1, 0.5)
    if kind == 0:
        parts = [
            box((0, -0.015, z), (w, 0.015, h)),
            box((0, -0.02, z), (0.9 * w, 0.015, 0.85 * h), 1),
        ]
    elif kind == 1:
        parts = [
            box((0, -0.01, 1.0), (0.45, 0.02, 1.0)),
            box((0, -0.02, 0.98), (0.4, 0.02, 0.97), 1),
        ]
        parts.append(box((0.33, -0.06, 1.0), (0.06, 0.015, 0.012), 2))
    elif kind == 2:
        bright = box((0, -0.01, z), (w, 0.01, h + 0.2), 0)
        parts = [replace(bright, glow=float(rng.uniform(0.5, 1.0)))]
        parts += [box((x, -0.03, z), (0.025, 0.03, h + 0.2), 1) for x in (-w, 0.0, w)]
        parts.append(box((0, -0.08, z - h - 0.2), (w + 0.05, 0.08, 0.015), 1))
    elif kind == 3:
        parts = [box((0, -0.1, z), (w, 0.1, 0.012)), *on_top(rng, (w, 0.08), z + 0.012, 4)]
    elif kind == 4:
        parts = [box((x, -0.06, 0.4), (0.03, 0.04, 0.3)) for x in np.linspace(-w, w, 6)]
    else:
        long = rng.uniform(0.3, 1.0)
        parts = [
            tube((0, -0.05, z), rng.uniform(0.01, 0.05), long, pitch=rng.choice([0, 0.5 * np.pi]))
        ]
    center = np.zeros(3)
    center[axis], center[1 - axis] = sign * half[axis], at
    place.add(parts, pose(center, yaw=yaw))


def _furnish(
    rng: np.random.Generator, place: Assembly, half: np.ndarray, *, keep_clear_m: float = 0.0
) -> None:
    """Stand furniture along the walls, then some of it in the room."""
    for axis, sign in ((0, -1.0), (0, 1.0), (1, -1.0), (1, 1.0)):
        if half[axis] < keep_clear_m + 0.5:
            continue
        yaw = (0.0 if axis == 1 else -0.5 * np.pi) + (0.0 if sign > 0 else np.pi)
        at, across = -half[1 - axis] + rng.uniform(0.2, 1.0), half[1 - axis]
        while at < across - 0.4 and rng.uniform() < 0.8:
            parts = AGAINST_WALLS[int(rng.integers(len(AGAINST_WALLS)))](rng)
            low, high = extent(parts)
            wide = high[0] - low[0]
            if at + wide > across:
                break
            center = np.zeros(3)
            center[axis] = sign * (half[axis] - high[1] - rng.uniform(0.0, 0.08))
            center[1 - axis] = at - low[0]
            if len(place.parts) + len(parts) < MAX_SOLIDS - _SPARE:
                place.add(parts, pose(center, yaw=yaw + rng.normal(0, 0.04)))
            at += wide + rng.uniform(0.0, 0.7)
    inner = (half[:2] - 0.7).clip(0)
    tries = int(rng.integers(0, 7))
    _scatter(rng, place, ANYWHERE, inner, tries=tries, keep_clear_m=keep_clear_m)


def _scatter(
    rng: np.random.Generator,
    place: Assembly,
    makers: tuple[Maker, ...],
    reach: np.ndarray,
    *,
    tries: int,
    keep_clear_m: float = 0.0,
) -> None:
    """Stand things anywhere, no two of them in one another."""
    taken = [(np.zeros(2), keep_clear_m)] if keep_clear_m else []
    for _ in range(tries):
        parts = makers[int(rng.integers(len(makers)))](rng)
        low, high = extent(parts)
        radius = 0.8 * float(np.hypot(*np.maximum(-low, high)[:2]))
        at = rng.uniform(-1, 1, 2) * reach
        if all(np.hypot(*(at - other)) > radius + r for other, r in taken):
            taken.append((at, radius))
            place.add(parts, pose((*at, 0.0), yaw=rng.uniform(0, 2 * np.pi)))


def _house(rng: np.random.Generator, deep: float, long: float, high: float) -> list[Part]:
    """Return a block with ledges, windows that stand in or out, and sometimes a roof."""
    parts = [box((0, 0, high), (deep, long, high))]
    if rng.uniform() < 0.4:
        parts.append(
            box((0, 0, 2 * high), (0.75 * deep, long, 0.75 * deep), 1, pitch=0.25 * np.pi)
        )
    rows, columns = max(1, int(high / 1.5)), max(1, int(long / 1.2))
    if rng.uniform() < 0.5 and rows * columns <= 12:
        for i in range(rows):
            for k in range(columns):
                y, z = long * ((2 * k + 1) / columns - 1), high * (2 * i + 1.1) / rows
                for s in (-1, 1):
                    parts.append(box((s * deep, y, z), (0.08, 0.45, 0.6), 2))
    if rng.uniform() < 0.5:
        parts.append(
            box((0, 0, rng.uniform(0.3, 1.0) * 2 * high), (deep + 0.2, long + 0.1, 0.1), 3)
        )
    return parts


def extent(parts: list[Part]) -> tuple[Float[np.ndarray, ' 3'], Float[np.ndarray, ' 3']]:
    """Return the lowest and highest corner of what encloses parts."""
    center = np.stack([p.place_from_part[:3, 3] for p in parts])
    reach = np.stack([np.abs(p.place_from_part[:3, :3]) @ p.half_m for p in parts])
    return (center - reach).min(axis=0), (center + reach).max(axis=0)
