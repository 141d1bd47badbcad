"""The TUM RGB-D benchmark, ETH3D SLAM, and other data sets in its layout.

`rgb.txt` lists `stamp file` of the images; `depth.txt` those of the depth images, of which 5000 is
1 m, registered to the color images; `groundtruth.txt` has poses of the color camera. Sturm et al.,
"A Benchmark for the Evaluation of RGB-D SLAM Systems", IROS 2012. Either of the last two may be
missing. The camera is told by `camera.txt` or `calibration.txt` in the folder, `fx fy cx cy` and
for a lens `k1 k2 p1 p2` and maybe `k3`, else by `freiburg1`, `2` or `3` in the folder's name.
"""

from __future__ import annotations

from functools import partial
import logging
from pathlib import Path
import re

from jaxtyping import Float
import numpy as np
from PIL import Image

from vggt_ros.errors import AlignmentError, SourceError
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.depth_file import read_depth
from vggt_ros.sources.number_lines import ns_of_seconds, read_text
from vggt_ros.sources.source import Distortion
from vggt_ros.sources.true_poses import TruePoses
from vggt_ros.sources.tum_file import match_stamps, read_tum

LAYOUT = 'tum'
CONTENT = 'rgb.txt'
_UNITS_PER_M = 5000.0
_MAX_DEPTH_DELAY_NS = 20_000_000
# fx fy cx cy and the coefficients of 640 x 480 pixels; the third camera's images are rectified.
_FREIBURG = {
    '1': (517.3, 516.5, 318.6, 255.3, 0.2624, -0.9531, -0.0054, 0.0026, 1.1633),
    '2': (520.9, 521.0, 325.1, 249.7, 0.2312, -0.7849, -0.0033, -0.0001, 0.9172),
    '3': (535.4, 539.2, 320.1, 247.6),
}
_FREIBURG_SIZE = 640, 480
_CAMERA_FILES = 'camera.txt', 'calibration.txt'
_log = logging.getLogger(__name__)


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    return (path / 'rgb.txt').is_file()


def read(path: Path, rate_hz: float) -> Dataset:
    """Read the lists; a file that is listed and not there is left out.

    Args:
        path: The folder.
        rate_hz: Not used: the files carry the time.

    Raises:
        SourceError: A list is unreadable, no image is there, or the camera makes no sense.
    """
    images, num_missing = _listed(path, 'rgb.txt')
    if not images:
        raise SourceError(f'none of the images in {path / "rgb.txt"} is there; unpack all files')
    depths = _listed(path, 'depth.txt')[0] if (path / 'depth.txt').is_file() else {}
    truth = _truth(path / 'groundtruth.txt')
    depth_of = _associated(sorted(images), sorted(depths))
    K, distortion = _camera(path, next(iter(images.values())))
    records = []
    for stamp_ns, file in images.items():
        depth_ns = depth_of.get(stamp_ns)
        records.append(
            DatasetRecord(
                image=file,
                stamp_ns=stamp_ns,
                K=K,
                read_depth=None
                if depth_ns is None
                else partial(read_depth, depths[depth_ns], _UNITS_PER_M),
                world_from_cam=None if truth is None else truth.at(stamp_ns),
            )
        )
    return Dataset(
        path.name,
        LAYOUT,
        records,
        distortion=distortion,
        truth='the color camera, by motion capture',
        drops={'missing_file': num_missing},
    )


def _listed(path: Path, name: str) -> tuple[dict[int, Path], int]:
    """Return the files of a list by their stamps, and how many of them are not there."""
    files: dict[int, Path] = {}
    num_missing = 0
    for line in read_text(path / name).splitlines():
        words = line.partition('#')[0].split()
        if not words:
            continue
        try:
            stamp_ns = ns_of_seconds(words[0])
            file = path / words[1]
        except (ValueError, IndexError) as error:
            raise SourceError(f'{path / name} holds {line!r}; a line is: stamp file') from error
        if file.is_file():
            files[stamp_ns] = file
        else:
            num_missing += 1
    if num_missing:
        _log.warning('%s names %d files that are not there', path / name, num_missing)
    return files, num_missing


def _associated(images_ns: list[int], depths_ns: list[int]) -> dict[int, int]:
    """Return the stamp of the depth image of each image that has one within 20 ms."""
    if not depths_ns:
        return {}
    a_ns, b_ns = np.array(images_ns, np.int64), np.array(depths_ns, np.int64)
    try:
        rows, depth_rows = match_stamps(a_ns, b_ns, _MAX_DEPTH_DELAY_NS)
    except AlignmentError:
        return {}
    return dict(zip(a_ns[rows].tolist(), b_ns[depth_rows].tolist(), strict=True))


def _truth(file: Path) -> TruePoses | None:
    if not file.is_file():
        return None
    found = read_tum(file)
    return TruePoses(stamps_ns=found.stamps_ns, world_from_body=found.world_from_cam)


def _camera(path: Path, image: Path) -> tuple[Float[np.ndarray, '3 3'] | None, Distortion | None]:
    """Return K and the distortion; None for an unknown camera."""
    own = next((path / name for name in _CAMERA_FILES if (path / name).is_file()), None)
    if own is not None:
        return _calibration(_camera_numbers(own))
    found = re.findall(r'freiburg([123])', str(path.resolve()).lower())
    if not found:
        return None, None
    K, distortion = _calibration(_FREIBURG[found[-1]])
    with Image.open(image) as opened:
        size = opened.size
    scale = size[0] / _FREIBURG_SIZE[0]
    if abs(scale * _FREIBURG_SIZE[1] - size[1]) > 1:
        raise SourceError(
            f'{image} has {size[0]} x {size[1]} pixels, the camera of freiburg{found[-1]} 640 x '
            f'480; give camera.txt with fx fy cx cy of these images'
        )
    K[:2, :2] *= scale
    K[:2, 2] = (K[:2, 2] + 0.5) * scale - 0.5
    return K, distortion


def _camera_numbers(file: Path) -> tuple[float, ...]:
    try:
        numbers = tuple(float(word) for word in read_text(file).split())
    except ValueError as error:
        raise SourceError(f'{file} holds words that are no numbers: {error}') from error
    if len(numbers) not in (4, 8, 9) or not np.isfinite(numbers).all() or min(numbers[:2]) <= 0:
        raise SourceError(
            f'{file} holds {len(numbers)} numbers; give fx fy cx cy with positive focal lengths, '
            f'and for a lens k1 k2 p1 p2 and maybe k3'
        )
    return numbers


def _calibration(
    numbers: tuple[float, ...],
) -> tuple[Float[np.ndarray, '3 3'], Distortion | None]:
    fx, fy, cx, cy, *coefficients = numbers
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    D = np.array(coefficients)
    return K, Distortion(model='plumb_bob', D=D) if D.any() else None
