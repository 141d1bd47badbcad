"""Sparse rigs: which cameras are fixed to each other, and which images were taken at once.

The files `rigs` and `frames` of COLMAP 4: a frame is a pose of a rig, and an image is where its
frame and the place of its camera on the rig put it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
import struct

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.rotation import quat_wxyz_from_matrix

# Number of the kind of sensor that is a camera.
_CAMERA = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseRig:
    """Cameras that are fixed to each other; the first one is the rig.

    Attributes:
        cameras: Rows of its n cameras.
        cam_from_rig: (n, 4, 4) where the rig is in the frame of each; of the first the identity.
    """

    cameras: tuple[int, ...]
    cam_from_rig: Float[np.ndarray, 'n 4 4']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseFrame:
    """Images of a rig that were taken at once.

    Attributes:
        rig: Row of the rig.
        rig_from_world: (4, 4) where it was.
        images: Rows of the images and of their cameras.
    """

    rig: int
    rig_from_world: Float[np.ndarray, '4 4']
    images: tuple[tuple[int, int], ...]


def write_rigs_text(
    folder: Path, rigs: Sequence[SparseRig], frames: Sequence[SparseFrame]
) -> None:
    """Write rigs.txt and frames.txt; numbers in files begin at 1.

    Raises:
        OSError: A file cannot be written.
    """
    lines = [
        '# RIG_ID, NUM_SENSORS, REF_SENSOR_TYPE, REF_SENSOR_ID, then of the others SENSOR_TYPE, '
        'SENSOR_ID, HAS_POSE, QW, QX, QY, QZ, TX, TY, TZ'
    ]
    for number, rig in enumerate(rigs, start=1):
        words = [f'{number} {len(rig.cameras)} CAMERA {rig.cameras[0] + 1}']
        for camera, pose in zip(rig.cameras[1:], rig.cam_from_rig[1:], strict=True):
            words.append(f'CAMERA {camera + 1} 1 {_joined(pose)}')
        lines.append(' '.join(words))
    _write_lines(folder / 'rigs.txt', lines)
    lines = [
        '# FRAME_ID, RIG_ID, QW, QX, QY, QZ, TX, TY, TZ of rig_from_world, NUM_DATA_IDS, then '
        'SENSOR_TYPE, SENSOR_ID, IMAGE_ID...'
    ]
    for number, frame in enumerate(frames, start=1):
        words = [f'{number} {frame.rig + 1} {_joined(frame.rig_from_world)} {len(frame.images)}']
        words += [f'CAMERA {camera + 1} {image + 1}' for image, camera in frame.images]
        lines.append(' '.join(words))
    _write_lines(folder / 'frames.txt', lines)


def write_rigs_binary(
    folder: Path, rigs: Sequence[SparseRig], frames: Sequence[SparseFrame]
) -> None:
    """Write rigs.bin and frames.bin, little-endian.

    Raises:
        OSError: A file cannot be written.
    """
    with (folder / 'rigs.bin').open('wb') as file:
        file.write(struct.pack('<Q', len(rigs)))
        for number, rig in enumerate(rigs, start=1):
            file.write(struct.pack('<IIiI', number, len(rig.cameras), _CAMERA, rig.cameras[0] + 1))
            for camera, pose in zip(rig.cameras[1:], rig.cam_from_rig[1:], strict=True):
                file.write(struct.pack('<iIB7d', _CAMERA, camera + 1, 1, *_numbers(pose)))
    with (folder / 'frames.bin').open('wb') as file:
        file.write(struct.pack('<Q', len(frames)))
        for number, frame in enumerate(frames, start=1):
            pose = _numbers(frame.rig_from_world)
            file.write(struct.pack('<II7dI', number, frame.rig + 1, *pose, len(frame.images)))
            for image, camera in frame.images:
                file.write(struct.pack('<iIQ', _CAMERA, camera + 1, image + 1))


def _numbers(pose: Float[np.ndarray, '4 4']) -> list[float]:
    quat_wxyz = quat_wxyz_from_matrix(pose[:3, :3])
    return [float(number) for number in (*quat_wxyz, *pose[:3, 3])]


def _joined(pose: Float[np.ndarray, '4 4']) -> str:
    return ' '.join(format(number, '.12g') for number in _numbers(pose))


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text('\n'.join(lines) + '\n', encoding='ascii')
