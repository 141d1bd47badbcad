"""Depth registration: depth as another camera measured it, on the pixels of the camera's image.

Depth counts along the optical axis of the camera that measured it; the result along that of the
camera that it is registered to. Both are seen as pinholes, a lens is undone.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import InputError
from vggt_ros.geometry.lens import Lens, undistorted_rays

# Of two cameras that see the same: in parts of the width and the height of their images.
_SAME_VIEW = 0.01
# Sizes are rounded to whole pixels.
_SAME_ASPECT = 0.02
_MAX_COLUMNS = 320
_MIN_DEPTH_M = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CameraSight:
    """What a camera sees.

    Attributes:
        frame: Name of its optical coordinate frame; empty if not known.
        size: Width and height of its images, pixels.
        lens: How it sees; None if not calibrated.
    """

    frame: str
    size: tuple[int, int]
    lens: Lens | None


def has_same_view(depth: CameraSight, camera: CameraSight) -> bool:
    """Return whether depth is registered to the image already, as far as can be known.

    Raises:
        InputError: `depth_not_registered`: it is not, and what would be needed to register it is
            not known.
    """
    is_same_frame = depth.frame in ('', camera.frame)
    missing = [
        name
        for name, lens in (
            ('the camera_info of the depth', depth.lens),
            ('the camera_info of the image', camera.lens),
        )
        if lens is None
    ]
    if not missing:
        return is_same_frame and _sees_the_same(depth, camera)
    if not is_same_frame:
        raise not_registered(
            f'it is in the frame {depth.frame!r}, the image in {camera.frame!r}', missing
        )
    aspects = [width / height for width, height in (depth.size, camera.size)]
    if abs(aspects[0] / aspects[1] - 1.0) > _SAME_ASPECT:
        raise not_registered(
            f'it is {depth.size[0]} x {depth.size[1]}, the image {camera.size[0]} x '
            f'{camera.size[1]}: another aspect ratio',
            missing,
        )
    return True


def not_registered(difference: str, missing: list[str]) -> InputError:
    """Return the error for depth that is not the image's and cannot be made so."""
    return InputError(
        'depth_not_registered',
        f'depth is not registered to the image ({difference}) and {" and ".join(missing)} '
        f'{"are" if len(missing) > 1 else "is"} not there: it does not count for the scale; '
        f'publish that, or the depth that the driver registers to the image (aligned_depth, '
        f'depth_registered)',
    )


def rays_of(
    lens: Lens, columns: Float[np.ndarray, ' w'], rows: Float[np.ndarray, ' h']
) -> Float[np.ndarray, 'h w 3']:
    """Return the rays (x, y, 1) of some pixels of a depth camera.

    Args:
        lens: Of the camera.
        columns: Their u, pixels of the lens.
        rows: Their v.
    """
    u, v = np.meshgrid(columns, rows)
    rays = undistorted_rays(lens, np.stack([u.ravel(), v.ravel()], axis=-1))
    return rays.reshape(*u.shape, 3)


def register_depth(
    depth_m: Float32[np.ndarray, 'h w'],
    rays: Float[np.ndarray, 'h w 3'],
    cam_from_depth: Float[np.ndarray, '4 4'],
    camera: CameraSight,
) -> Float32[np.ndarray, 'H W']:
    """Return depth as a camera sees it, at a size of its own, NaN where there is none.

    Every point goes to the pixel that it falls on; of several the nearest is seen. The pixels are
    about as large as those of the depth, so that few stay empty.

    Args:
        depth_m: (h, w) along the axis of the depth camera, meters, NaN where there is none.
        rays: (h, w, 3) see `rays_of`.
        cam_from_depth: Rigid.
        camera: Calibrated, without distortion; the result covers its image.
    """
    lens = camera.lens
    assert lens is not None, 'checked by has_same_view'
    width, height = _size_of_result(rays, lens, camera.size)
    result = np.full(width * height, np.inf, dtype=np.float32)
    points = (rays * depth_m[..., None]).reshape(-1, 3)
    points = points @ cam_from_depth[:3, :3].T + cam_from_depth[:3, 3]
    points = points[np.isfinite(points).all(axis=1) & (points[:, 2] > _MIN_DEPTH_M)]
    x, y = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    column = (lens.K[0, 0] * x + lens.K[0, 2] + 0.5) * (width / camera.size[0])
    row = (lens.K[1, 1] * y + lens.K[1, 2] + 0.5) * (height / camera.size[1])
    is_seen = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    pixel = row[is_seen].astype(np.int64) * width + column[is_seen].astype(np.int64)
    np.minimum.at(result, pixel, points[is_seen, 2].astype(np.float32))
    result[np.isinf(result)] = np.nan
    return result.reshape(height, width)


def _sees_the_same(depth: CameraSight, camera: CameraSight) -> bool:
    assert depth.lens is not None, 'the caller looked'
    assert camera.lens is not None, 'the caller looked'
    if depth.lens.is_distorted:
        return False
    off = _in_parts(depth.lens.K, depth.size) - _in_parts(camera.lens.K, camera.size)
    return bool(np.abs(off).max() <= _SAME_VIEW)


def _in_parts(K: Float[np.ndarray, '3 3'], size: tuple[int, int]) -> Float[np.ndarray, ' 4']:
    """Return focal lengths and principal point in parts of the width and the height."""
    width, height = size
    return np.array(
        [K[0, 0] / width, K[1, 1] / height, (K[0, 2] + 0.5) / width, (K[1, 2] + 0.5) / height]
    )


def _size_of_result(
    rays: Float[np.ndarray, 'h w 3'], lens: Lens, size: tuple[int, int]
) -> tuple[int, int]:
    """Return a size at which a pixel of the result sees about what one of the depth does."""
    x, y = rays[..., 0], rays[..., 1]
    steps = np.concatenate([np.diff(x, axis=1).ravel(), np.diff(y, axis=0).ravel()])
    steps = steps[np.isfinite(steps) & (steps > 0)]
    if not len(steps):
        return 1, 1
    step_px = max(1.0, float(np.median(steps)) * lens.K[0, 0], size[0] / _MAX_COLUMNS)
    step_px = max(step_px, size[1] / _MAX_COLUMNS)
    return max(1, round(size[0] / step_px)), max(1, round(size[1] / step_px))
