"""Sensor files of the ASL layout: a camera's intrinsics, lens and place on the body.

`sensor.yaml` beside the images, or `dso/camchain.yaml` of TUM-VI. Both are read by their words:
some begin as OpenCV writes YAML, which YAML parsers refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import re

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.geometry.se3 import inverse
from vggt_ros.sources.camera_list import checked_pose
from vggt_ros.sources.number_lines import read_text
from vggt_ros.sources.source import Distortion

# The names of ASL and of Kalibr.
_MODELS = {
    'radial-tangential': 'plumb_bob',
    'equidistant': 'equidistant',
    'radtan': 'plumb_bob',
}
_NUMBER = r'[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?'


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AslSensor:
    """A camera.

    Attributes:
        K: (3, 3) pixels of the images as recorded.
        distortion: Of the lens; None for a pinhole camera.
        body_from_cam: (4, 4) meters; the body is the inertial unit.
    """

    K: Float[np.ndarray, '3 3']
    distortion: Distortion | None
    body_from_cam: Float[np.ndarray, '4 4']


def read_sensor(folder: Path) -> AslSensor:
    """Read what is known about the camera `camN` of a folder `mav0`.

    Args:
        folder: `mav0/camN`.

    Raises:
        SourceError: There is no file, it is unreadable, or the lens is of an unknown kind.
    """
    chain = folder.parent.parent / 'dso' / 'camchain.yaml'
    if not (folder / 'sensor.yaml').is_file() and chain.is_file():
        return _from_chain(chain, folder.name)
    file = folder / 'sensor.yaml'
    text = _without_comments(file)
    K = _intrinsics(text, file)
    pose = np.array(_numbers(text, r'T_BS\s*:.*?data', 16, file)).reshape(4, 4)
    return AslSensor(
        K=K,
        body_from_cam=checked_pose(pose, f'{file}, T_BS'),
        distortion=_lens(text, 'distortion_coefficients', file),
    )


def _from_chain(file: Path, camera: str) -> AslSensor:
    """Read Kalibr's file, which has cam_from_body of all cameras."""
    text = _without_comments(file)
    found = re.search(rf'^{camera}\s*:\s*\n((?:[ \t-].*\n?|\s*\n)*)', text, re.MULTILINE)
    if found is None:
        raise SourceError(f'{file} has no {camera}; take another camera')
    part = found.group(1)
    rows = re.search(r'T_cam_imu\s*:((?:\s*-\s*\[[^\]]*\])*)', part)
    listed = re.findall(r'\[([^\]]*)\]', rows.group(1)) if rows else []
    numbers = [float(each) for row in listed for each in re.findall(_NUMBER, row)]
    if len(numbers) != 16:
        raise SourceError(f'{file}, {camera} has {len(numbers)} numbers for T_cam_imu; give 16')
    cam_from_body = checked_pose(np.array(numbers).reshape(4, 4), f'{file}, {camera}, T_cam_imu')
    return AslSensor(
        K=_intrinsics(part, file),
        body_from_cam=inverse(cam_from_body),
        distortion=_lens(part, 'distortion_coeffs', file),
    )


def _intrinsics(text: str, file: Path) -> Float[np.ndarray, '3 3']:
    fx, fy, cx, cy = _numbers(text, 'intrinsics', 4, file)
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def _lens(text: str, key: str, file: Path) -> Distortion | None:
    D = np.array(_numbers(text, key, 4, file))
    if not D.any():
        return None
    found = re.search(r'distortion_model\s*:\s*([\w-]+)', text)
    model = found.group(1) if found else ''
    if model not in _MODELS:
        raise SourceError(
            f'{file} has the distortion model {model!r}; known are {", ".join(_MODELS)}'
        )
    return Distortion(model=_MODELS[model], D=D)


def _without_comments(file: Path) -> str:
    return '\n'.join(line.partition('#')[0] for line in read_text(file).splitlines())


def _numbers(text: str, key: str, count: int, file: Path) -> list[float]:
    found = re.search(rf'{key}\s*:\s*\[([^\]]*)\]', text, re.DOTALL)
    numbers = [float(n) for n in re.findall(_NUMBER, found.group(1))] if found else []
    if len(numbers) != count:
        raise SourceError(
            f'{file} has {len(numbers)} numbers for {key.partition(chr(92))[0]}; give {count}'
        )
    return numbers
