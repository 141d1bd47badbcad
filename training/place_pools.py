"""Pools of places that windows are rendered in: simple ones and detailed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from jaxtyping import Float
import numpy as np
import torch
from torch import Tensor

from training.detailed_places import detailed_place, DetailedPlace
from training.free_motion import free_poses
from training.motion import window_poses
from training.photo_atlas import PhotoAtlas
from training.solid_cast import cast_all
from training.solid_render import render_solids
from training.solids import Solids
from training.surface_cover import covered, numbered
from training.view_rendering import intrinsics, render_windows
from training.views import Views
from vggt_ros.synthetic.place import Place
from vggt_ros.synthetic.places import random_place
from vggt_ros.synthetic.ray_cast import cast
from vggt_ros.synthetic.renderer import select_scenes
from vggt_ros.synthetic.scene import Scene

# Seed 0 is the walk of the demo; those above are for watching the training, see validation.
TRAINING_SEEDS = range(1, 800_000)
_NUM_PLACES = 48
_RENEWED = 2  # places that make room for new ones in every batch
_FOV_DEG = 40.0, 110.0
_SMOOTH_SHARE = 0.3  # of batches rendered with several rays per pixel
_PHOTO_SHARE = 0.7  # of simple places, which are covered with photographs if there are any
_WALK_SHARE = 0.5  # of windows of simple places, which are walks of robots
_CEILING_M = 3.5  # of free motion, over open ground
_DISTORTED_SHARE, _RADIAL = 0.3, 0.04
_BRIGHTNESS = 0.25, 0.6  # mean of a window, as an automatic exposure would have it


class PlacePool(Protocol):
    """A slowly changing set of places."""

    def render(self, num_windows: int, num_frames: int, image_size: tuple[int, int]) -> Views:
        """Render windows of some of the places.

        Args:
            num_windows: B.
            num_frames: S.
            image_size: Height and width, pixels.
        """
        ...


class SimplePool:
    """Places of the package: boxes, cylinders and spheres, that robots walk through."""

    def __init__(
        self, rng: np.random.Generator, device: torch.device, pictures: PhotoAtlas
    ) -> None:
        self._rng = rng
        self._device = device
        self._pictures = pictures
        self._places = [self._new_place() for _ in range(_NUM_PLACES)]

    def render(self, num_windows: int, num_frames: int, image_size: tuple[int, int]) -> Views:
        """See `PlacePool`."""
        rng = self._rng
        for _ in range(_RENEWED):
            self._places[int(rng.integers(_NUM_PLACES))] = self._new_place()
        chosen = rng.choice(_NUM_PLACES, num_windows, replace=num_windows > _NUM_PLACES)
        places = [self._places[i] for i in chosen]
        fov_rad = np.radians(rng.uniform(*_FOV_DEG, num_windows))
        poses = place_poses(rng, places, fov_rad, num_frames)
        for window, place in enumerate(places):
            if rng.uniform() < _WALK_SHARE:
                poses[window] = window_poses(
                    rng, place.path, place.eye_height_m, place.focus, num_frames
                )
        return render_windows(
            Scene.stack([place.scene for place in places]).to(self._device),
            torch.from_numpy(poses).to(self._device, torch.float32),
            intrinsics(fov_rad, image_size).to(self._device),
            image_size,
            samples=2 if rng.uniform() < _SMOOTH_SHARE else 1,
            atlas=self._pictures.atlas,
        )

    def _new_place(self) -> Place:
        seed = self._rng.integers(TRAINING_SEEDS.start, TRAINING_SEEDS.stop)
        place = random_place(int(seed))
        if self._rng.uniform() < _PHOTO_SHARE:
            return replace(place, scene=covered(place.scene, self._rng, self._pictures))
        return replace(place, scene=numbered(place.scene, self._pictures))


class DetailedPool:
    """Places full of things of many parts, that cameras move through freely."""

    def __init__(
        self, rng: np.random.Generator, device: torch.device, pictures: PhotoAtlas
    ) -> None:
        self._rng = rng
        self._device = device
        self._pictures = pictures
        self._places = [detailed_place(rng, pictures) for _ in range(_NUM_PLACES)]

    def render(self, num_windows: int, num_frames: int, image_size: tuple[int, int]) -> Views:
        """See `PlacePool`."""
        rng = self._rng
        for _ in range(_RENEWED):
            self._places[int(rng.integers(_NUM_PLACES))] = detailed_place(rng, self._pictures)
        chosen = rng.choice(_NUM_PLACES, num_windows, replace=num_windows > _NUM_PLACES)
        return render_detailed(
            rng,
            [self._places[i] for i in chosen],
            num_frames,
            image_size,
            self._pictures,
            self._device,
            samples=2 if rng.uniform() < _SMOOTH_SHARE else 1,
        )


def render_detailed(
    rng: np.random.Generator,
    places: Sequence[DetailedPlace],
    num_frames: int,
    image_size: tuple[int, int],
    pictures: PhotoAtlas,
    device: torch.device,
    *,
    samples: int = 1,
) -> Views:
    """Render a window of free motion in each of some detailed places.

    Args:
        rng: Decides about cameras and motion.
        places: B places.
        num_frames: S.
        image_size: Height and width, pixels.
        pictures: What the places were covered with.
        device: Where to render.
        samples: Rays per pixel along each axis.
    """
    B = len(places)
    on_host = Solids.stack([place.solids for place in places])
    fov_rad = np.radians(rng.uniform(*_FOV_DEG, B))
    bounds_m = np.stack([place.bounds_m for place in places])

    def reach(origin: Tensor, direction: Tensor) -> Tensor:
        return cast_all(on_host, origin, direction)

    poses = torch.from_numpy(free_poses(rng, reach, bounds_m, fov_rad, num_frames)).float()
    K = intrinsics(fov_rad, image_size)
    is_bent = rng.uniform(size=B) < _DISTORTED_SHARE
    radial = np.where(is_bent, rng.uniform(-_RADIAL, _RADIAL, B), 0.0).astype(np.float32)
    brightness = torch.from_numpy(rng.uniform(*_BRIGHTNESS, B).astype(np.float32))
    view = torch.arange(B, device=device).repeat_interleave(num_frames)
    K = K.to(device)
    rendering = render_solids(
        on_host.to(device),
        view,
        K[view],
        poses.to(device).flatten(0, 1),
        height=image_size[0],
        width=image_size[1],
        atlas=pictures.atlas,
        samples=samples,
        radial=torch.from_numpy(radial).to(device)[view],
        brightness=brightness.to(device),
    )
    return Views(
        rgb=rendering.rgb.view(B, num_frames, *image_size, 3),
        depth=rendering.depth.view(B, num_frames, *image_size),
        world_from_cam=poses.to(device),
        K=K,
    )


def place_poses(
    rng: np.random.Generator,
    places: Sequence[Place],
    fov_rad: Float[np.ndarray, ' B'],
    num_frames: int,
) -> Float[np.ndarray, 'B S 4 4']:
    """Return world_from_cam of free motion, one window in each simple place, meters."""
    scenes = Scene.stack([place.scene for place in places])

    def reach(origin: Tensor, direction: Tensor) -> Tensor:
        B, M, R, _ = direction.shape
        views = select_scenes(scenes, torch.arange(B).repeat_interleave(M))
        return cast(views, origin.flatten(0, 1), direction.flatten(0, 1)).distance.view(B, M, R)

    bounds_m = np.zeros((len(places), 2, 3))
    for bounds, place in zip(bounds_m, places, strict=True):
        room = place.half_size_m
        around = np.minimum(room[:2], np.abs(place.path).max(axis=0) + 3.0)
        bounds[0, :2], bounds[1, :2] = -around, around
        bounds[1, 2] = min(2 * room[2], _CEILING_M)
    return free_poses(rng, reach, bounds_m, fov_rad, num_frames)
