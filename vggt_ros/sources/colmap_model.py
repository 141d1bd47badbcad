"""Model files of COLMAP: `cameras` and `images`, text or binary.

Written from the description of the format, so that reading needs no library. Points are skipped.
Poses in the files are cam_from_world with the scalar of quaternions first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import struct

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError, SourceError
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.se3 import inverse, rigid
from vggt_ros.sources.number_lines import read_text

# Numbers of the models in binary files, which COLMAP counts from 0 in this order.
_BINARY_MODELS = (
    *('SIMPLE_PINHOLE', 'PINHOLE', 'SIMPLE_RADIAL', 'RADIAL', 'OPENCV', 'OPENCV_FISHEYE'),
    *('FULL_OPENCV', 'FOV', 'SIMPLE_RADIAL_FISHEYE', 'RADIAL_FISHEYE', 'THIN_PRISM_FISHEYE'),
)
_BINARY_COUNTS = 3, 4, 4, 5, 8, 8, 12, 5, 4, 5, 12
_MAX_QUAT = 2.0  # they are of length 1, but for rounding
_BYTES_PER_POINT = 24  # two doubles and the number of a point


@dataclass(frozen=True, slots=True, kw_only=True)
class ColmapCamera:
    """One camera, as the file has it.

    Attributes:
        model: Its name.
        size: Width and height, pixels.
        parameters: In COLMAP's order.
    """

    model: str
    size: tuple[int, int]
    parameters: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColmapImage:
    """One image.

    Attributes:
        name: Relative to the folder of images.
        camera: Number of its camera.
        world_from_cam: (4, 4) in the unit of the model, OpenCV axes.
    """

    name: str
    camera: int
    world_from_cam: Float[np.ndarray, '4 4']


def has_model(folder: Path) -> bool:
    """Return whether a folder holds a model, text or binary."""
    return any(
        (folder / f'images{end}').is_file() and (folder / f'cameras{end}').is_file()
        for end in ('.bin', '.txt')
    )


def read_model(folder: Path) -> tuple[dict[int, ColmapCamera], list[ColmapImage]]:
    """Read a model; binary files count before text, as in COLMAP.

    Raises:
        SourceError: A file is missing, cut short or holds something else.
    """
    if (folder / 'images.bin').is_file() and (folder / 'cameras.bin').is_file():
        cameras = _binary_cameras(folder / 'cameras.bin')
        images = _binary_images(folder / 'images.bin')
    else:
        cameras = _text_cameras(folder / 'cameras.txt')
        images = _text_images(folder / 'images.txt')
    for image in images:
        if image.camera not in cameras:
            raise SourceError(
                f'{image.name} in {folder} is of camera {image.camera}, which is not among the '
                f'{len(cameras)} cameras; the files are of different models'
            )
    return cameras, images


def _image(
    name: str, camera: int, quat_wxyz: list[float], translation: list[float], where: object
) -> ColmapImage:
    if not np.isfinite([*quat_wxyz, *translation]).all():
        raise SourceError(f'{where}, {name}: the pose is not finite')
    if max(map(abs, quat_wxyz)) > _MAX_QUAT:
        raise SourceError(f'{where}, {name}: the quaternion is no rotation: {quat_wxyz}')
    try:
        rotation = matrix_from_quat_xyzw(np.array([*quat_wxyz[1:], quat_wxyz[0]]))
    except AlignmentError as error:
        raise SourceError(f'{where}, {name}: the quaternion is no rotation: {error}') from error
    pose = inverse(rigid(rotation, np.array(translation)))
    return ColmapImage(name=name, camera=camera, world_from_cam=pose)


def _lines(file: Path) -> Iterator[str]:
    return (line.strip() for line in read_text(file).splitlines() if not line.startswith('#'))


def _text_cameras(file: Path) -> dict[int, ColmapCamera]:
    cameras = {}
    for line in filter(None, _lines(file)):
        words = line.split()
        try:
            cameras[int(words[0])] = ColmapCamera(
                model=words[1],
                size=(int(words[2]), int(words[3])),
                parameters=tuple(float(word) for word in words[4:]),
            )
        except (ValueError, IndexError) as error:
            raise SourceError(
                f'{file} holds {line!r}; a line is: id MODEL width height parameters'
            ) from error
    return cameras


def _text_images(file: Path) -> list[ColmapImage]:
    """Read the first one of the two lines of each image; the second may be empty."""
    lines = list(_lines(file))
    while lines and not lines[0]:
        lines.pop(0)
    images = []
    for line in lines[::2]:
        if not line:
            continue
        words = line.split(maxsplit=9)
        try:
            numbers = [float(word) for word in words[1:8]]
            camera, name = int(words[8]), words[9]
        except (ValueError, IndexError) as error:
            raise SourceError(
                f'{file} holds {line[:80]!r}; a line is: id qw qx qy qz tx ty tz camera name, and '
                f'one with its points after it'
            ) from error
        images.append(_image(name, camera, numbers[:4], numbers[4:], file))
    return images


class _Bytes:
    """Numbers of a binary file, one after the other."""

    def __init__(self, file: Path) -> None:
        try:
            self._content = file.read_bytes()
        except OSError as error:
            raise SourceError(f'{file} cannot be read: {error}') from error
        self._file = file
        self._at = 0

    def take(self, form: str) -> tuple[float | int, ...]:
        """Return numbers, little end first; `form` is that of struct."""
        form = f'<{form}'
        self.skip(struct.calcsize(form))
        return struct.unpack_from(form, self._content, self._at - struct.calcsize(form))

    def skip(self, num_bytes: int) -> None:
        self._at += num_bytes
        if self._at > len(self._content):
            raise SourceError(
                f'{self._file} ends after {len(self._content)} bytes, within an entry; it is cut '
                f'short: copy it again'
            )

    def word(self) -> str:
        """Return the text up to the next zero."""
        end = self._content.find(b'\0', self._at)
        start, end = self._at, len(self._content) if end < 0 else end
        self.skip(end - start + 1)
        return self._content[start:end].decode(errors='replace')


def _binary_cameras(file: Path) -> dict[int, ColmapCamera]:
    content = _Bytes(file)
    cameras = {}
    (count,) = content.take('Q')
    for _ in range(int(count)):
        number, model, width, height = (int(each) for each in content.take('IiQQ'))
        if not 0 <= model < len(_BINARY_MODELS):
            raise SourceError(
                f'{file} has a camera of the model {model}, of which the number of parameters is '
                f'not known; write the model as text (colmap model_converter)'
            )
        parameters = content.take(f'{_BINARY_COUNTS[model]}d')
        cameras[number] = ColmapCamera(
            model=_BINARY_MODELS[model], size=(width, height), parameters=tuple(parameters)
        )
    return cameras


def _binary_images(file: Path) -> list[ColmapImage]:
    content = _Bytes(file)
    images = []
    (count,) = content.take('Q')
    for _ in range(int(count)):
        content.take('I')
        numbers = [float(each) for each in content.take('7d')]
        (camera,) = content.take('I')
        name = content.word()
        (num_points,) = content.take('Q')
        content.skip(int(num_points) * _BYTES_PER_POINT)
        images.append(_image(name, int(camera), numbers[:4], numbers[4:], file))
    return images
