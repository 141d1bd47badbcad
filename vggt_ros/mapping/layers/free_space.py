"""Free space: what of the map later images see through, so that it is not there any more."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
from jaxtyping import Float, Float32, Int32, Int64
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap, SubmapGraph
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.voxel_map import VoxelMap
from vggt_ros.mapping.registration.moving_pixels import agreement_sigma

# A voxel is seen through if the depth there is larger by so many standard deviations.
_SIGMAS = 3.0
# And by this part: what is nearer to what is behind it may be the same surface, misplaced.
_MIN_CLEARANCE = 0.15
# Standard deviations of places are so much larger than they need be (docs/mapping.md).
_PLACE_FACTOR = 1.6
# Of a pixel, relative to that of the view, by its confidence relative to the view's.
_MIN_FACTOR, _MAX_FACTOR = 0.7, 3.0
# A ray that passes an edge by less than this may be beyond it by error.
_EDGE_RAD, _MAX_EDGE_PX = 0.008, 8
# Farther than nearly all of the image there are only errors and the sky.
_FAR_PERCENTILE = 98.0
# What a view looks at, at most: every n-th voxel of more, other ones with each view.
_MAX_VOXELS = 300_000
_TINY = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DepthView:
    """How far one image sees.

    Attributes:
        cam_from_map: (4, 4) rigid, map units.
        K: (3, 3) intrinsics, pixels.
        depth: (H, W) smallest depth around each pixel; 0 where nothing is known.
        factor: (H, W) how wrong the depth is there, relative to the whole view; infinite where
            it is not to be trusted.
    """

    cam_from_map: Float[np.ndarray, '4 4']
    K: Float[np.ndarray, '3 3']
    depth: Float32[np.ndarray, 'H W']
    factor: Float32[np.ndarray, 'H W']

    @classmethod
    def of(cls, result: FrameResult) -> DepthView:
        """Return what a frame sees, cautious at edges."""
        focal_px = float(result.K[0, 0])
        radius = int(np.clip(np.ceil(_EDGE_RAD * focal_px), 1, _MAX_EDGE_PX))
        known = np.nan_to_num(result.depth, nan=0.0, posinf=0.0, neginf=0.0)
        around = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        nearest = cv2.erode(known, around, borderType=cv2.BORDER_REPLICATE)
        kept = result.confidence[result.keep]
        usual, least = (np.median(kept), kept.min()) if len(kept) else (1.0, np.inf)
        # Slopes are no points of the map, but what they hide and what is before them is known.
        trusted = np.isfinite(result.confidence) & (result.confidence >= least)
        with np.errstate(invalid='ignore', divide='ignore'):
            factor = np.clip(usual / result.confidence, _MIN_FACTOR, _MAX_FACTOR)
        factor = np.where(trusted, factor, np.float32(np.inf)).astype(np.float32)
        return cls(
            cam_from_map=se3.inverse(result.map_from_cam),
            K=result.K,
            depth=np.asarray(nearest, dtype=np.float32),
            factor=factor,
        )

    @property
    def far(self) -> float:
        """How far it sees, map units; 0 for a view of nothing."""
        seen = self.depth[np.isfinite(self.factor) & (self.depth > 0)]
        return float(np.percentile(seen, _FAR_PERCENTILE)) if len(seen) else 0.0


def clear_free_space(
    voxels: VoxelMap,
    placed: PlacedSubmap,
    results: tuple[FrameResult, ...],
    graph: SubmapGraph,
) -> int:
    """Count what frames of a window see through, after their own points were inserted.

    Args:
        voxels: The map; what was seen through often enough goes.
        placed: The submap of the window.
        results: The frames of it that are asked.
        graph: How sure the places of submaps are.

    Returns:
        How many voxels went.
    """
    num_gone = 0
    for result in results:
        view = DepthView.of(result)
        positions = in_frustum(voxels, view)
        step = -(-max(len(positions), 1) // _MAX_VOXELS)
        positions = positions[result.frame.id % step :: step]
        beyond = seen_through(voxels, view, positions, placed, graph)
        num_gone += voxels.see_through(beyond)
    return num_gone


def in_frustum(voxels: VoxelMap, view: DepthView) -> Int64[np.ndarray, ' n']:
    """Return positions of the voxels above and below what a view sees, and few others."""
    far = view.far
    if far <= 0 or not len(voxels):
        return np.zeros(0, dtype=np.int64)
    height, width = view.depth.shape
    pixels = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    rays = (pixels - view.K[:2, 2]) / np.diag(view.K)[:2]
    corners = far * np.concatenate([np.zeros((1, 3)), np.c_[rays, np.ones(4)]])
    xy = se3.transform(se3.inverse(view.cam_from_map), corners)[:, :2] / voxels.voxel_size
    i = np.arange(np.floor(xy[:, 0].min()), np.floor(xy[:, 0].max()) + 1)
    # The outline is convex: its extent in a slice is that of all lines between corners there.
    low, high = np.full(len(i), np.inf), np.full(len(i), -np.inf)
    for a, b in combinations(xy, 2):
        a, b = (a, b) if a[0] <= b[0] else (b, a)
        slope = (b[1] - a[1]) / max(b[0] - a[0], _TINY)
        meets = (i + 1 >= a[0]) & (i <= b[0])
        for x in (np.clip(i, a[0], b[0]), np.clip(i + 1, a[0], b[0])):
            y = a[1] + np.where(b[0] - a[0] > _TINY, slope * (x - a[0]), 0.0)
            low = np.where(meets, np.minimum(low, y), low)
            high = np.where(meets, np.maximum(high, y), high)
            high = np.where(meets & (b[0] - a[0] <= _TINY), np.maximum(high, b[1]), high)
            low = np.where(meets & (b[0] - a[0] <= _TINY), np.minimum(low, b[1]), low)
    met = np.isfinite(low)
    first, last = (np.floor(each[met]).astype(np.int64) for each in (low, high))
    return voxels.in_columns(i[met].astype(np.int64), first, last)


def seen_through(
    voxels: VoxelMap,
    view: DepthView,
    positions: Int64[np.ndarray, ' n'],
    placed: PlacedSubmap,
    graph: SubmapGraph,
) -> Int64[np.ndarray, ' m']:
    """Return which voxels a view sees through for sure; none that the last insertion saw."""
    height, width = view.depth.shape
    in_cam = se3.transform(view.cam_from_map, voxels.points_at(positions))
    z = in_cam[:, 2]
    ahead = z > _TINY
    positions, in_cam, z = positions[ahead], in_cam[ahead], z[ahead]
    uv = in_cam[:, :2] / z[:, None] * np.diag(view.K)[:2].astype(np.float32)
    column, row = np.rint(uv + view.K[:2, 2].astype(np.float32)).astype(np.int32).T
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    positions, z, column, row = (each[inside] for each in (positions, z, column, row))
    depth, factor = view.depth[row, column], view.factor[row, column]
    known = np.isfinite(factor) & (depth > 0)
    positions, z, factor = positions[known], z[known], factor[known]
    log_ratio = np.log(depth[known] / z)
    sigma = agreement_sigma(log_ratio)
    surely = log_ratio > np.maximum(_SIGMAS * sigma * factor, _MIN_CLEARANCE)
    positions, z, factor, log_ratio = (each[surely] for each in (positions, z, factor, log_ratio))
    submaps, is_unseen = voxels.submaps_at(positions)
    place = _place_sigma(submaps, z, placed, graph)
    variance = (sigma * factor) ** 2 + place**2 + (voxels.voxel_size / z) ** 2
    return positions[is_unseen & (log_ratio > _SIGMAS * np.sqrt(variance))]


def _place_sigma(
    submaps: Int32[np.ndarray, ' n'],
    z: Float32[np.ndarray, ' n'],
    placed: PlacedSubmap,
    graph: SubmapGraph,
) -> Float[np.ndarray, ' n']:
    """Return how far voxels of other submaps may be off, relative to their depth.

    Submaps hang on each other: what one is less sure of than another one is what lies between
    them. Between segments nothing is known, nor of submaps that were forgotten.
    """
    own = np.diag(placed.covariance)
    ids, inverse = np.unique(submaps, return_inverse=True)
    growth, shift = np.full(len(ids), np.inf), np.full(len(ids), np.inf)
    for k, submap_id in enumerate(ids.tolist()):
        if submap_id in graph and graph[submap_id].segment == placed.segment:
            other = np.abs(own - np.diag(graph[submap_id].covariance))
            growth[k], shift[k] = other[6], other[3:6].max()
    variance = growth[inverse] + shift[inverse] / np.square(z, dtype=np.float64)
    return np.asarray(np.sqrt(variance) / _PLACE_FACTOR)
