"""Furniture of many parts, people and plants, made up at random.

Each stands on z = 0 at x = y = 0; what has a front shows it to -y.
Every function takes what decides everything and returns parts, meters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from training.solids import ball, box, Part, pose, tube

Maker = Callable[[np.random.Generator], list[Part]]


def on_top(rng: np.random.Generator, half: tuple[float, float], z: float, num: int) -> list[Part]:
    """Return small things scattered over a rectangle at height z, materials from 2 on."""
    parts: list[Part] = []
    for i in range(num):
        x, y = rng.uniform(-0.85, 0.85, 2) * half
        parts += [p.moved(pose((x, y, z), yaw=rng.uniform(0, 6.3)), 2 + i) for p in small(rng)]
    return parts


def small(rng: np.random.Generator) -> list[Part]:
    """Return a book or a pile, a cup, bottle, ball, bowl, tin, carton or lamp."""
    kind = int(rng.integers(9))
    r = float(rng.uniform(0.03, 0.08))
    h = float(rng.uniform(0.04, 0.12))
    if kind == 0:
        return [box((0, 0, 0.02), (rng.uniform(0.06, 0.12), rng.uniform(0.08, 0.16), 0.02))]
    if kind == 1:
        return [
            box((0, 0, 0.02 + 0.04 * i), (0.1, 0.13, 0.018), yaw=rng.uniform(-0.3, 0.3))
            for i in range(3)
        ]
    if kind == 2:
        handle = box((1.3 * r, 0, h), (0.4 * r, 0.008, 0.5 * h))
        return [tube((0, 0, h), 0.8 * r, h, top=1.2), handle]
    if kind == 3:
        neck = tube((0, 0, 2 * h + 0.12), 0.3 * r, 0.04)
        return [tube((0, 0, h), r, h), tube((0, 0, 2 * h + 0.04), r, 0.04, top=0.3), neck]
    if kind == 4:
        return [ball((0, 0, 1.3 * r), (1.3 * r, 1.3 * r, 1.3 * r))]
    if kind == 5:
        return [tube((0, 0, 0.5 * h), 0.8 * r, 0.5 * h, top=1.0), tube((0, 0, h), r, 0.01)]
    if kind == 6:
        return [tube((0, 0, h), r, h)]
    if kind == 7:
        return [box((0, 0, h), (rng.uniform(0.05, 0.15), rng.uniform(0.04, 0.12), h))]
    return [
        tube((0, 0, 0.01), 0.08, 0.01),
        tube((0, 0, 0.15), 0.012, 0.15),
        tube((0, 0, 0.35), 0.12, 0.08, 1, top=0.5),
    ]


def chair(rng: np.random.Generator) -> list[Part]:
    """Return a seat on four legs or on a foot, a back of a board or of slats, sometimes arms."""
    w, d, z = rng.uniform(0.19, 0.26), rng.uniform(0.19, 0.25), rng.uniform(0.38, 0.5)
    parts = [box((0, 0, z), (w, d, rng.uniform(0.015, 0.05)), 1)]
    leg = rng.uniform(0.012, 0.025)
    if rng.uniform() < 0.7:
        parts += list(_legs(rng, w - leg, d - leg, z, leg))
    else:
        parts += [tube((0, 0, 0.5 * z), 0.03, 0.5 * z), tube((0, 0, 0.03), w, 0.03, top=0.3)]
    top = z + rng.uniform(0.3, 0.55)
    middle = 0.5 * (z + top)
    if rng.uniform() < 0.5:
        parts.append(box((0, d, middle + 0.06), (w, 0.02, 0.5 * (top - z) - 0.06), 1))
    else:
        parts += [box((x, d, middle), (0.02, 0.012, 0.5 * (top - z))) for x in (-w, 0, w)]
        parts.append(box((0, d, top), (w, 0.015, 0.04)))
    if rng.uniform() < 0.3:
        parts += [box((s * w, 0, z + 0.2), (0.02, d, 0.015)) for s in (-1, 1)]
    return parts


def table(rng: np.random.Generator) -> list[Part]:
    """Return a round or square table with things on it."""
    w, d, z = rng.uniform(0.3, 0.9), rng.uniform(0.25, 0.5), rng.uniform(0.35, 0.8)
    if rng.uniform() < 0.25:
        parts = [tube((0, 0, z), w, 0.015, 1), tube((0, 0, 0.5 * z), 0.04, 0.5 * z)]
        parts.append(tube((0, 0, 0.02), 0.6 * w, 0.02, top=0.5))
        d = w = 0.7 * w
    else:
        parts = [box((0, 0, z), (w, d, rng.uniform(0.01, 0.03)), 1)]
        leg = rng.uniform(0.02, 0.04)
        parts += list(_legs(rng, w - leg, d - leg, z, leg))
    return parts + on_top(rng, (w, d), z + 0.02, int(rng.integers(1, 8)))


def desk(rng: np.random.Generator) -> list[Part]:
    """Return a table with a screen, a keyboard and a drawer."""
    w, d, z = rng.uniform(0.5, 0.8), rng.uniform(0.3, 0.4), 0.72
    parts = [box((0, 0, z), (w, d, 0.015), 1), *_legs(rng, w - 0.03, d - 0.03, z, 0.025)]
    parts.append(box((0.6 * w, 0, 0.4), (0.3 * w, 0.9 * d, 0.28)))
    parts += [
        box((0, 0.5 * d, z + 0.3), (rng.uniform(0.2, 0.35), 0.015, rng.uniform(0.12, 0.2)), 2),
        box((0, 0.55 * d, z + 0.1), (0.03, 0.02, 0.1), 3),
        box((0, -0.3 * d, z + 0.025), (0.2, 0.07, 0.01), 3),
    ]
    return parts + [p.moved(np.eye(4), 2) for p in on_top(rng, (w, d), z + 0.015, 3)]


def shelf(rng: np.random.Generator) -> list[Part]:
    """Return a bookcase: sides, boards, sometimes a back, rows of books and other things."""
    w, d, h = rng.uniform(0.3, 0.6), rng.uniform(0.12, 0.2), rng.uniform(0.5, 1.05)
    parts = [box((s * w, 0, h), (0.012, d, h)) for s in (-1, 1)]
    if rng.uniform() < 0.6:
        parts.append(box((0, d, h), (w, 0.008, h)))
    num = int(rng.integers(3, 6))
    for i in range(num):
        z = 0.03 + i * (2 * h - 0.06) / (num - 1)
        parts.append(box((0, 0, z), (w, d, 0.012)))
        if i == num - 1:
            break
        room = 2 * h / num - 0.08
        x = -w + 0.03
        while x < w - 0.1 and rng.uniform() < 0.85:
            wide, tall = rng.uniform(0.02, 0.13), room * rng.uniform(0.5, 0.95)
            parts.append(
                box(
                    (x + wide, rng.uniform(-0.02, 0.04), z + 0.012 + 0.5 * tall),
                    (wide, 0.75 * d, 0.5 * tall),
                    1 + int(rng.integers(8)),
                )
            )
            x += 2 * wide + (0.15 if rng.uniform() < 0.2 else 0.005)
    return parts


def cabinet(rng: np.random.Generator) -> list[Part]:
    """Return a chest with doors or drawers that stand out a little, with handles."""
    w, d, h = rng.uniform(0.25, 0.7), rng.uniform(0.18, 0.3), rng.uniform(0.3, 1.0)
    parts = [box((0, 0, h), (w, d, h))]
    columns, rows = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    for i in range(columns):
        for k in range(rows):
            x = w * ((2 * i + 1) / columns - 1)
            z = h * (2 * k + 1) / rows
            parts.append(box((x, -d - 0.008, z), (0.92 * w / columns, 0.01, 0.9 * h / rows), 1))
            parts.append(box((x, -d - 0.03, z), (0.05, 0.01, 0.008), 2))
    if h < 0.6:
        parts += [p.moved(np.eye(4), 1) for p in on_top(rng, (w, d), 2 * h, 4)]
    return parts


def counter(rng: np.random.Generator) -> list[Part]:
    """Return a kitchen: cupboards below and above a worktop with things on it."""
    w = rng.uniform(0.7, 1.5)
    parts = [box((0, 0, 0.43), (w, 0.28, 0.43)), box((0, -0.02, 0.88), (w, 0.31, 0.02), 1)]
    num = int(rng.integers(2, 5))
    for i in range(num):
        x = w * ((2 * i + 1) / num - 1)
        parts.append(box((x, -0.29, 0.43), (0.94 * w / num, 0.01, 0.38), 2))
        parts.append(box((x, -0.31, 0.7), (0.08, 0.01, 0.01), 3))
    if rng.uniform() < 0.7:
        parts.append(box((0, 0.12, 1.75), (rng.uniform(0.5, 1.0) * w, 0.17, 0.33)))
    return parts + [p.moved(np.eye(4), 2) for p in on_top(rng, (w, 0.25), 0.9, 7)]


def sofa(rng: np.random.Generator) -> list[Part]:
    """Return a sofa or an armchair with cushions."""
    w, d = rng.uniform(0.3, 1.0), rng.uniform(0.35, 0.45)
    parts = [
        box((0, 0, 0.2), (w, d, 0.2)),
        box((0, d - 0.1, 0.55), (w, 0.12, 0.3), roll=rng.uniform(-0.2, 0.0)),
    ]
    parts += [box((s * (w + 0.08), 0, 0.3), (0.09, d, 0.3)) for s in (-1, 1)]
    num = int(rng.integers(0, 4))
    for i in range(num):
        x = rng.uniform(-0.8, 0.8) * w
        parts.append(ball((x, 0.1, 0.52), (0.2, 0.09, 0.18), 1 + i, roll=-0.3))
    return parts


def bed(rng: np.random.Generator) -> list[Part]:
    """Return a bed with a mattress, a blanket and pillows."""
    w, d = rng.uniform(0.45, 0.9), 1.0
    parts = [box((0, 0, 0.15), (w, d, 0.1)), box((0, 0, 0.35), (0.97 * w, 0.97 * d, 0.12), 1)]
    parts.append(box((0, -0.25, 0.42), (1.02 * w, 0.7, 0.08), 2))
    parts.append(box((0, d, 0.45), (w, 0.03, 0.45)))
    return [*parts, ball((0, 0.75, 0.5), (0.35, 0.2, 0.09), 3)]


def lamp(rng: np.random.Generator) -> list[Part]:
    """Return a floor lamp."""
    h = rng.uniform(0.6, 0.85)
    shade = tube((0, 0, 2 * h), rng.uniform(0.12, 0.25), rng.uniform(0.1, 0.18), 1, top=0.6)
    return [tube((0, 0, 0.015), 0.14, 0.015), tube((0, 0, h), 0.012, h), shade]


def plant(rng: np.random.Generator) -> list[Part]:
    """Return leaves on stems in a pot."""
    size = rng.uniform(0.5, 1.3)
    parts = [tube((0, 0, 0.15 * size), 0.14 * size, 0.15 * size, top=1.0)]
    for _ in range(int(rng.integers(6, 16))):
        yaw, lift = rng.uniform(0, 6.3), rng.uniform(0.1, 1.2)
        reach = size * rng.uniform(0.15, 0.4)
        x, y = reach * np.cos(lift) * np.array([np.cos(yaw), np.sin(yaw)])
        z = 0.35 * size + reach * np.sin(lift) + rng.uniform(0, 0.5) * size
        long = size * rng.uniform(0.08, 0.2)
        parts.append(ball((x, y, z), (long, 0.45 * long, 0.006), 1, yaw=yaw, pitch=-lift))
    return [*parts, tube((0, 0, 0.5 * size), 0.015, 0.3 * size, 2)]


def person(rng: np.random.Generator) -> list[Part]:
    """Return a person standing: legs, a body, arms, a head and hair."""
    s = rng.uniform(0.85, 1.1)
    stride, swing = rng.uniform(-0.3, 0.3), rng.uniform(-0.6, 0.6)
    parts = [
        tube((k * 0.09 * s, 0, 0.42 * s), 0.075 * s, 0.42 * s, roll=k * stride) for k in (-1, 1)
    ]
    parts.append(ball((0, 0, 1.15 * s), (0.21 * s, 0.13 * s, 0.36 * s), 1))
    parts += [
        tube((k * 0.26 * s, 0, 1.12 * s), 0.05 * s, 0.3 * s, 1, roll=k * swing, pitch=-0.15 * k)
        for k in (-1, 1)
    ]
    parts.append(ball((0, 0, 1.62 * s), (0.085 * s, 0.1 * s, 0.12 * s), 2))
    return [*parts, ball((0, 0.02, 1.67 * s), (0.095 * s, 0.1 * s, 0.1 * s), 3)]


def cartons(rng: np.random.Generator) -> list[Part]:
    """Return a pile of boxes."""
    parts, z = [], 0.0
    for i in range(int(rng.integers(2, 6))):
        half = rng.uniform(0.1, 0.3, 3)
        x, y = rng.uniform(-0.1, 0.1, 2)
        parts.append(box((x, y, z + half[2]), half, i, yaw=rng.uniform(-0.6, 0.6)))
        z += 2 * half[2]
        if z > 1.3:
            break
    return parts


def bin_(rng: np.random.Generator) -> list[Part]:
    """Return a bin, a barrel or a stool."""
    r, h = rng.uniform(0.1, 0.25), rng.uniform(0.15, 0.4)
    return [
        tube((0, 0, h), r, h, top=rng.uniform(0.8, 1.0)),
        tube((0, 0, 2 * h), 0.9 * r, 0.02, 1),
    ]


def tree(rng: np.random.Generator) -> list[Part]:
    """Return a fir of cones or a broad tree of balls."""
    s = rng.uniform(0.5, 1.6)
    parts = [tube((0, 0, 0.9 * s), 0.13 * s, 0.9 * s, top=0.7)]
    if rng.uniform() < 0.4:
        for i in range(4):
            r = (1.1 - 0.22 * i) * s
            parts.append(tube((0, 0, (1.6 + 0.75 * i) * s), r, 0.55 * s, 1, top=0.1))
        return parts
    for _ in range(int(rng.integers(6, 14))):
        x, y = rng.normal(0, 0.6 * s, 2)
        half = s * rng.uniform(0.3, 0.8, 3)
        parts.append(ball((x, y, s * rng.uniform(2.0, 3.4)), half, 1 + int(rng.integers(2))))
    return parts


def car(rng: np.random.Generator) -> list[Part]:
    """Return a car: a body, a cabin and four wheels."""
    s = rng.uniform(0.9, 1.2)
    parts = [box((0, 0, 0.6 * s), (0.85 * s, 2.0 * s, 0.32 * s))]
    parts.append(box((0, -0.2 * s, 1.15 * s), (0.75 * s, 1.1 * s, 0.27 * s), 1))
    for x in (-0.8, 0.8):
        for y in (-1.25, 1.25):
            parts.append(tube((x * s, y * s, 0.32 * s), 0.32 * s, 0.12 * s, 2, pitch=0.5 * np.pi))
    return parts


def post(rng: np.random.Generator) -> list[Part]:
    """Return a street lamp or a sign."""
    h = rng.uniform(1.0, 2.5)
    parts = [tube((0, 0, h), 0.05, h)]
    if rng.uniform() < 0.5:
        return [
            *parts,
            box((0.4, 0, 2 * h), (0.45, 0.06, 0.05)),
            box((0.8, 0, 2 * h), (0.2, 0.1, 0.06), 1),
        ]
    return [*parts, box((0, -0.06, 2 * h - 0.2), (0.3, 0.01, rng.uniform(0.15, 0.4)), 1)]


def _legs(rng: np.random.Generator, x: float, y: float, z: float, half: float) -> Iterator[Part]:
    is_round = rng.uniform() < 0.4
    for sx in (-1, 1):
        for sy in (-1, 1):
            center = (sx * x, sy * y, 0.5 * z)
            yield tube(center, half, 0.5 * z) if is_round else box(center, (half, half, 0.5 * z))


AGAINST_WALLS: tuple[Maker, ...] = (
    shelf, cabinet, counter, sofa, desk, shelf, cabinet, table, plant, lamp, bed, chair,
)  # fmt: skip
ANYWHERE: tuple[Maker, ...] = (
    chair, chair, table, person, cartons, bin_, plant, lamp, sofa, desk,
)  # fmt: skip
OUTDOORS: tuple[Maker, ...] = (tree, tree, car, person, post, bin_, cartons, plant, tree)
