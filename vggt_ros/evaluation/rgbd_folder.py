"""Folders with color images, depth images and poses of a real camera, as windows with truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.geometry.se3 import inverse
from vggt_ros.sources.dataset_formats import open_dataset
from vggt_ros.sources.rgbd_folder import LAYOUT

_MIN_FRAMES = 2


class RgbdFolder:
    """Images, depth images and poses in the layout of `sources.rgbd_folder`.

    Every image must have a depth image on its own pixels.

    Attributes:
        path: The folder.
        K: (3, 3) intrinsics of the images.
        world_from_cam: (N, 4, 4) poses, meters.
    """

    def __init__(self, path: Path) -> None:
        """List the files and read the poses; images are read when they are asked for.

        Raises:
            SourceError: A file is missing or unreadable, there are too few images, or an image has
                no pose or no depth image.
        """
        self.path = path
        self._dataset = open_dataset(path, layout=LAYOUT)
        if len(self) < _MIN_FRAMES or self._dataset.num_depths < len(self):
            raise SourceError(
                f'{path} has {len(self)} color images and {self._dataset.num_depths} depth images '
                f'of the same numbers; give equally many of each, at least {_MIN_FRAMES}'
            )
        self.world_from_cam = self._dataset.world_from_cam
        K = self._dataset.K
        assert K is not None, 'this layout has a camera for every image'
        self.K: Float[np.ndarray, '3 3'] = K

    def __len__(self) -> int:
        return len(self._dataset)

    def windows(self, max_frames: int) -> Iterator[TruthWindow]:
        """Yield consecutive windows; a last one of a single image is left out.

        Args:
            max_frames: Images in a window, at least 2; the last one may have fewer.

        Raises:
            SourceError: An image is unreadable or has another size than the others, or a window
                has no depth.
        """
        for start in range(0, len(self) - _MIN_FRAMES + 1, max_frames):
            yield self._window(range(start, min(start + max_frames, len(self))))

    def num_windows(self, max_frames: int) -> int:
        """Return how many windows `windows` yields."""
        return len(range(0, len(self) - _MIN_FRAMES + 1, max_frames))

    def _window(self, indices: range) -> TruthWindow:
        frames = [self._dataset.frame(i) for i in indices]
        images = [frame.image for frame in frames]
        depths = [frame.depth for frame in frames if frame.depth is not None]
        sizes = {picture.shape[:2] for picture in (*images, *depths)}
        if len(sizes) != 1:
            raise SourceError(
                f'images and depth images {indices.start} to {indices.stop - 1} of {self.path} '
                f'have {len(sizes)} sizes, {sorted(sizes)}; they must have one'
            )
        depth = np.stack(depths)
        if not np.isfinite(depth).any():
            raise SourceError(
                f'depth images {indices.start} to {indices.stop - 1} of {self.path} hold no '
                f'reading at all; remove these images or give their depth'
            )
        return TruthWindow(
            name=f'{self.path.name} {indices.start}..{indices.stop - 1}',
            images=np.stack(images),
            depth=depth,
            cam_from_world=inverse(self.world_from_cam[list(indices)]),
            K=self.K,
        )
