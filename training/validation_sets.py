"""Windows that trainings are compared by: always the same, none of them trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from training.detailed_places import detailed_place
from training.motion import window_poses
from training.photo_atlas import load_atlas, PhotoAtlas
from training.place_pools import render_detailed
from training.real_windows import real_windows
from training.surface_cover import covered
from training.view_rendering import intrinsics, render_windows
from training.views import Views
from training.window_batch import normalized_window, WindowBatch
from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.inference.preprocess import plan_grid, resize
from vggt_ros.synthetic.place import Place
from vggt_ros.synthetic.places import random_place
from vggt_ros.synthetic.scene import Scene
from vggt_ros.synthetic.texture_atlas import TextureAtlas

# Neither trained on nor held out: what is decided while training is decided by these.
VALIDATION_SEEDS = range(800_000, 900_000)
NUM_WINDOWS = 24
NUM_FRAMES = 4
_FOV_RAD = 1.2
_AT_A_TIME = 8
_CPU = torch.device('cpu')

Windows = list[WindowBatch]


def validation_sets(
    image_size: tuple[int, int],
    *,
    photos: Path,
    real: Path | None = None,
    num_windows: int = NUM_WINDOWS,
) -> Mapping[str, Windows]:
    """Return windows by the name of the set, without camera artifacts, on the CPU.

    `procedural` shows simple places as the package makes them, `photos` the same places and
    cameras with photographs on the surfaces that are not trained on, `detailed` detailed places
    and free cameras, and the others, named after the folder, are real.

    Args:
        image_size: Height and width, pixels.
        photos: What collect_photos filled; without it there are neither `photos` nor `detailed`.
        real: Folder of folders that `real_windows` reads; None for no real images.
        num_windows: Of each rendered set.
    """
    seeds = VALIDATION_SEEDS[:num_windows]
    sets: dict[str, Windows] = {'procedural': list(_simple(seeds, image_size, None))}
    pictures = load_atlas(photos, _CPU, for_validation=True)
    if pictures.num_photos:
        sets['photos'] = list(_simple(seeds, image_size, pictures))
        sets['detailed'] = detailed_windows(num_windows, image_size, pictures)
    for folder in sorted(real.iterdir()) if real is not None else ():
        sets[folder.name] = [real_batch(window, image_size[1]) for window in real_windows(folder)]
    return sets


def real_batch(window: TruthWindow, width: int) -> WindowBatch:
    """Return real images as the network gets them; depth is 0 where unknown, lengths in meters.

    Args:
        window: On the camera's pixels.
        width: Of the network's images, pixels.
    """
    height = window.images.shape[1]
    grid = plan_grid(window.images.shape[2], height, width)
    images = np.stack([resize(image, grid) for image in window.images])
    depth = np.nan_to_num(window.depth_on(grid))
    K = grid.K_model_from_image(window.K)
    return WindowBatch(
        images=torch.from_numpy(images).permute(0, 3, 1, 2)[None] / 255.0,
        depth=torch.from_numpy(depth)[None],
        cam_from_world=torch.from_numpy(window.cam_from_world).float()[None],
        K=torch.from_numpy(K).float()[None],
    )


def _simple(
    seeds: Sequence[int], image_size: tuple[int, int], pictures: PhotoAtlas | None
) -> Iterator[WindowBatch]:
    for start in range(0, len(seeds), _AT_A_TIME):
        some = seeds[start : start + _AT_A_TIME]
        places = [random_place(seed) for seed in some]
        poses = np.stack([_poses(seed, place) for seed, place in zip(some, places, strict=True)])
        atlas: TextureAtlas | None = None
        if pictures is not None:
            atlas = pictures.atlas
            places = [
                replace(place, scene=covered(place.scene, np.random.default_rng(seed), pictures))
                for seed, place in zip(some, places, strict=True)
            ]
        K = intrinsics(np.full(len(some), _FOV_RAD), image_size)
        scenes = Scene.stack([place.scene for place in places])
        world_from_cam = torch.from_numpy(poses).float()
        yield _batch(render_windows(scenes, world_from_cam, K, image_size, atlas=atlas))


def _poses(seed: int, place: Place) -> np.ndarray:
    draws = np.random.default_rng(seed)
    return window_poses(draws, place.path, place.eye_height_m, place.focus, NUM_FRAMES)


def detailed_windows(
    num_windows: int, image_size: tuple[int, int], pictures: PhotoAtlas
) -> Windows:
    """Return windows of detailed places, always the same.

    Args:
        num_windows: How many.
        image_size: Height and width, pixels.
        pictures: What the places are covered with.
    """
    windows = []
    for start in range(0, num_windows, _AT_A_TIME):
        rng = np.random.default_rng([VALIDATION_SEEDS[start], 7])
        places = [
            detailed_place(rng, pictures) for _ in range(min(_AT_A_TIME, num_windows - start))
        ]
        views = render_detailed(rng, places, NUM_FRAMES, image_size, pictures, _CPU, samples=2)
        windows.append(_batch(views))
    return windows


def _batch(views: Views) -> WindowBatch:
    images = views.rgb.permute(0, 1, 4, 2, 3) / 255.0
    return normalized_window(images, views.depth, views.world_from_cam, views.K)
