"""Keyframe files: images and depth of keyframes, read back from what `DepthFiles` wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from jaxtyping import Bool, Float, Float32, Int64, UInt8
import numpy as np

from vggt_ros.offline.frame_poses import FramePoses


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyframeFiles:
    """A keyframe on the network's pixels, and the camera's image of it.

    Attributes:
        frame_id: Its number in the recording.
        name: Of its files, without suffix.
        folder: Of `DepthFiles`.
        depth_file: In that folder.
        K: (3, 3) intrinsics, pixels.
        K_image: (3, 3) the same of the camera's image.
        image_size: Width and height of the camera's image.
    """

    frame_id: int
    name: str
    folder: Path
    depth_file: str
    K: Float[np.ndarray, '3 3']
    K_image: Float[np.ndarray, '3 3']
    image_size: tuple[int, int]

    @property
    def image_file(self) -> Path:
        """The camera's image."""
        return self.folder / 'images' / f'{self.name}.png'

    @property
    def rgb_file(self) -> Path:
        """The image on the network's pixels."""
        return self.folder / 'rgb' / f'{self.name}.png'

    @property
    def confidence_file(self) -> Path:
        """The confidence of the depth."""
        return self.folder / 'confidence' / f'{self.name}.npy'

    @property
    def keep_file(self) -> Path:
        """Which of its pixels are good enough for the cloud."""
        return self.folder / 'keep' / f'{self.name}.png'

    def depth(self) -> Float32[np.ndarray, 'H W']:
        """Return the depth in the unit of the map, NaN where there is none."""
        path = self.folder / self.depth_file
        if path.suffix == '.npy':
            return np.asarray(np.load(path, allow_pickle=False))
        millimeters = _read(path, cv2.IMREAD_UNCHANGED)
        return np.where(millimeters > 0, millimeters / 1000.0, np.nan).astype(np.float32)

    def image(self) -> UInt8[np.ndarray, 'H W 3']:
        """Return the RGB image on the network's pixels."""
        bgr = _read(self.rgb_file, cv2.IMREAD_COLOR)
        return np.ascontiguousarray(bgr[..., ::-1])

    def confidence(self) -> Float32[np.ndarray, 'H W']:
        """Return the confidence of the depth."""
        return np.asarray(np.load(self.confidence_file, allow_pickle=False))

    def keep(self) -> Bool[np.ndarray, 'H W']:
        """Return True where the depth passed the filters of `cloud.*`."""
        return _read(self.keep_file, cv2.IMREAD_UNCHANGED) > 0


def read_keyframes(
    frames: Path, poses: FramePoses, keyframes: Int64[np.ndarray, ' M']
) -> Iterator[KeyframeFiles]:
    """Yield the keyframes that have files, oldest first; none if there are no files.

    Args:
        frames: The folder of `DepthFiles`.
        poses: Of all frames of the run.
        keyframes: (M,) frames that are in its map.
    """
    if not (frames / 'intrinsics.txt').exists():
        return
    depth_file = dict(_words(frames / 'depth.txt'))
    camera_of = {name: numbers for name, *numbers in _words(frames / 'cameras.txt')}
    id_of = {poses.name(i): i for i in keyframes.tolist()}
    for name, *numbers in _words(frames / 'intrinsics.txt'):
        width, height = map(int, camera_of[name][4:])
        yield KeyframeFiles(
            frame_id=id_of[name],
            name=name,
            folder=frames,
            depth_file=depth_file[name],
            K=_intrinsics(numbers),
            K_image=_intrinsics(camera_of[name]),
            image_size=(width, height),
        )


def _intrinsics(numbers: Sequence[str]) -> Float[np.ndarray, '3 3']:
    fx, fy, cx, cy = map(float, numbers[:4])
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def _words(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text(encoding='ascii').splitlines()[1:]]


def _read(path: Path, how: int) -> np.ndarray:
    image = cv2.imread(str(path), how)
    assert image is not None, 'this program wrote it'
    return image
