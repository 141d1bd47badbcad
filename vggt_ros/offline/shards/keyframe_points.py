"""Keyframe points: what a keyframe adds to the cloud, as it is stored until shards are joined."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.voxel_map import VoxelMap

# Every second pixel of every second row: voxels are coarser than pixels nearly everywhere.
_STRIDE = 2
# Half precision is 1 mm at 2 m: a tenth of what depth is good to.
CLOUD_POINT = np.dtype([('xyz', '<f2', 3), ('rgb', 'u1', 3), ('confidence', '<f2')])
_MAX_CONFIDENCE = 6e4


def cloud_of(result: FrameResult) -> np.ndarray:
    """Return the points of a keyframe that are drawn into the map: (n,) of `CLOUD_POINT`."""
    keep = result.drawn[::_STRIDE, ::_STRIDE]
    points = np.empty(int(keep.sum()), CLOUD_POINT)
    points['xyz'] = result.points_in_cam[::_STRIDE, ::_STRIDE][keep]
    points['rgb'] = result.image[::_STRIDE, ::_STRIDE][keep]
    confidence = result.confidence[::_STRIDE, ::_STRIDE][keep]
    points['confidence'] = np.minimum(confidence, _MAX_CONFIDENCE)
    return points


def draw(
    voxels: VoxelMap,
    points: np.ndarray,
    map_from_cam: Float[np.ndarray, '4 4'],
    growth: float,
    focal_ratio: float,
) -> None:
    """Draw the points of a keyframe where it is now.

    Args:
        voxels: To draw into.
        points: (n,) of `CLOUD_POINT`, as they were measured.
        map_from_cam: (4, 4) its pose.
        growth: How much longer what it measured is now.
        focal_ratio: Its focal length when it was measured over that of now.
    """
    scale = growth * np.array([focal_ratio, focal_ratio, 1.0], np.float32)
    in_cam = (points['xyz'].astype(np.float32) * scale).astype(np.float32)
    in_map = se3.transform(map_from_cam, in_cam).astype(np.float32)
    voxels.insert(in_map, points['rgb'].copy(), points['confidence'].astype(np.float32), 0)
