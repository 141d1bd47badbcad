"""Sparse model: cameras, images and points with tracks, in the files of COLMAP.

Text and binary hold the same; readers that find both take the binary files. Pixels have the center
of the first one at (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
import struct

from jaxtyping import Float, Int64, UInt8
import numpy as np

from vggt_ros.offline.sparse_rigs import (
    SparseFrame,
    SparseRig,
    write_rigs_binary,
    write_rigs_text,
)

# Number of the model PINHOLE.
_PINHOLE = 1
_POINT_2D = np.dtype([('xy', '<f8', 2), ('point', '<u8')])
_TRACK = np.dtype([('image', '<u4'), ('place', '<u4')])
Pinhole = tuple[int, int, float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseImage:
    """An image and the m points that it shows.

    Attributes:
        name: Of its file.
        camera: Row of its camera.
        quat_wxyz: (4,) rotation of cam_from_world.
        translation: (3,) of cam_from_world.
        xy: (m, 2) where it shows the points.
        points: (m,) their rows.
    """

    name: str
    camera: int
    quat_wxyz: Float[np.ndarray, ' 4']
    translation: Float[np.ndarray, ' 3']
    xy: Float[np.ndarray, 'm 2']
    points: Int64[np.ndarray, ' m']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseModel:
    """Numbers in files begin at 1, rows here at 0.

    Attributes:
        cameras: Width, height, fx, fy, cx, cy of each.
        images: All of them.
        xyz: (N, 3) points.
        rgb: (N, 3) their colors.
        rigs: Which cameras are fixed to each other; each camera is in one.
        frames: Which images were taken at once; each image is in one.
    """

    cameras: Sequence[Pinhole]
    images: Sequence[SparseImage]
    xyz: Float[np.ndarray, 'N 3']
    rgb: UInt8[np.ndarray, 'N 3']
    rigs: Sequence[SparseRig]
    frames: Sequence[SparseFrame]

    def tracks(self) -> list[np.ndarray]:
        """Return for each point the images that show it, and where in their lists it is."""
        image = np.concatenate([np.full(len(e.points), n) for n, e in enumerate(self.images)])
        place = np.concatenate([np.arange(len(each.points)) for each in self.images])
        point = np.concatenate([each.points for each in self.images])
        order = np.argsort(point, kind='stable')
        seen = np.empty(len(order), _TRACK)
        seen['image'], seen['place'] = image[order] + 1, place[order]
        ends = np.cumsum(np.bincount(point, minlength=len(self.xyz)))
        return np.split(seen, ends[:-1])


def write_text(folder: Path, model: SparseModel) -> None:
    """Write cameras.txt, images.txt, points3D.txt, rigs.txt and frames.txt.

    Raises:
        OSError: A file cannot be written.
    """
    lines = ['# CAMERA_ID, MODEL, WIDTH, HEIGHT, fx, fy, cx, cy']
    for number, (width, height, *numbers) in enumerate(model.cameras, start=1):
        lines.append(f'{number} PINHOLE {width} {height} ' + _joined(numbers, '.9g'))
    _write_lines(folder / 'cameras.txt', lines)
    lines = ['# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME; then X, Y, POINT3D_ID...']
    for number, image in enumerate(model.images, start=1):
        pose = _joined([*image.quat_wxyz, *image.translation], '.12g')
        lines.append(f'{number} {pose} {image.camera + 1} {image.name}')
        seen = zip(image.xy.tolist(), image.points.tolist(), strict=True)
        lines.append(' '.join(f'{x:.3f} {y:.3f} {point + 1}' for (x, y), point in seen))
    _write_lines(folder / 'images.txt', lines)
    lines = ['# POINT3D_ID, X, Y, Z, R, G, B, ERROR, then IMAGE_ID, POINT2D_IDX...']
    for row, track in enumerate(model.tracks()):
        r, g, b = model.rgb[row].tolist()
        # Observations are projections: they have no error of their own.
        words = ' '.join(f'{image} {place}' for image, place in track.tolist())
        lines.append(f'{row + 1} {_joined(model.xyz[row], ".9g")} {r} {g} {b} 0 {words}')
    _write_lines(folder / 'points3D.txt', lines)
    write_rigs_text(folder, model.rigs, model.frames)


def write_binary(folder: Path, model: SparseModel) -> None:
    """Write cameras.bin, images.bin, points3D.bin, rigs.bin and frames.bin, little-endian.

    Raises:
        OSError: A file cannot be written.
    """
    with (folder / 'cameras.bin').open('wb') as file:
        file.write(struct.pack('<Q', len(model.cameras)))
        for number, camera in enumerate(model.cameras, start=1):
            file.write(struct.pack('<IiQQdddd', number, _PINHOLE, *camera))
    with (folder / 'images.bin').open('wb') as file:
        file.write(struct.pack('<Q', len(model.images)))
        for number, image in enumerate(model.images, start=1):
            pose = (*image.quat_wxyz.tolist(), *image.translation.tolist())
            file.write(struct.pack('<I7dI', number, *pose, image.camera + 1))
            file.write(image.name.encode('ascii') + b'\0')
            seen = np.empty(len(image.points), _POINT_2D)
            seen['xy'], seen['point'] = image.xy, image.points + 1
            file.write(struct.pack('<Q', len(seen)) + seen.tobytes())
    with (folder / 'points3D.bin').open('wb') as file:
        file.write(struct.pack('<Q', len(model.xyz)))
        for row, track in enumerate(model.tracks()):
            file.write(struct.pack('<Q3d', row + 1, *model.xyz[row].tolist()))
            file.write(struct.pack('<3BdQ', *model.rgb[row].tolist(), 0.0, len(track)))
            file.write(track.tobytes())
    write_rigs_binary(folder, model.rigs, model.frames)


def _joined(numbers: Sequence[float] | Float[np.ndarray, ' n'], how: str) -> str:
    return ' '.join(format(float(number), how) for number in numbers)


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text('\n'.join(lines) + '\n', encoding='ascii')
