"""Windows of random places, rendered when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
import math

from jaxtyping import Float, UInt8
import numpy as np
import torch
from torch import Tensor

from training.augmentation import augment
from training.motion import window_poses
from training.window_batch import in_order, normalized_window, WindowBatch
from vggt_ros.synthetic.place import Place
from vggt_ros.synthetic.places import random_place
from vggt_ros.synthetic.renderer import render
from vggt_ros.synthetic.scene import Scene

# Seed 0 is the walk of the demo; those above are for watching the training, see validation.
TRAINING_SEEDS = range(1, 800_000)
_NUM_PLACES = 64
_RENEWED = 2  # places that make room for new ones in every batch
_USES = 2  # batches made of one rendering: other order, other camera artefacts
_FOV_DEG = 45.0, 100.0
_SMOOTH_SHARE = 0.15  # of batches rendered with several rays per pixel
_IN_ORDER, _BACKWARDS = 0.5, 0.2  # shares of windows; the others are shuffled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Views:
    """Rendered windows, metres."""

    rgb: UInt8[Tensor, 'B S H W 3']
    depth: Float[Tensor, 'B S H W']
    world_from_cam: Float[Tensor, 'B S 4 4']
    K: Float[Tensor, 'B 3 3']


class WindowSampler:
    """Draws windows of the places of a slowly changing pool."""

    def __init__(self, rng: np.random.Generator, device: torch.device) -> None:
        """Make up the first places.

        Args:
            rng: Decides everything.
            device: Where pictures are rendered.
        """
        self._rng = rng
        self._device = device
        self._places = [self._new_place() for _ in range(_NUM_PLACES)]
        self._views: _Views | None = None
        self._uses_left = 0

    def draw(self, num_windows: int, num_frames: int, image_size: tuple[int, int]) -> WindowBatch:
        """Return windows as a camera would take them.

        Args:
            num_windows: B.
            num_frames: S of a new rendering; one that is used again keeps its own.
            image_size: Height and width, pixels.
        """
        views = self._views
        if views is None or self._uses_left == 0 or views.rgb.shape[2:4] != image_size:
            views = self._views = self._render(num_windows, num_frames, image_size)
            self._uses_left = _USES
        self._uses_left -= 1
        B, S = views.rgb.shape[:2]
        order = torch.from_numpy(np.stack([self._order(S) for _ in range(B)])).to(self._device)
        window = torch.arange(B, device=self._device)[:, None]
        return normalized_window(
            augment(views.rgb[window, order], self._rng),
            views.depth[window, order],
            in_order(views.world_from_cam, order),
            views.K,
        )

    def _render(self, num_windows: int, num_frames: int, image_size: tuple[int, int]) -> _Views:
        for _ in range(_RENEWED):
            self._places[int(self._rng.integers(_NUM_PLACES))] = self._new_place()
        chosen = self._rng.choice(_NUM_PLACES, num_windows, replace=num_windows > _NUM_PLACES)
        places = [self._places[i] for i in chosen]
        poses = np.stack(
            [window_poses(self._rng, p.path, p.eye_height_m, p.focus, num_frames) for p in places]
        )
        return render_windows(
            Scene.stack([place.scene for place in places]).to(self._device),
            torch.from_numpy(poses).to(self._device, torch.float32),
            self._intrinsics(num_windows, image_size).to(self._device),
            image_size,
            samples=2 if self._rng.uniform() < _SMOOTH_SHARE else 1,
        )

    def _new_place(self) -> Place:
        seed = self._rng.integers(TRAINING_SEEDS.start, TRAINING_SEEDS.stop)
        return random_place(int(seed))

    def _intrinsics(self, num_windows: int, image_size: tuple[int, int]) -> Float[Tensor, 'B 3 3']:
        fov_rad = np.radians(self._rng.uniform(*_FOV_DEG, num_windows))
        return torch.stack([intrinsics(float(fov), image_size) for fov in fov_rad])

    def _order(self, num_frames: int) -> np.ndarray:
        kind = self._rng.uniform()
        if kind < _IN_ORDER:
            return np.arange(num_frames)
        if kind < _IN_ORDER + _BACKWARDS:
            return np.arange(num_frames)[::-1].copy()
        return self._rng.permutation(num_frames)


def intrinsics(fov_rad: float, image_size: tuple[int, int]) -> Float[Tensor, '3 3']:
    """Return K of a camera with square pixels and the principal point in the middle.

    Args:
        fov_rad: Horizontal field of view.
        image_size: Height and width, pixels.
    """
    height, width = image_size
    focal = 0.5 * width / math.tan(0.5 * fov_rad)
    return torch.tensor(
        [[focal, 0.0, 0.5 * (width - 1)], [0.0, focal, 0.5 * (height - 1)], [0.0, 0.0, 1.0]]
    )


def render_windows(
    scenes: Scene,
    world_from_cam: Float[Tensor, 'B S 4 4'],
    K: Float[Tensor, 'B 3 3'],
    image_size: tuple[int, int],
    *,
    samples: int = 1,
) -> _Views:
    """Render windows, one of each scene.

    Args:
        scenes: B scenes.
        world_from_cam: Poses in them, metres.
        K: One camera for each window.
        image_size: Height and width, pixels.
        samples: Rays per pixel along each axis.
    """
    B, S = world_from_cam.shape[:2]
    scene_of_view = torch.arange(B, device=K.device).repeat_interleave(S)
    height, width = image_size
    with torch.no_grad():
        views = render(
            scenes,
            scene_of_view,
            K[scene_of_view],
            world_from_cam.flatten(0, 1),
            height=height,
            width=width,
            samples=samples,
        )
    return _Views(
        rgb=views.rgb.view(B, S, height, width, 3),
        depth=views.depth.view(B, S, height, width),
        world_from_cam=world_from_cam,
        K=K,
    )
