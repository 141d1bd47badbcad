"""Folders with colour images, depth images and poses of a real camera."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re

import cv2
from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import AlignmentError, SourceError
from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.se3 import inverse, rigid
from vggt_ros.sources.image_file import read_image

# A Kinect's; a file camera.txt in the folder overrides it.
_DEFAULT_CAMERA = 518.0, 519.0, 325.5, 253.5
_MM_PER_M = 1000.0
_MIN_FRAMES = 2


class RgbdFolder:
    """Images `color/*.png`, `depth/*.pgm` and `pose.txt`.

    Images are ordered by the numbers in their names. Depth is uint16 millimetres along the
    optical axis, 0 where unknown, on the pixels of the colour image. `pose.txt` has a line
    `tx ty tz qx qy qz qw` for each image: world_from_cam, metres. `camera.txt`, if there is one,
    holds `fx fy cx cy` in pixels; without it they are 518, 519, 325.5, 253.5.

    Attributes:
        path: The folder.
        K: (3, 3) intrinsics of the images.
        world_from_cam: (N, 4, 4) poses, metres.
    """

    def __init__(self, path: Path) -> None:
        """List the files and read the poses; images are read when they are asked for.

        Raises:
            SourceError: A file is missing or unreadable, or the numbers of images, depth images
                and poses differ.
        """
        self.path = path
        self._color = _numbered(path / 'color', '.png')
        self._depth = _numbered(path / 'depth', '.pgm')
        self.world_from_cam = _read_poses(path / 'pose.txt')
        self.K = _read_camera(path / 'camera.txt')
        counts = len(self._color), len(self._depth), len(self.world_from_cam)
        if len(set(counts)) != 1 or counts[0] < _MIN_FRAMES:
            raise SourceError(
                f'{path} has {counts[0]} colour images, {counts[1]} depth images and '
                f'{counts[2]} poses; give equally many of each, at least {_MIN_FRAMES}'
            )

    def __len__(self) -> int:
        return len(self._color)

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
        images = [read_image(self._color[i]) for i in indices]
        depths = [_read_depth(self._depth[i]) for i in indices]
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


def _numbered(folder: Path, suffix: str) -> list[Path]:
    files = [file for file in folder.glob('*') if file.suffix.lower() == suffix]
    if not files:
        raise SourceError(f'there are no *{suffix} files in {folder}; see docs/evaluation.md')
    return sorted(files, key=lambda file: ([int(n) for n in re.findall(r'\d+', file.stem)], file))


def _read_depth(path: Path) -> Float32[np.ndarray, 'H W']:
    millimetres = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if millimetres is None or millimetres.ndim != 2 or millimetres.dtype != np.uint16:
        found = 'nothing readable' if millimetres is None else str(millimetres.dtype)
        raise SourceError(f'{path} holds {found}; a depth image is one channel of uint16 mm')
    depth = millimetres.astype(np.float32) / np.float32(_MM_PER_M)
    depth[millimetres == 0] = np.nan
    return depth


def _read_poses(path: Path) -> Float[np.ndarray, 'N 4 4']:
    rows = _read_numbers(path, 7)
    try:
        return rigid(matrix_from_quat_xyzw(rows[:, 3:]), rows[:, :3])
    except AlignmentError as error:
        raise SourceError(f'{path} holds a quaternion that is no rotation: {error}') from error


def _read_camera(path: Path) -> Float[np.ndarray, '3 3']:
    fx, fy, cx, cy = _DEFAULT_CAMERA
    if path.exists():
        rows = _read_numbers(path, 4)
        if len(rows) != 1:
            raise SourceError(f'{path} has {len(rows)} lines; give one, fx fy cx cy')
        fx, fy, cx, cy = rows[0]
    if min(fx, fy) <= 0:
        raise SourceError(f'{path} holds the focal lengths {fx} and {fy}; both must be above 0')
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def _read_numbers(path: Path, columns: int) -> Float[np.ndarray, 'rows columns']:
    try:
        lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
        rows = np.array([[float(word) for word in line] for line in lines], dtype=np.float64)
    except (OSError, ValueError) as error:
        raise SourceError(
            f'{path} cannot be read as lines of {columns} numbers: {error}'
        ) from error
    if rows.ndim != 2 or rows.shape[1] != columns or not np.isfinite(rows).all():
        raise SourceError(
            f'{path} holds numbers of the shape {rows.shape}; give {columns} finite numbers a line'
        )
    return rows
