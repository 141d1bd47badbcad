"""EuRoC and other data sets in the ASL layout; the left camera.

`mav0/cam0/data.csv` (`ns,file`), `mav0/cam0/data/`, `mav0/cam0/sensor.yaml` (intrinsics,
distortion and `T_BS`, body_from_cam) and the truth, `mav0/state_groundtruth_estimate0/data.csv`
(or `mocap0` or `vicon0`): `ns, px, py, pz, qw, qx, qy, qz`, the pose of the body in the world,
meters. Burri et al., "The EuRoC micro aerial vehicle datasets", IJRR 2016.
"""

from __future__ import annotations

import csv
from pathlib import Path
import re

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError, SourceError
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.se3 import rigid
from vggt_ros.sources.camera_list import checked_pose
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.number_lines import read_text
from vggt_ros.sources.source import Distortion
from vggt_ros.sources.true_poses import TruePoses

LAYOUT = 'euroc'
CONTENT = 'mav0/cam0/data.csv'
_TRUTHS = 'state_groundtruth_estimate0', 'mocap0', 'vicon0'
_POSE_COLUMNS = 8
_MODELS = {'radial-tangential': 'plumb_bob', 'equidistant': 'equidistant'}
_NUMBER = r'[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?'


def matches(path: Path) -> bool:
    """Return whether a folder, or the `mav0` in it, has this layout."""
    return (_root(path) / 'cam0' / 'data.csv').is_file()


def read(path: Path, rate_hz: float) -> Dataset:
    """List the images of the left camera and read the truth.

    Args:
        path: The folder.
        rate_hz: Not used: the files carry the time.

    Raises:
        SourceError: A file is missing or unreadable.
    """
    root = _root(path)
    K, distortion, body_from_cam = _sensor(root / 'cam0' / 'sensor.yaml')
    truth = _truth(root)
    records = []
    for words in _rows(root / 'cam0' / 'data.csv', 2):
        stamp_ns = _stamp_ns(words[0], root / 'cam0' / 'data.csv')
        body = None if truth is None else truth.at(stamp_ns)
        records.append(
            DatasetRecord(
                image=root / 'cam0' / 'data' / words[1],
                stamp_ns=stamp_ns,
                K=K,
                world_from_cam=None if body is None else body @ body_from_cam,
            )
        )
    return Dataset(path.name, LAYOUT, records, distortion=distortion)


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
        return int(word)
    except ValueError as error:
        raise SourceError(f'{file} holds the stamp {word!r}; give integer nanoseconds') from error


def _sensor(
    file: Path,
) -> tuple[Float[np.ndarray, '3 3'], Distortion | None, Float[np.ndarray, '4 4']]:
    """Return K, distortion and body_from_cam.

    Read by its words: the files begin as OpenCV writes YAML, which YAML parsers refuse.
    """
    text = '\n'.join(line.partition('#')[0] for line in read_text(file).splitlines())
    fx, fy, cx, cy = _numbers(text, 'intrinsics', 4, file)
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    pose = np.array(_numbers(text, r'T_BS\s*:.*?data', 16, file)).reshape(4, 4)
    body_from_cam = checked_pose(pose, f'{file}, T_BS')
    D = np.array(_numbers(text, 'distortion_coefficients', 4, file))
    if not D.any():
        return K, None, body_from_cam
    found = re.search(r'distortion_model\s*:\s*([\w-]+)', text)
    model = found.group(1) if found else ''
    if model not in _MODELS:
        raise SourceError(
            f'{file} has the distortion model {model!r}; known are {", ".join(_MODELS)}'
        )
    return K, Distortion(model=_MODELS[model], D=D), body_from_cam


def _numbers(text: str, key: str, count: int, file: Path) -> list[float]:
    found = re.search(rf'{key}\s*:\s*\[([^\]]*)\]', text, re.DOTALL)
    numbers = [float(n) for n in re.findall(_NUMBER, found.group(1))] if found else []
    if len(numbers) != count:
        raise SourceError(
            f'{file} has {len(numbers)} numbers for {key.partition(chr(92))[0]}; give {count}'
        )
    return numbers
