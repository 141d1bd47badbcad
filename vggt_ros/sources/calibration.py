"""Calibration of a camera: what its lens does, and of which images that holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import re

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import OptionError, SourceError
from vggt_ros.sources.number_lines import read_text
from vggt_ros.sources.source import Distortion

_NUMBER = r'[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?'
_PLAIN_COUNTS = 4, 8, 9
# Focal lengths beyond these, in parts of the larger side, are of another image or unit.
_FOCAL_RANGE = 0.2, 20.0
# ROS writes fisheye under both names.
_MODELS = {
    'plumb_bob': 'plumb_bob',
    'rational_polynomial': 'rational_polynomial',
    'equidistant': 'equidistant',
    'fisheye': 'equidistant',
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """Intrinsics and distortion of images as recorded.

    Attributes:
        K: (3, 3) pixels, the center of the top-left pixel is (0, 0).
        distortion: Of the lens; None for a pinhole camera.
        size: Width and height of the images; None if it is not said.
        origin: Where it was read, for errors.
    """

    K: Float[np.ndarray, '3 3']
    distortion: Distortion | None = None
    size: tuple[int, int] | None = None
    origin: str = 'the calibration'

    def check(self, size: tuple[int, int] | None, name: str) -> None:
        """Refuse the calibration of other images.

        Args:
            size: Width and height of the images; None if unknown, then only the numbers count.
            name: Of the recording, for the error.

        Raises:
            SourceError: The size is another, or the numbers cannot be of images of this size.
        """
        if size is None:
            return
        width, height = size
        if self.size is not None and self.size != size:
            raise OptionError(
                f'{self.origin} is of images of {self.size[0]} x {self.size[1]}, those of {name} '
                f'have {width} x {height}; give the calibration of these images'
            )
        fx, fy, cx, cy = self.K[0, 0], self.K[1, 1], self.K[0, 2], self.K[1, 2]
        low, high = (share * max(size) for share in _FOCAL_RANGE)
        if not (low <= min(fx, fy) and max(fx, fy) <= high):
            raise OptionError(
                f'{self.origin} has the focal lengths {fx:g} and {fy:g}; of images of {width} x '
                f'{height} ({name}) they are {low:g} to {high:g} pixels: give them in pixels of '
                f'these images'
            )
        if not (0.0 < cx < width - 1 and 0.0 < cy < height - 1):
            raise OptionError(
                f'{self.origin} has the principal point ({cx:g}, {cy:g}), outside of the images '
                f'of {width} x {height} of {name}; give it in pixels of these images'
            )


def read_calibration(file: Path) -> Calibration:
    """Read a file of camera_info in YAML, as ROS's tools write it, or a line of numbers.

    The line is `fx fy cx cy`, and for a lens `k1 k2 p1 p2` and maybe `k3`. YAML is that of
    camera_calibration (`camera_matrix`, `distortion_coefficients`), or a message as `ros2 topic
    echo` prints it (`k`, `d`).

    Raises:
        SourceError: The file cannot be read or is neither.
    """
    text = '\n'.join(line.partition('#')[0] for line in read_text(file).splitlines())
    words = text.replace(',', ' ').split()
    if words and all(re.fullmatch(_NUMBER, word) for word in words):
        return _from_line([float(word) for word in words], file)
    # After a file of camera_calibration the distortion model of the message is the same word.
    k = _numbers(text, r'camera_matrix') or _numbers(text, r'[kK]')
    d = _numbers(text, r'distortion_coefficients') or _numbers(text, r'[dD]')
    if len(k) != 9:
        raise SourceError(
            f'{file} holds no calibration ({len(k)} numbers of camera_matrix); give a camera_info '
            f'file of ROS, or a line fx fy cx cy and for a lens k1 k2 p1 p2 and maybe k3'
        )
    K = np.array(k).reshape(3, 3)
    width = _numbers(text, r'(?:image_)?width')
    height = _numbers(text, r'(?:image_)?height')
    size = (int(width[0]), int(height[0])) if width and height and width[0] else None
    model = re.search(r'distortion_model\s*:\s*[\'"]?([\w-]+)', text)
    return Calibration(
        K=_checked(K, file),
        distortion=named_distortion(model.group(1) if model else '', d, file),
        size=size,
        origin=str(file),
    )


def named_distortion(model: str, d: list[float], where: object) -> Distortion | None:
    """Return a lens by the name that ROS gives its model; None for one that does not bend.

    Raises:
        SourceError: The coefficients bend and the model is unknown.
    """
    D = np.array(d, dtype=np.float64)
    if not D.any():
        return None
    if model not in _MODELS:
        raise SourceError(
            f'{where} has the distortion model {model!r}; known are {", ".join(sorted(_MODELS))}'
        )
    return Distortion(model=_MODELS[model], D=D)


def _from_line(numbers: list[float], file: Path) -> Calibration:
    if len(numbers) not in _PLAIN_COUNTS:
        raise SourceError(
            f'{file} holds {len(numbers)} numbers; give fx fy cx cy, and for a lens k1 k2 p1 p2 '
            f'and maybe k3'
        )
    fx, fy, cx, cy, *d = numbers
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    return Calibration(
        K=_checked(K, file), distortion=named_distortion('plumb_bob', d, file), origin=str(file)
    )


def _checked(K: Float[np.ndarray, '3 3'], file: Path) -> Float[np.ndarray, '3 3']:
    if not np.isfinite(K).all() or min(K[0, 0], K[1, 1]) <= 0:
        raise SourceError(
            f'{file} has the focal lengths {K[0, 0]} and {K[1, 1]}; both must be above 0: the '
            f'camera was not calibrated'
        )
    return K


def _numbers(text: str, key: str) -> list[float]:
    """Return the numbers of a key: one, a list in brackets or dashes, or a matrix's `data`."""
    found = re.search(
        rf'^\s*{key}\s*:\s*((?:[^\S\n]*\n?\s*(?:(?:rows|cols)\s*:\s*\d+|data\s*:))*)'
        rf'\s*(\[[^\]]*\]|(?:-\s*{_NUMBER}\s*)+|{_NUMBER})',
        text,
        re.MULTILINE,
    )
    return [float(word) for word in re.findall(_NUMBER, found.group(2))] if found else []
