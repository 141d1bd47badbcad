"""Where a submap is in the map: the similarity at the seam of two windows."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.robust import huber_mean, huber_mean_rotation, median_and_sigma
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.submap import Submap

_MIN_PIXELS = 64
# The network brings every window to about unit size, so that a ratio beyond this is a failure.
_MAX_SCALE = 1000.0
_ROTATION_DELTA_RAD = np.radians(1.0)
# Part of the median depth of the scene: the unit of the map is arbitrary, a length would not do.
_TRANSLATION_DELTA = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Registration:
    """A submap's place in the map, and how well the two predictions of the seam agree.

    Attributes:
        map_from_submap: The similarity.
        scale_residual: Robust standard deviation of the log depth ratio over the pixels.
        rotation_residual_rad: Largest angle between the two orientations of a shared camera.
        translation_residual: Largest distance of the two positions of a shared camera, in
            median depths of the shared frames.
        num_pixels: Pixels that gave the scale.
    """

    map_from_submap: Sim3
    scale_residual: float
    rotation_residual_rad: float
    translation_residual: float
    num_pixels: int


def register(in_map: Submap, in_submap: Submap) -> Registration:
    """Return the similarity that brings the frames two windows share together.

    The same frame has the same pixels in both predictions, so nothing is searched: scale is the
    median of the depth ratio over the pixels both predictions trust, rotation the robust mean
    of the cameras' turns, translation the robust mean of what their centres then lack.

    Args:
        in_map: The shared frames as the map has them.
        in_submap: The same frames, in the same order, in the new window's own frame.

    Raises:
        AlignmentError: The frames share too few valid pixels, a pose is not finite, or the scale
            is not believable.
    """
    assert in_map.frame_ids == in_submap.frame_ids, 'a seam is made of the same frames'
    log_ratios = _log_depth_ratios(in_map, in_submap)
    if log_ratios.size < _MIN_PIXELS:
        raise AlignmentError(
            f'{log_ratios.size} pixels have a depth in both windows of a seam, at least '
            f'{_MIN_PIXELS} are needed; the new window is not used'
        )
    log_scale, scale_residual = median_and_sigma(log_ratios)
    scale = float(np.exp(log_scale))
    if not 1 / _MAX_SCALE < scale < _MAX_SCALE:
        raise AlignmentError(
            f'depth differs by a factor of {scale:g} at the seam of two windows (limits '
            f'{1 / _MAX_SCALE:g}..{_MAX_SCALE:g}); the new window is not used'
        )

    map_from_cam, submap_from_cam = in_map.submap_from_cam, in_submap.submap_from_cam
    if not (np.isfinite(map_from_cam).all() and np.isfinite(submap_from_cam).all()):
        raise AlignmentError('a pose at the seam of two windows is not finite; check the weights')
    turns = map_from_cam[:, :3, :3] @ np.swapaxes(submap_from_cam[:, :3, :3], 1, 2)
    rotation = huber_mean_rotation(turns, float(_ROTATION_DELTA_RAD))
    rotation_residual_rad = float(rotation_angle(rotation.T @ turns).max())

    median_depth = float(np.nanmedian(in_map.depth))
    turned = scale * submap_from_cam[:, :3, 3] @ rotation.T
    shifts = map_from_cam[:, :3, 3] - turned
    translation = huber_mean(shifts, _TRANSLATION_DELTA * median_depth)
    distances = np.linalg.norm(shifts - translation, axis=1)
    return Registration(
        map_from_submap=Sim3(scale, rotation, translation),
        scale_residual=scale_residual,
        rotation_residual_rad=rotation_residual_rad,
        translation_residual=float(distances.max()) / median_depth,
        num_pixels=int(log_ratios.size),
    )


def continue_from(
    last_map_from_cam: Float[np.ndarray, '4 4'], scale: float, submap: Submap
) -> Sim3:
    """Return a similarity for a submap that shares no frame with the map: a new segment.

    Nothing ties the two: the segment starts at the map's last pose with the map's last scale.

    Args:
        last_map_from_cam: (4, 4) pose of the map's newest camera.
        scale: Map units per unit of the last window's prediction.
        submap: The new window; its first camera is put on the last pose.
    """
    first = submap.submap_from_cam[0]
    rotation = last_map_from_cam[:3, :3] @ first[:3, :3].T
    return Sim3(scale, rotation, last_map_from_cam[:3, 3] - scale * (rotation @ first[:3, 3]))


def _log_depth_ratios(in_map: Submap, in_submap: Submap) -> Float32[np.ndarray, ' n']:
    if in_map.depth.shape != in_submap.depth.shape:
        raise AlignmentError(
            f'the shared frames have depth of {in_map.depth.shape} in the map and of '
            f'{in_submap.depth.shape} in the new window; the pixels must be the same'
        )
    ratios = []
    for depth_map, conf_map, depth_submap, conf_submap in zip(
        in_map.depth, in_map.confidence, in_submap.depth, in_submap.confidence, strict=True
    ):
        use = np.isfinite(depth_map) & np.isfinite(depth_submap)
        use &= (depth_map > 0) & (depth_submap > 0)
        if not use.any():
            continue
        # Confidence is a rank: each prediction's own upper half, whatever its values are.
        use &= conf_map >= np.median(conf_map[use])
        if use.any():
            use &= conf_submap >= np.median(conf_submap[use])
        ratios.append(np.log(depth_map[use] / depth_submap[use]))
    return np.concatenate(ratios) if ratios else np.zeros(0, dtype=np.float32)
