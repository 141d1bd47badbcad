"""Occupancy scan: obstacles and free space of one keyframe, small enough to keep and redraw."""

from __future__ import annotations

from dataclasses import dataclass, replace
import math

from jaxtyping import Bool, Float, Float32
import numpy as np

from vggt_ros.geometry.sim3 import Sim3

# A scan keeps about so many points, 0.1 MB: every fifth row and column of 518 x 392 pixels.
_NUM_POINTS = 8192
_MAX_SPACING_RAD = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OccupancyScan:
    """The rays of a keyframe, subsampled; N of them.

    Points are kept, not ranges of obstacles: what is an obstacle depends on heights in the map,
    and these change when the scale becomes metric, a loop closes or a setting is changed.

    Attributes:
        submap_id: The submap that the scan moves with.
        stamp_ns: Stamp of the image.
        map_from_cam: (4, 4) rigid, the camera in the map, whose z is up.
        points_in_cam: (N, 3) where the rays end, map units; all finite.
        is_kept: (N,) False for points that were filtered out: they mark nothing, but nothing
            behind them is called free either.
        spacing_rad: Angle between neighboring rays.
    """

    submap_id: int
    stamp_ns: int
    map_from_cam: Float[np.ndarray, '4 4']
    points_in_cam: Float32[np.ndarray, 'N 3']
    is_kept: Bool[np.ndarray, ' N']
    spacing_rad: float

    def moved(self, map_from_old_map: Sim3) -> OccupancyScan:
        """Return the scan after a correction of the map: place, direction and lengths."""
        return replace(
            self,
            map_from_cam=map_from_old_map.apply_to_pose(self.map_from_cam),
            points_in_cam=self.points_in_cam * np.float32(map_from_old_map.scale),
        )

    @property
    def center_in_map(self) -> Float[np.ndarray, ' 3']:
        """The position of the camera, map units."""
        return self.map_from_cam[:3, 3]

    def offsets_in_map(self) -> Float[np.ndarray, 'N 3']:
        """Return the points relative to the camera, along the axes of the map."""
        return self.points_in_cam @ self.map_from_cam[:3, :3].T


def scan_from_frame(
    submap_id: int,
    stamp_ns: int,
    points_in_cam: Float32[np.ndarray, 'H W 3'],
    keep: Bool[np.ndarray, 'H W'],
    map_from_cam: Float[np.ndarray, '4 4'],
) -> OccupancyScan:
    """Thin what a keyframe saw to a scan.

    Args:
        submap_id: The submap of the frame.
        stamp_ns: Stamp of the image.
        points_in_cam: (H, W, 3) one point a pixel in the camera's optical frame, map units; NaN
            where there is none.
        keep: (H, W) False for points that are not to be trusted.
        map_from_cam: (4, 4) rigid, the camera in the map.
    """
    height, width = keep.shape
    step = max(1, round(math.sqrt(height * width / _NUM_POINTS)))
    pixels = (slice(step // 2, None, step), slice(step // 2, None, step))
    points = points_in_cam[pixels]
    is_finite: Bool[np.ndarray, 'h w'] = np.isfinite(points).all(axis=-1)
    return OccupancyScan(
        submap_id=submap_id,
        stamp_ns=stamp_ns,
        map_from_cam=np.array(map_from_cam, dtype=np.float64),
        points_in_cam=points[is_finite],
        is_kept=keep[pixels][is_finite],
        spacing_rad=_spacing_rad(points),
    )


def _spacing_rad(points: Float32[np.ndarray, 'h w 3']) -> float:
    """Return the typical angle between neighboring rays, of columns or of rows."""
    with np.errstate(invalid='ignore', divide='ignore'):
        rays = points / np.linalg.norm(points, axis=-1, keepdims=True)
    spacings = []
    for axis in (0, 1):
        steps = np.linalg.norm(np.diff(rays, axis=axis), axis=-1)
        steps = steps[np.isfinite(steps)]
        if len(steps):
            spacings.append(float(np.median(steps)))
    return min(max(spacings, default=_MAX_SPACING_RAD), _MAX_SPACING_RAD)
