"""TartanAir, both editions: one trajectory, `P000`.

The first edition has `image_left/000000_left.png`, `depth_left/000000_left_depth.npy` and
`pose_left.txt`; 640 x 480, focal length 320. The second has `image_lcam_front/`,
`depth_lcam_front/` (PNG of four channels, whose bytes are a float32) and `pose_lcam_front.txt`;
640 x 640, focal length 320. Poses are lines `tx ty tz qx qy qz qw`, world_from_cam in meters, of a
camera with x forward, y right, z down in a world with z down; here they become those of OpenCV's
axes in a world with x east, y down, z north. Wang et al.,
"TartanAir: A dataset to push the limits of visual SLAM", IROS 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import AlignmentError, OptionError, SourceError
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.se3 import rigid
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.number_lines import read_numbers
from vggt_ros.sources.numbered_files import numbered_files
from vggt_ros.sources.picture_size import sizes_in_header
from vggt_ros.sources.source import stamp_ns_at

LAYOUT = 'tartanair'
CONTENT = 'image_left/ and pose_left.txt, or image_lcam_front/ and pose_lcam_front.txt'
# Depth of the sky is made up.
_MAX_DEPTH_M = 1000.0
# x right, y down, z forward of x forward, y right, z down.
_CV_FROM_NED = np.array([[0.0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Camera:
    """Names and camera of one edition."""

    images: str
    depths: str
    poses: str
    size: tuple[int, int]

    @property
    def K(self) -> Float[np.ndarray, '3 3']:
        width, height = self.size
        return np.array([[320.0, 0, width / 2], [0, 320.0, height / 2], [0, 0, 1]])


_EDITIONS = (
    *(
        _Camera(
            images=f'image_{side}',
            depths=f'depth_{side}',
            poses=f'pose_{side}.txt',
            size=(640, 480),
        )
        for side in ('left', 'right')
    ),
    *(
        _Camera(
            images=f'image_{side}_front',
            depths=f'depth_{side}_front',
            poses=f'pose_{side}_front.txt',
            size=(640, 640),
        )
        for side in ('lcam', 'rcam')
    ),
)


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    return bool(_found(path))


def read(path: Path, rate_hz: float) -> Dataset:
    """Read the left camera; see `read_camera`."""
    return read_camera(path, rate_hz, None)


def read_camera(path: Path, rate_hz: float, camera: int | None) -> Dataset:
    """List the files and read the poses.

    Args:
        path: The folder of the trajectory.
        rate_hz: Images a second; the files carry no time.
        camera: 0 is left, 1 is right; None for the first that there is.

    Raises:
        SourceError: A file is unreadable, or numbers of images and poses or sizes differ.
    """
    found = _found(path)
    if camera is not None and camera >= len(found):
        raise OptionError(f'{path} has {len(found)} cameras, counted from 0; got {camera}')
    side = found[camera or 0]
    files = numbered_files(path / side.images, ('.png', '.jpg'))
    poses = _poses(path / side.poses)
    if len(files) != len(poses):
        raise SourceError(
            f'{path} has {len(files)} images and {len(poses)} poses; give one line of '
            f'{side.poses} for each image'
        )
    sizes = sizes_in_header(files[0])
    if sizes is not None and sizes[0] != side.size:
        raise SourceError(
            f'{files[0]} has {sizes[0][0]} x {sizes[0][1]} pixels, the camera of TartanAir '
            f'{side.size[0]} x {side.size[1]}; take the images as published'
        )
    records = [
        DatasetRecord(
            image=file,
            stamp_ns=stamp_ns_at(index + 1, rate_hz),
            K=side.K,
            read_depth=_depth_reader(path / side.depths, file.stem),
            world_from_cam=poses[index],
        )
        for index, file in enumerate(files)
    ]
    return Dataset(
        f'{path.parent.name}/{path.name}',
        LAYOUT,
        records,
        rate_hz=rate_hz,
        camera=side.images.removeprefix('image_'),
        truth='the rendered camera, exact; the world has y down and z to the north',
        notes=['images are rendered; depth beyond 1 km counts as unknown'],
    )


def _found(path: Path) -> list[_Camera]:
    return [
        each
        for each in _EDITIONS
        if (path / each.images).is_dir() and (path / each.poses).is_file()
    ]


def _poses(file: Path) -> Float[np.ndarray, 'N 4 4']:
    rows = read_numbers(file, 7)
    try:
        x_forward = rigid(matrix_from_quat_xyzw(rows[:, 3:]), rows[:, :3])
    except AlignmentError as error:
        raise SourceError(f'{file} holds a quaternion that is no rotation: {error}') from error
    poses: Float[np.ndarray, 'N 4 4'] = _CV_FROM_NED @ x_forward @ _CV_FROM_NED.T
    return poses


def _depth_reader(folder: Path, stem: str) -> partial[Float32[np.ndarray, 'H W']] | None:
    for suffix, read_file in (('.npy', _read_array), ('.png', _read_bytes)):
        file = folder / f'{stem}_depth{suffix}'
        if file.is_file():
            return partial(_read_depth, read_file, file)
    return None


def _read_depth(read_file: object, file: Path) -> Float32[np.ndarray, 'H W']:
    assert callable(read_file), 'one of the two below'
    depth = read_file(file)
    if depth is None or depth.ndim != 2 or depth.dtype != np.float32:
        found = 'nothing readable' if depth is None else f'{depth.dtype} {depth.shape}'
        raise SourceError(f'{file} holds {found}; depth of TartanAir is one float32 a pixel')
    is_known = np.isfinite(depth) & (depth > 0) & (depth < _MAX_DEPTH_M)
    return np.where(is_known, depth, np.float32(np.nan))


def _read_array(file: Path) -> np.ndarray | None:
    try:
        with file.open('rb') as opened:
            return np.asarray(np.load(opened, allow_pickle=False))
    except (OSError, ValueError, EOFError):
        return None


def _read_bytes(file: Path) -> np.ndarray | None:
    pixels = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != np.uint8:
        return None if pixels is None else np.asarray(pixels)
    return np.ascontiguousarray(pixels).view('<f4')[..., 0]
