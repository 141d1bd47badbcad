"""Keyframe clouds: the map drawn anew from the depth of all keyframes."""

from __future__ import annotations

import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject_depth
from vggt_ros.mapping.layers.voxel_map import MapPoints, VoxelMap
from vggt_ros.offline.depth_again import FinalViews
from vggt_ros.offline.keyframe_store import KeyframeStore
from vggt_ros.settings.world_config import MapSettings

# Every second pixel of every second row: voxels are coarser than pixels nearly everywhere.
_STRIDE = 2


def fused_points(keyframes: KeyframeStore, views: FinalViews, settings: MapSettings) -> MapPoints:
    """Return the points of all keyframes, each where its keyframe is now.

    Args:
        keyframes: Their depth.
        views: Where those are that are in the map.
        settings: `map.*`.
    """
    voxels = VoxelMap(settings.voxel_size, settings.max_points)
    for frame_id in keyframes.frame_ids:
        if frame_id not in views.map_from_cam:
            continue
        measured = keyframes.measured(frame_id)
        every = np.s_[::_STRIDE, ::_STRIDE]
        keep = measured.keep[every]
        K = keyframes.K(frame_id, views.focal_px[frame_id])
        in_cam = unproject_depth(measured.depth * np.float32(views.growth[frame_id]), K)[every][
            keep
        ]
        points = se3.transform(views.map_from_cam[frame_id], in_cam).astype(np.float32)
        colors = keyframes.image(frame_id)[every][keep]
        voxels.insert(points, colors, measured.confidence[every][keep], 0)
    return voxels.points()
