"""What one keyframe says about obstacles and free space, kept small enough to be drawn again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float, Float32, Int64
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.world_config import OccupancySettings

# A scan keeps at most so many columns and rows of the image: 0.08 MB. 160 columns of a camera of
# 90 degrees are as dense as cells of 0.05 m at 5 m.
_MAX_COLUMNS, _MAX_ROWS = 160, 40
# Sectors are this much wider than the angle between two columns, so that none stays empty.
_SECTOR_PER_SPACING = 1.5
_MAX_SPACING_RAD = 0.1
_TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OccupancyScan:
    """The rays of a keyframe, thinned; N of them.

    Points are kept, not ranges of obstacles: what is an obstacle depends on heights in the map,
    and these change when the scale becomes metric, a loop closes or a setting is changed.

    Attributes:
        submap_id: The submap that the scan moves with.
        stamp_ns: Stamp of the image.
        map_from_cam: (4, 4) rigid, the camera in the map, whose z is up.
        points_in_cam: (N, 3) where the rays end, map units; all finite.
        is_kept: (N,) False for points that were filtered out: they mark nothing, but nothing
            behind them is called free either.
        spacing_rad: Angle between neighbouring rays.
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FreeSectors:
    """Where a scan has seen that nothing stands, by azimuth; n sectors that saw something.

    Attributes:
        azimuth_rad: (n,) middle of the sector, about z of the map, 0 along x.
        width_rad: Of every sector.
        near: (n,) horizontal distance from the camera at which free space begins, map units.
        far: (n,) where it ends; nowhere free if smaller than `near`.
        top_slope: (n,) of the highest ray, height per distance.
    """

    azimuth_rad: Float[np.ndarray, ' n']
    width_rad: float
    near: Float[np.ndarray, ' n']
    far: Float[np.ndarray, ' n']
    top_slope: Float[np.ndarray, ' n']


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
    step_v, step_u = -(-height // _MAX_ROWS), -(-width // _MAX_COLUMNS)
    pixels = (slice(step_v // 2, None, step_v), slice(step_u // 2, None, step_u))
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


def free_sectors(scan: OccupancyScan, settings: OccupancySettings) -> FreeSectors:
    """Return where the rays of a scan prove free space between the heights of an obstacle.

    A place is free if a ray came down through it to `min_height` (or, from a camera below that,
    up to it) and no point between the two heights is nearer in its sector. So the floor right
    under the view of the camera, what is behind an obstacle, and a floor that was not seen are
    not free. Points farther than `max_range` prove that their rays were free up to there.

    Args:
        scan: The scan where it is in the map.
        settings: Heights, resolution and range, map units.
    """
    floor, ceiling = band_from_camera(scan, settings)
    x, y, z = scan.offsets_in_map().T
    distance = np.maximum(np.hypot(x, y), _TINY)
    width_rad = max(
        _SECTOR_PER_SPACING * scan.spacing_rad, settings.resolution / settings.max_range
    )
    num_sectors = max(8, int(2 * np.pi / width_rad))
    turn = (np.arctan2(y, x) / (2 * np.pi)) % 1.0
    sector = np.minimum((turn * num_sectors).astype(np.int16), num_sectors - 1)
    order = np.argsort(sector, kind='stable')
    first = _first_of_runs(sector[order])

    slope = z / distance
    # A ray stands for the gap to its neighbour, too: the lowest one that meets a wall just above
    # min_height has seen all of the way to the wall.
    toward_floor = slope + (scan.spacing_rad if floor > 0 else -scan.spacing_rad)
    with np.errstate(divide='ignore', invalid='ignore'):
        reach = floor / toward_floor
        is_proof = scan.is_kept & (reach >= 0) & (reach <= distance)
    is_between = (z >= floor) & (z <= ceiling)
    near = _reduced(np.minimum, np.where(is_proof, reach, np.inf)[order], first)
    seen = _reduced(np.maximum, np.where(is_proof, reach, 0.0)[order], first)
    blocked = _reduced(np.minimum, np.where(is_between, distance, np.inf)[order], first)
    top_slope = _reduced(np.maximum, np.where(scan.is_kept, slope, -np.inf)[order], first)
    return FreeSectors(
        azimuth_rad=(sector[order][first] + 0.5) * (2 * np.pi / num_sectors),
        width_rad=2 * np.pi / num_sectors,
        near=near,
        far=np.minimum(np.minimum(seen, settings.max_range), blocked - settings.resolution),
        top_slope=top_slope,
    )


def band_from_camera(scan: OccupancyScan, settings: OccupancySettings) -> tuple[float, float]:
    """Return the two heights between which a point is an obstacle, above the camera."""
    height = float(scan.center_in_map[2])
    return settings.min_height - height, settings.max_height - height


def _spacing_rad(points: Float32[np.ndarray, 'h w 3']) -> float:
    """Return the typical angle between neighbouring rays, of columns or of rows."""
    with np.errstate(invalid='ignore', divide='ignore'):
        rays = points / np.linalg.norm(points, axis=-1, keepdims=True)
    spacings = []
    for axis in (0, 1):
        steps = np.linalg.norm(np.diff(rays, axis=axis), axis=-1)
        steps = steps[np.isfinite(steps)]
        if len(steps):
            spacings.append(float(np.median(steps)))
    return min(max(spacings, default=_MAX_SPACING_RAD), _MAX_SPACING_RAD)


def _first_of_runs(values: np.ndarray) -> Int64[np.ndarray, ' n']:
    """Return where runs of equal values begin."""
    is_first = np.ones(len(values), dtype=bool)
    is_first[1:] = values[1:] != values[:-1]
    return np.flatnonzero(is_first)


def _reduced(
    how: np.ufunc, values: Float[np.ndarray, ' N'], first: Int64[np.ndarray, ' n']
) -> Float[np.ndarray, ' n']:
    """Return the reduction over every run; numpy refuses to when there are none."""
    if not len(first):
        return np.zeros(0)
    return np.asarray(how.reduceat(values, first), dtype=np.float64)
