"""Depth files: depth and confidence of every keyframe in a folder like those of TUM RGB-D."""

from __future__ import annotations

from pathlib import Path
import shutil

import cv2
from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.offline.keyframe_files import KeyframeFiles
from vggt_ros.offline.keyframe_store import MeasuredDepth
from vggt_ros.offline.result import Result

_MAX_MM = np.iinfo(np.uint16).max
_WHITE = np.uint8(255)


class DepthFiles:
    """Writes what keyframes show as they come, and their depth in its final unit at the end.

    `rgb/`, `depth/`, `confidence/` and `keep/` hold a file for each keyframe, all of the network's
    size; `keep/` is white where depth passed the filters of `cloud.*`. `rgb.txt` and `depth.txt`
    list them, `intrinsics.txt` has fx fy cx cy of each. Depth is in millimeters (16 bit PNG, 0
    where there is none) if the map is metric, else in map units (npy, NaN where there is none).
    `images/` has the same views at the camera's resolution, rectified, and `cameras.txt` their
    fx fy cx cy.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folders.

        Args:
            folder: Is made if it is not there.
        """
        self._folder = folder
        self._K: dict[int, Float[np.ndarray, '3 3']] = {}
        self._focal_px: dict[int, float] = {}
        for name in ('rgb', 'depth', 'confidence', 'keep', 'images'):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def add(self, result: FrameResult) -> None:
        """Write a keyframe; its depth in the unit of the map of now."""
        name = self._raw(result.frame.id)
        np.save(self._folder / 'depth' / name, result.depth)
        np.save(self._folder / 'confidence' / name, result.confidence)
        image = np.ascontiguousarray(result.image[..., ::-1])
        _write_png(self._folder / 'rgb' / f'{result.frame.id}.png', image)
        image = np.ascontiguousarray(result.frame.image[..., ::-1])
        _write_png(self._folder / 'images' / f'{result.frame.id}.png', image)
        _write_png(self._folder / 'keep' / f'{result.frame.id}.png', _WHITE * result.drawn)
        self._K[result.frame.id] = result.K
        self._focal_px[result.frame.id] = float(result.K_image[0, 0])

    def adopt(self, frame_id: int, other: KeyframeFiles) -> None:
        """Take the files of a keyframe out of another folder; its depth in the unit it has there.

        Args:
            frame_id: Its number here.
            other: Its files there; they stay.
        """
        name = self._raw(frame_id)
        np.save(self._folder / 'depth' / name, other.depth())
        shutil.copyfile(other.confidence_file, self._folder / 'confidence' / name)
        for folder, file in (
            ('rgb', other.rgb_file),
            ('images', other.image_file),
            ('keep', other.keep_file),
        ):
            shutil.copyfile(file, self._folder / folder / f'{frame_id}.png')
        self._K[frame_id] = other.K
        self._focal_px[frame_id] = float(other.K_image[0, 0])

    def replace(self, frame_id: int, measured: MeasuredDepth) -> None:
        """Write another depth of a keyframe, in the unit of the map when it came."""
        np.save(self._folder / 'depth' / self._raw(frame_id), measured.depth)
        np.save(self._folder / 'confidence' / self._raw(frame_id), measured.confidence)
        _write_png(self._folder / 'keep' / f'{frame_id}.png', _WHITE * measured.keep)

    def finish(self, result: Result) -> None:
        """Bring depth and intrinsics to what they are in the end, and list the files."""
        suffix = 'png' if result.scale.is_metric else 'npy'
        rgb, depth, intrinsics, cameras = [], [], [], []
        for row, frame_id in enumerate(result.keyframes.tolist()):
            if frame_id not in self._K:
                continue
            view = result.views[row]
            stamp = result.poses.name(frame_id)
            raw = self._folder / 'depth' / self._raw(frame_id)
            scaled = np.load(raw) * np.float32(result.growth[row])
            raw.unlink()
            if result.scale.is_metric:
                _write_png(raw.with_name(f'{stamp}.png'), millimeters(scaled))
            else:
                np.save(raw.with_name(f'{stamp}.npy'), scaled)
            sure = self._folder / 'confidence' / self._raw(frame_id)
            sure.rename(sure.with_name(f'{stamp}.npy'))
            for folder in ('rgb', 'keep', 'images'):
                image = self._folder / folder / f'{frame_id}.png'
                image.rename(image.with_name(f'{stamp}.png'))
            # A focal length that was not known may have been adjusted since.
            K = self._K[frame_id].copy()
            K[:2, :2] *= view.K[0, 0] / self._focal_px[frame_id]
            rgb.append(f'{stamp} rgb/{stamp}.png')
            depth.append(f'{stamp} depth/{stamp}.{suffix}')
            height, width = scaled.shape
            intrinsics.append(f'{stamp} {_numbers(K)} {width} {height}')
            cameras.append(f'{stamp} {_numbers(view.K)} {view.width} {view.height}')
        unit = 'millimeters' if result.scale.is_metric else 'map units'
        self._list('rgb.txt', '# stamp file', rgb)
        self._list('depth.txt', f'# stamp file; depth in {unit}', depth)
        self._list('intrinsics.txt', '# stamp fx fy cx cy width height', intrinsics)
        self._list('cameras.txt', '# stamp fx fy cx cy width height of images/', cameras)

    def _list(self, name: str, header: str, lines: list[str]) -> None:
        text = '\n'.join([header, *lines]) + '\n'
        (self._folder / name).write_text(text, encoding='ascii')

    def _raw(self, frame_id: int) -> str:
        return f'raw-{frame_id}.npy'


def millimeters(depth_m: Float32[np.ndarray, 'H W']) -> np.ndarray:
    """Return depth as 16 bit integers: millimeters, 0 where there is none or it is too far."""
    in_mm = np.nan_to_num(1000.0 * depth_m, nan=0.0, posinf=0.0, neginf=0.0)
    in_mm[(in_mm < 0) | (in_mm > _MAX_MM)] = 0
    return np.asarray(np.rint(in_mm).astype(np.uint16))


def _numbers(K: Float[np.ndarray, '3 3']) -> str:
    return f'{K[0, 0]:.9g} {K[1, 1]:.9g} {K[0, 2]:.9g} {K[1, 2]:.9g}'


def _write_png(path: Path, image: np.ndarray) -> None:
    is_encoded, data = cv2.imencode('.png', image)
    assert is_encoded, 'PNG has 8 and 16 bits'
    path.write_bytes(data.tobytes())  # cv2.imwrite does not say why it fails
