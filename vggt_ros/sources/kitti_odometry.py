"""KITTI's odometry benchmark: one sequence, `sequences/NN`.

`image_0` to `image_3` (`000000.png`, rectified; 0 and 1 gray, 2 and 3 color), `calib.txt` (`P0:`
to `P3:`, 3 x 4, of which the last column says where a camera is beside the first one), `times.txt`
(seconds from the first image) and, of sequences 00 to 10, `../../poses/NN.txt`: a line of 12
numbers for each image, world_from_cam of camera 0, meters. Geiger et al., "Are we ready for
autonomous driving?", CVPR 2012. Each camera's truth is moved to where it is.
"""

from __future__ import annotations

import logging
from pathlib import Path

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import OptionError, SourceError
from vggt_ros.geometry.se3 import rigid
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.number_lines import ns_of_seconds, read_text
from vggt_ros.sources.numbered_files import numbered_files
from vggt_ros.sources.picture_size import sizes_in_header
from vggt_ros.sources.pose_matrices import read_pose_lines

LAYOUT = 'kitti'
CONTENT = 'calib.txt, times.txt and image_2/ (or image_0/, 1, 3)'
_PREFERRED = 2, 0, 3, 1
_SUFFIXES = ('.png', '.jpg')
_log = logging.getLogger(__name__)


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    has_lists = (path / 'calib.txt').is_file() and (path / 'times.txt').is_file()
    return has_lists and bool(_cameras(path))


def read(path: Path, rate_hz: float) -> Dataset:
    """Read the left color camera, or the left gray one without color; see `read_camera`."""
    return read_camera(path, rate_hz, None)


def read_camera(path: Path, rate_hz: float, camera: int | None) -> Dataset:
    """List the images of a camera and read the truth.

    Args:
        path: The folder `sequences/NN`.
        rate_hz: Not used: the files carry the time.
        camera: 0 to 3; None for the left color camera, or the left gray one without color.

    Raises:
        SourceError: A file is missing or unreadable, or the lists have different lengths.
    """
    cameras = _cameras(path)
    number = cameras[0] if camera is None else camera
    if number not in cameras:
        raise OptionError(
            f'{path} has no image_{number}; its cameras are {", ".join(map(str, sorted(cameras)))}'
        )
    stamps_ns = _stamps_ns(path / 'times.txt')
    K, cam0_from_cam = projection(
        read_entries(path / 'calib.txt'), f'P{number}', path / 'calib.txt'
    )
    truth = path.parent.parent / 'poses' / f'{path.name}.txt'
    poses = read_pose_lines(truth, 12) if truth.is_file() else None
    if poses is not None and len(poses) != len(stamps_ns):
        raise SourceError(
            f'{truth} has {len(poses)} poses, {path / "times.txt"} {len(stamps_ns)} times; both '
            f'must have a line for each image'
        )
    files = numbered_files(path / f'image_{number}', _SUFFIXES)
    Calibration(K=K, origin=str(path / 'calib.txt')).check(_size(files[0]), path.name)
    of_index = {int(file.stem): file for file in files if file.stem.isdecimal()}
    records = [
        DatasetRecord(
            image=of_index[index],
            stamp_ns=stamp_ns,
            K=K,
            world_from_cam=None if poses is None else poses[index] @ cam0_from_cam,
        )
        for index, stamp_ns in enumerate(stamps_ns)
        if index in of_index
    ]
    num_missing = len(stamps_ns) - len(records)
    if num_missing:
        _log.warning('%s lacks %d of %d images', path, num_missing, len(stamps_ns))
    return Dataset(
        path.name,
        LAYOUT,
        records,
        camera=f'image_{number}',
        body_from_cam=cam0_from_cam,
        truth=f'camera {number}, moved there from camera 0; the world is camera 0 at the start',
        notes=['times count from the first image; images come 10 a second and far apart'],
        drops={'missing_file': num_missing},
    )


def projection(
    entries: dict[str, list[float]], key: str, file: Path
) -> tuple[Float[np.ndarray, '3 3'], Float[np.ndarray, '4 4']]:
    """Return K and the place of a rectified camera, first_from_cam, of its 3 x 4 projection.

    Raises:
        SourceError: There is no such projection, or it makes no sense.
    """
    numbers = entries.get(key, [])
    if len(numbers) != 12 or not np.isfinite(numbers).all():
        raise SourceError(f'{file} has {len(numbers)} numbers for {key}; give 12 finite ones')
    P = np.array(numbers).reshape(3, 4)
    K = P[:, :3]
    if min(K[0, 0], K[1, 1]) <= 0 or abs(K[2, 2] - 1) > 1e-6:
        raise SourceError(
            f'{key} in {file} has the focal lengths {K[0, 0]:g} and {K[1, 1]:g}; give '
            f'a projection of a rectified camera'
        )
    # x_in_cam = x_in_first + K^-1 P[:, 3]
    return K, rigid(np.eye(3), -np.linalg.solve(K, P[:, 3]))


def read_entries(file: Path) -> dict[str, list[float]]:
    """Read lines `name: numbers`; lines of other words are left out.

    Raises:
        SourceError: The file cannot be read.
    """
    entries = {}
    for line in read_text(file).splitlines():
        name, _, words = line.partition(':')
        try:
            entries[name.strip()] = [float(word) for word in words.split()]
        except ValueError:  # a date, or the kind of a corner
            continue
    return entries


def _cameras(path: Path) -> list[int]:
    return [number for number in _PREFERRED if (path / f'image_{number}').is_dir()]


def _size(file: Path) -> tuple[int, int] | None:
    sizes = sizes_in_header(file)
    return None if sizes is None else sizes[0]


def _stamps_ns(file: Path) -> list[int]:
    stamps_ns = []
    for word in read_text(file).split():
        try:
            stamps_ns.append(ns_of_seconds(word))
        except ValueError as error:
            raise SourceError(f'{file} holds {word!r}; a line is the seconds of an image') from (
                error
            )
    return stamps_ns
