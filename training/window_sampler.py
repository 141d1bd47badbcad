"""Windows of random places, rendered when they are asked for."""

from __future__ import annotations

import numpy as np
import torch

from training.augmentation import augment
from training.photo_atlas import PhotoAtlas
from training.place_pools import DetailedPool, PlacePool, SimplePool
from training.views import Views
from training.window_batch import in_order, normalized_window, WindowBatch

_DETAILED_SHARE = 0.62  # of renderings; the others show simple places
_USES = 3  # batches made of one rendering: other order, other camera artifacts
_IN_ORDER, _BACKWARDS = 0.5, 0.2  # shares of windows; the others are shuffled


class WindowSampler:
    """Draws windows of the places of slowly changing pools."""

    def __init__(
        self, rng: np.random.Generator, device: torch.device, pictures: PhotoAtlas
    ) -> None:
        """Make up the first places.

        Args:
            rng: Decides everything.
            device: Where pictures are rendered.
            pictures: What surfaces are covered with.
        """
        self._rng = rng
        self._device = device
        self._simple: PlacePool = SimplePool(rng, device, pictures)
        self._detailed: PlacePool = DetailedPool(rng, device, pictures)
        self._views: Views | None = None
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
            is_detailed = self._rng.uniform() < _DETAILED_SHARE
            pool = self._detailed if is_detailed else self._simple
            views = self._views = pool.render(num_windows, num_frames, image_size)
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

    def _order(self, num_frames: int) -> np.ndarray:
        kind = self._rng.uniform()
        if kind < _IN_ORDER:
            return np.arange(num_frames)
        if kind < _IN_ORDER + _BACKWARDS:
            return np.arange(num_frames)[::-1].copy()
        return self._rng.permutation(num_frames)
