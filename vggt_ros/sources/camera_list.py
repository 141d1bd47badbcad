"""Folders of images with a list of their cameras: intrinsics and pose of each.

`cameras.json` maps the name of each image to `K`, (3, 3) intrinsics in its pixels with centers at
integers, and `world_from_cam`, (4, 4), meters, OpenCV axes. The images are in `images/`, or beside
the list.
"""

from __future__ import annotations

import json
from pathlib import Path
import re
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError, SourceError
from vggt_ros.geometry.rotation import nearest_rotation
from vggt_ros.geometry.se3 import rigid
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.number_lines import read_text
from vggt_ros.sources.source import stamp_ns_at

LAYOUT = 'cameras'
CONTENT = 'cameras.json'
# Lists are written with few digits; what is farther from a rotation is none.
_MAX_ROTATION_ERROR = 1e-2


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    return (path / 'cameras.json').is_file()


def read(path: Path, rate_hz: float) -> Dataset:
    """Read the list.

    Args:
        path: The folder.
        rate_hz: Images a second; the files carry no time.

    Raises:
        SourceError: The list is unreadable, a camera makes no sense, or an image is missing.
    """
    file = path / 'cameras.json'
    try:
        cameras = json.loads(read_text(file))
    except json.JSONDecodeError as error:
        raise SourceError(f'{file} is not JSON: {error}') from error
    if not isinstance(cameras, dict) or not cameras:
        raise SourceError(f'{file} holds no cameras; it maps image names to K and world_from_cam')
    folder = path / 'images' if (path / 'images').is_dir() else path
    records = []
    for index, name in enumerate(sorted(cameras, key=_by_numbers)):
        if not (folder / name).is_file():
            raise SourceError(f'{file} names {name}, which is not in {folder}; add or remove it')
        K, world_from_cam = _camera(cameras[name], f'{file}, {name}')
        records.append(
            DatasetRecord(
                image=folder / name,
                stamp_ns=stamp_ns_at(index + 1, rate_hz),
                K=K,
                world_from_cam=world_from_cam,
            )
        )
    return Dataset(path.name, LAYOUT, records, rate_hz=rate_hz)


def checked_pose(matrix: Float[np.ndarray, '4 4'], where: str) -> Float[np.ndarray, '4 4']:
    """Return a rigid pose whose rotation was rounded, with the rotation put right.

    Args:
        matrix: (4, 4) as it was read.
        where: File and place, for the error.

    Raises:
        SourceError: It is not finite, or far from a rotation.
    """
    try:
        rotation = nearest_rotation(matrix[:3, :3])
    except AlignmentError as error:
        raise SourceError(f'{where}: the pose is no rotation: {error}') from error
    off = float(np.abs(rotation - matrix[:3, :3]).max())
    if not np.isfinite(matrix).all() or off > _MAX_ROTATION_ERROR:
        raise SourceError(
            f'{where}: the pose is {off:.3g} off a rotation, at most {_MAX_ROTATION_ERROR:g} is '
            f'rounding; give world_from_cam with orthonormal axes and a finite translation'
        )
    pose: Float[np.ndarray, '4 4'] = rigid(rotation, matrix[:3, 3])
    return pose


def _camera(camera: Any, where: str) -> tuple[Float[np.ndarray, '3 3'], Float[np.ndarray, '4 4']]:
    try:
        K = np.array(camera['K'], dtype=np.float64)
        world_from_cam = np.array(camera['world_from_cam'], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(
            f'{where} must have K and world_from_cam, matrices of numbers: {error}'
        ) from error
    if K.shape != (3, 3) or world_from_cam.shape != (4, 4):
        raise SourceError(
            f'{where}: K has the shape {K.shape} and world_from_cam {world_from_cam.shape}; they '
            f'must be (3, 3) and (4, 4)'
        )
    if not np.isfinite(K).all() or min(K[0, 0], K[1, 1]) <= 0:
        raise SourceError(f'{where}: the focal lengths are {K[0, 0]} and {K[1, 1]}, not above 0')
    return K, checked_pose(world_from_cam, where)


def _by_numbers(name: str) -> tuple[list[int], str]:
    return [int(digits) for digits in re.findall(r'\d+', name)], name
