"""EuRoC, TUM-VI and other data sets in the ASL layout; one camera of them.

`mav0/cam0/data.csv` (`ns,file`), `mav0/cam0/data/`, `mav0/cam0/sensor.yaml` (intrinsics,
distortion and `T_BS`, body_from_cam) and the truth, `mav0/state_groundtruth_estimate0/data.csv`
(or `mocap0` or `vicon0`): `ns, px, py, pz, qw, qx, qy, qz`, the pose of the body in the world,
meters. `cam1` and so on likewise. Burri et al., "The EuRoC micro aerial vehicle datasets", IJRR
2016. TUM-VI (Schubert et al., "The TUM VI benchmark", IROS 2018) has `dso/camchain.yaml` instead
of `sensor.yaml` (`asl_sensor`).
"""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import numpy as np

from vggt_ros.errors import AlignmentError, OptionError, SourceError
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.se3 import rigid
from vggt_ros.sources.asl_sensor import read_sensor
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.number_lines import checked_ns, read_text
from vggt_ros.sources.true_poses import TruePoses

LAYOUT = 'euroc'
CONTENT = 'mav0/cam0/data.csv'
_TRUTHS = 'state_groundtruth_estimate0', 'mocap0', 'vicon0'
_POSE_COLUMNS = 8
_log = logging.getLogger(__name__)


def matches(path: Path) -> bool:
    """Return whether a folder, or the `mav0` in it, has this layout."""
    return (_root(path) / 'cam0' / 'data.csv').is_file()


def read(path: Path, rate_hz: float) -> Dataset:
    """Read the left camera; see `read_camera`."""
    return read_camera(path, rate_hz, None)


def read_camera(path: Path, rate_hz: float, camera: int | None) -> Dataset:
    """List the images of a camera and read the truth; an image that is not there is left out.

    Args:
        path: The folder.
        rate_hz: Not used: the files carry the time.
        camera: N of `camN`; None for 0, the left one.

    Raises:
        SourceError: A file is missing or unreadable.
    """
    root = _root(path)
    folder = root / f'cam{camera or 0}'
    if not (folder / 'data.csv').is_file():
        known = sorted(file.parent.name for file in root.glob('cam*/data.csv'))
        raise OptionError(f'{root} has no {folder.name}; its cameras are {", ".join(known)}')
    sensor = read_sensor(folder)
    truth = _truth(root)
    records, num_missing = [], 0
    for words in _rows(folder / 'data.csv', 2):
        stamp_ns = _stamp_ns(words[0], folder / 'data.csv')
        image = folder / 'data' / words[1]
        if not image.is_file():
            num_missing += 1
            continue
        body = None if truth is None else truth.at(stamp_ns)
        records.append(
            DatasetRecord(
                image=image,
                stamp_ns=stamp_ns,
                K=sensor.K,
                world_from_cam=None if body is None else body @ sensor.body_from_cam,
            )
        )
    if num_missing:
        _log.warning('%s names %d files that are not there', folder / 'data.csv', num_missing)
    return Dataset(
        path.name,
        LAYOUT,
        records,
        distortion=sensor.distortion,
        camera=folder.name,
        body_from_cam=sensor.body_from_cam,
        truth=f'{folder.name}, moved there from the body by T_BS',
        drops={'missing_file': num_missing},
    )


def _root(path: Path) -> Path:
    return path / 'mav0' if (path / 'mav0').is_dir() else path


def _truth(root: Path) -> TruePoses | None:
    file = next(
        (root / name / 'data.csv' for name in _TRUTHS if (root / name / 'data.csv').is_file()),
        None,
    )
    if file is None:
        return None
    poses = {}
    for words in _rows(file, _POSE_COLUMNS):
        try:
            values = np.array([float(word) for word in words[1:_POSE_COLUMNS]])
            if not np.isfinite(values).all():
                continue  # the motion capture did not see it
            rotation = matrix_from_quat_xyzw(values[[4, 5, 6, 3]])  # the file has w first
        except (ValueError, AlignmentError) as error:
            raise SourceError(f'{file} holds {",".join(words)}, which is no pose') from error
        poses[_stamp_ns(words[0], file)] = rigid(rotation, values[:3])
    if not poses:
        return None
    stamps_ns = sorted(poses)
    return TruePoses(
        stamps_ns=np.array(stamps_ns, dtype=np.int64),
        world_from_body=np.stack([poses[stamp_ns] for stamp_ns in stamps_ns]),
    )


def _rows(file: Path, columns: int) -> list[list[str]]:
    """Return the words of the lines that are no comment."""
    rows = []
    for row in csv.reader(read_text(file).splitlines()):
        words = [word.strip() for word in row]
        if not words or words[0].startswith('#') or not any(words):
            continue
        if len(words) < columns:
            raise SourceError(f'{file} has a line of {len(words)} words; give {columns} or more')
        rows.append(words)
    return rows


def _stamp_ns(word: str, file: Path) -> int:
    try:
        return checked_ns(int(word))
    except ValueError as error:
        raise SourceError(f'{file} holds the stamp {word!r}; give integer nanoseconds') from error
