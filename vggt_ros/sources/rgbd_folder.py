"""Folders with numbered images and a line with the pose of each.

`color/*` and `pose.txt`, and if there are any `depth/*` and `camera.txt`. Images are ordered by
the numbers in their names; a depth image belongs to the image of the same number. Depth is uint16
millimeters along the optical axis, 0 where unknown, of the view of the color image and of any
size. `pose.txt` has a line `tx ty tz qx qy qz qw` for each image: world_from_cam, meters.
`camera.txt` holds `fx fy cx cy` in pixels of the color images, centers at integers; without it
they are 518, 519, 325.5, 253.5, those of a Kinect.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError, SourceError
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.se3 import rigid
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.depth_file import read_depth
from vggt_ros.sources.image_file import IMAGE_SUFFIXES
from vggt_ros.sources.number_lines import read_numbers
from vggt_ros.sources.numbered_files import number_of, numbered_files
from vggt_ros.sources.source import stamp_ns_at

LAYOUT = 'rgbd'
CONTENT = 'color/ and pose.txt'
_DEFAULT_CAMERA = 518.0, 519.0, 325.5, 253.5
_DEPTH_SUFFIXES = ('.png', '.pgm')


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    return (path / 'color').is_dir() and (path / 'pose.txt').is_file()


def read(path: Path, rate_hz: float) -> Dataset:
    """List the files and read the poses.

    Args:
        path: The folder.
        rate_hz: Images a second; the files carry no time.

    Raises:
        SourceError: A file is missing or unreadable, or the numbers of images and poses differ.
    """
    color = numbered_files(path / 'color', IMAGE_SUFFIXES)
    has_depth = (path / 'depth').is_dir()
    depth = numbered_files(path / 'depth', _DEPTH_SUFFIXES) if has_depth else []
    poses = _read_poses(path / 'pose.txt')
    if len(color) != len(poses):
        raise SourceError(
            f'{path} has {len(color)} color images, {len(depth)} depth images and {len(poses)} '
            f'poses; give one line of pose.txt for each color image'
        )
    K = _read_camera(path / 'camera.txt')
    depth_of = {number_of(file): file for file in depth}
    records = []
    for index, (file, pose) in enumerate(zip(color, poses, strict=True)):
        measured = depth_of.get(number_of(file))
        records.append(
            DatasetRecord(
                image=file,
                stamp_ns=stamp_ns_at(index + 1, rate_hz),
                K=K,
                read_depth=None if measured is None else partial(read_depth, measured),
                world_from_cam=pose,
            )
        )
    return Dataset(path.name, LAYOUT, records, rate_hz=rate_hz)


def _read_poses(path: Path) -> Float[np.ndarray, 'N 4 4']:
    rows = read_numbers(path, 7)
    try:
        return rigid(matrix_from_quat_xyzw(rows[:, 3:]), rows[:, :3])
    except AlignmentError as error:
        raise SourceError(f'{path} holds a quaternion that is no rotation: {error}') from error


def _read_camera(path: Path) -> Float[np.ndarray, '3 3']:
    fx, fy, cx, cy = _DEFAULT_CAMERA
    if path.exists():
        rows = read_numbers(path, 4)
        if len(rows) != 1:
            raise SourceError(f'{path} has {len(rows)} lines; give one, fx fy cx cy')
        fx, fy, cx, cy = rows[0]
    if min(fx, fy) <= 0:
        raise SourceError(f'{path} holds the focal lengths {fx} and {fy}; both must be above 0')
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
