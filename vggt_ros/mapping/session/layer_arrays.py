"""Layer arrays: points, path and scans of a map, as arrays of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.occupancy_scan import OccupancyScan
from vggt_ros.mapping.layers.trajectory import PathPose
from vggt_ros.mapping.layers.voxel_map import Voxels
from vggt_ros.mapping.session.checked_arrays import CheckedArrays, put_together


def arrays_of_voxels(voxels: Voxels) -> dict[str, np.ndarray]:
    """Return the fields of `Voxels` by name."""
    return {
        'means': voxels.means,
        'weights': voxels.weights,
        'hits': voxels.hits,
        'submap_ids': voxels.submap_ids,
    }


def voxels_of_arrays(arrays: CheckedArrays) -> Voxels:
    """Return voxels as they were stored.

    Raises:
        SessionError: An array is not as it must be.
    """
    means = arrays.get('means', np.float32, (None, 6))
    weights = arrays.get('weights', np.float64, (len(means),))
    hits = arrays.get('hits', np.int64, (len(means),))
    if len(means) and (weights.min() <= 0 or hits.min() <= 0):
        raise arrays.refuse('weights', 'or hits are not positive')
    if len(means) and (means[:, 3:].min() < 0 or means[:, 3:].max() > 255):
        raise arrays.refuse('means', 'has colors beyond 0..255')
    ids = arrays.get('submap_ids', np.int64, (len(means),))
    return Voxels(means=means, weights=weights, hits=hits, submap_ids=ids)


def arrays_of_path(path: Mapping[int, PathPose]) -> dict[str, np.ndarray]:
    """Return N poses as arrays.

    Returns:
        `frame_id`, `submap_id`, `stamp_ns`, `camera` (N,), `map_from_cam` (N, 4, 4), `K`
        (N, 3, 3), `image_size` (N, 2) width and height.
    """
    views = [each.view for each in path.values()]
    return {
        'frame_id': np.array(list(path), np.int64),
        'submap_id': np.array([each.submap_id for each in path.values()], np.int64),
        'stamp_ns': np.array([each.stamp_ns for each in views], np.int64),
        'camera': np.array([each.camera for each in views], np.int64),
        'map_from_cam': np.array([each.map_from_cam for each in views], float).reshape(-1, 4, 4),
        'K': np.array([each.K for each in views], float).reshape(-1, 3, 3),
        'image_size': np.array([[v.width, v.height] for v in views], np.int64).reshape(-1, 2),
    }


def path_of_arrays(arrays: CheckedArrays) -> dict[int, PathPose]:
    """Return poses as they were stored.

    Raises:
        SessionError: An array is not as it must be.
    """
    frame_ids = arrays.ids('frame_id')
    count = len(frame_ids)
    submap_ids = arrays.get('submap_id', np.int64, (count,))
    stamps_ns = arrays.get('stamp_ns', np.int64, (count,))
    cameras = arrays.get('camera', np.int64, (count,))
    poses = arrays.poses('map_from_cam', count)
    K = arrays.get('K', np.float64, (count, 3, 3))
    sizes = arrays.get('image_size', np.int64, (count, 2))
    return {
        int(frame_ids[k]): PathPose(
            int(submap_ids[k]),
            CameraView(
                stamp_ns=int(stamps_ns[k]),
                map_from_cam=poses[k],
                K=K[k],
                width=int(sizes[k, 0]),
                height=int(sizes[k, 1]),
                camera=int(cameras[k]),
            ),
        )
        for k in range(count)
    }


def arrays_of_scans(scans: Sequence[OccupancyScan]) -> dict[str, np.ndarray]:
    """Return N scans as arrays.

    Returns:
        `submap_id`, `stamp_ns`, `spacing_rad` (N,), `map_from_cam` (N, 4, 4); `points_in_cam` and
        `is_kept` of all, one after the other, and `....ends`.
    """
    arrays = {
        'submap_id': np.array([each.submap_id for each in scans], np.int64),
        'stamp_ns': np.array([each.stamp_ns for each in scans], np.int64),
        'map_from_cam': np.array([each.map_from_cam for each in scans], float).reshape(-1, 4, 4),
        'spacing_rad': np.array([each.spacing_rad for each in scans], np.float64),
    }
    points = [each.points_in_cam for each in scans]
    arrays |= put_together('points_in_cam', points, np.float32, (3,))
    return arrays | put_together('is_kept', [each.is_kept for each in scans], np.bool_, ())


def scans_of_arrays(arrays: CheckedArrays) -> tuple[OccupancyScan, ...]:
    """Return scans as they were stored.

    Raises:
        SessionError: An array is not as it must be.
    """
    submap_ids = arrays.get('submap_id', np.int64, (None,))
    count = len(submap_ids)
    stamps_ns = arrays.get('stamp_ns', np.int64, (count,))
    poses = arrays.poses('map_from_cam', count)
    spacing_rad = arrays.get('spacing_rad', np.float64, (count,))
    if count and not (spacing_rad.min() > 0 and spacing_rad.max() < np.pi):
        raise arrays.refuse('spacing_rad', 'is no angle between rays')
    points = arrays.pieces('points_in_cam', np.float32, (3,), count)
    is_kept = arrays.pieces('is_kept', np.bool_, (), count)
    for k in range(count):
        if len(points[k]) != len(is_kept[k]):
            raise arrays.refuse('is_kept', f'of scan {k} is not as long as its points')
    return tuple(
        OccupancyScan(
            submap_id=int(submap_ids[k]),
            stamp_ns=int(stamps_ns[k]),
            map_from_cam=poses[k],
            points_in_cam=points[k],
            is_kept=is_kept[k],
            spacing_rad=float(spacing_rad[k]),
        )
        for k in range(count)
    )
