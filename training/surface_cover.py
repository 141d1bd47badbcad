"""Surfaces covered anew: with photographs, patterns and plain paint, and lit in another way."""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Bool, Float, Int
import numpy as np
import torch

from training.photo_atlas import PhotoAtlas
from vggt_ros.synthetic.scene import Scene
from vggt_ros.synthetic.shapes import PLASTER_PICTURES

_WALLS = 6  # the first surfaces: the inside of box 0
# Of surfaces; the others show patterns. Walls, floors and ceilings are plain more often.
_PHOTO_SHARE, _PLAIN_SHARE = 0.65, 0.2
_WALL_PHOTO_SHARE, _WALL_PLAIN_SHARE = 0.5, 0.42
_ONE_COVER_SHARE = 0.6  # of boxes, all of whose faces look alike
_TILE_M = 0.4, 2.0
_WALL_TILE_M = 1.5, 6.0
_BRIGHTNESS = 0.4, 1.15
_HUE = 0.12  # by how much the three factors of a tint differ
_AMBIENT = 0.25, 0.95


def covered(scene: Scene, rng: np.random.Generator, pictures: PhotoAtlas) -> Scene:
    """Return a scene with other pictures, tints and light; its shapes stay.

    Args:
        scene: A batch of one scene.
        rng: Decides everything.
        pictures: What to choose from; a scene is left as it is if there are no photographs.
    """
    if not pictures.num_photos:
        return scene
    num = scene.texture.shape[1]
    num_faces = 6 * scene.box_center.shape[1]
    texture = cover(rng, pictures, num, is_wall=np.arange(num) < _WALLS)
    tile_m = spread(rng, _TILE_M, num)
    wall_tile_m = spread(rng, _WALL_TILE_M, _WALLS)
    # A picture about as large as what it covers, whatever the size of the place.
    tile_m[:_WALLS] = wall_tile_m * max(1.0, float(scene.box_half[0, 0].max()) / 4.0)
    tint = tints(rng, num)
    alike = np.repeat(rng.uniform(size=num_faces // 6) < _ONE_COVER_SHARE, 6)
    alike[:_WALLS] = False
    first = np.arange(num_faces) // 6 * 6
    for values in (texture, tile_m, tint):
        values[:num_faces] = np.where(
            alike.reshape(-1, *[1] * (values.ndim - 1)), values[first], values[:num_faces]
        )
    return replace(
        scene,
        texture=torch.from_numpy(texture[None]),
        tile_m=torch.from_numpy(tile_m[None].astype(np.float32)),
        tint=torch.from_numpy(tint[None].astype(np.float32)),
        ambient=torch.tensor([rng.uniform(*_AMBIENT)], dtype=torch.float32),
    )


def numbered(scene: Scene, pictures: PhotoAtlas) -> Scene:
    """Return a scene that looks as before, its pictures' numbers being those of the atlas."""
    return replace(scene, texture=scene.texture + pictures.num_photos)


def cover(
    rng: np.random.Generator, pictures: PhotoAtlas, num: int, *, is_wall: Bool[np.ndarray, ' num']
) -> Int[np.ndarray, ' num']:
    """Return the picture of each surface.

    Args:
        rng: Decides everything.
        pictures: With photographs.
        num: How many surfaces.
        is_wall: Which of them are large parts of a building, often plain.
    """
    num_standard = pictures.num_pictures - pictures.num_photos
    kind = rng.uniform(size=num)
    photo_share = np.where(is_wall, _WALL_PHOTO_SHARE, _PHOTO_SHARE)
    plain_share = np.where(is_wall, _WALL_PLAIN_SHARE, _PLAIN_SHARE)
    photo = rng.integers(0, pictures.num_photos, num)
    pattern = rng.integers(0, num_standard, num)
    plain = rng.choice(PLASTER_PICTURES, num)
    standard = np.where(kind < photo_share + plain_share, plain, pattern)
    return np.where(kind < photo_share, photo, pictures.num_photos + standard)


def spread(
    rng: np.random.Generator, limits: tuple[float, float], num: int
) -> Float[np.ndarray, ' num']:
    """Return numbers between limits whose logarithms are uniform."""
    return np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]), num))


def tints(rng: np.random.Generator, num: int) -> Float[np.ndarray, 'num 3']:
    """Return factors on the colors of surfaces: brighter or darker, a little colored."""
    brightness = rng.uniform(*_BRIGHTNESS, (num, 1))
    return brightness * (1.0 + rng.uniform(-_HUE, _HUE, (num, 3)))
