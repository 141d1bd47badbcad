"""Shared frames: where a shard is in the one before, by the frames that both have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.robust import median_and_sigma
from vggt_ros.geometry.rotation import mean_rotation, rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.refinement.matches import match_features
from vggt_ros.offline.shards.shard_files import Shard

# Frames with a pose in both that a similarity needs, and keyframes that a scale needs.
_MIN_FRAMES, _MIN_KEYFRAMES = 3, 3
_MIN_POINTS = 20
# What is not interpolated.
_MEASURED = 'keyframe', 'refined'
# Positions tell the scale if they spread by this part of the depth.
_MIN_SPREAD = 0.05
# What shared frames may differ by: radians, median depths.
_MAX_ROTATION_RAD, _MAX_POSITION = np.radians(8.0), 0.2
# A joint is no better than this: radians, median depths, log scale.
_LEAST = 2e-3, 5e-3, 5e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joint:
    """Two shards whose shared frames agree.

    Attributes:
        a_from_b: The later shard in the earlier one.
        covariance: (7, 7) of an error of it about a shared camera, units of the later shard; see
            `uncertainty`.
        segments: The parts of the two maps that it connects.
        num_frames: Shared frames that have a pose in both.
        num_keyframes: Of them keyframes of either whose features have depth in both.
        scale_from: `meters` (both are metric), `depth` of the same features, or `motion`.
        rotation_deg: Root mean square of what orientations differ by.
        position: The same of positions, median depths.
        log_scale_sigma: Standard deviation of the log of the scale.
    """

    a_from_b: Sim3
    covariance: Float[np.ndarray, '7 7']
    segments: tuple[int, int]
    num_frames: int
    num_keyframes: int
    scale_from: str
    rotation_deg: float
    position: float
    log_scale_sigma: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scale:
    value: float
    log_sigma: float
    source: str


def frame_keys(shard: Shard) -> list[tuple[int, int]]:
    """Return stamp and camera of each frame, by which it is found in another shard."""
    poses = shard.poses
    return [(stamp_ns, poses.camera_of(i)) for i, stamp_ns in enumerate(poses.stamps_ns.tolist())]


def joint_of(a: Shard, b: Shard) -> Joint | str:
    """Return where a shard is in the one before, or a sentence on why that is not known.

    Orientations by their mean, positions by their median; the scale is 1 if both maps are metric,
    else what the depth of the same features says at keyframes, else what positions say.

    Args:
        a: A shard.
        b: The next one.
    """
    rows = _shared_rows(a, b)
    if len(rows) < _MIN_FRAMES:
        return (
            f'they share {len(rows)} frames with a pose in both, and {_MIN_FRAMES} are needed; '
            f'give a larger --shard-overlap'
        )
    segment_a, segment_b = _segments(a), _segments(b)
    both = Counter((segment_a[i], segment_b[j]) for i, j in rows)
    segments = max(both, key=lambda each: both[each])
    rows = [(i, j) for i, j in rows if (segment_a[i], segment_b[j]) == segments]
    poses_a = a.poses.map_from_cam[[i for i, _ in rows]]
    poses_b = b.poses.map_from_cam[[j for _, j in rows]]
    depth = a.median_depth(np.flatnonzero(a.segments == segments[0])[-4:])
    log_ratios = _log_depth_ratios(a, b, rows)
    scale = _scale(a, b, log_ratios, poses_a[:, :3, 3], poses_b[:, :3, 3], depth)
    if scale is None:
        return (
            f'their {len(rows)} shared frames hardly move, and {len(log_ratios)} of them are '
            f'keyframes with depth in both ({_MIN_KEYFRAMES} are needed): the scale between the '
            f'two is not known; give a larger --shard-overlap'
        )
    turns = poses_a[:, :3, :3] @ np.swapaxes(poses_b[:, :3, :3], 1, 2)
    rotation = mean_rotation(turns)
    moved = scale.value * poses_b[:, :3, 3] @ rotation.T
    translation = np.median(poses_a[:, :3, 3] - moved, axis=0)
    angles = rotation_angle(np.swapaxes(turns, 1, 2) @ rotation)
    away = np.linalg.norm(poses_a[:, :3, 3] - moved - translation, axis=1) / depth
    rotation_rad, position = (float(np.sqrt(np.mean(each**2))) for each in (angles, away))
    if rotation_rad > _MAX_ROTATION_RAD or position > _MAX_POSITION:
        return (
            f'their {len(rows)} shared frames differ by {np.degrees(rotation_rad):.1f} degrees '
            f'and {100 * position:.0f} % of the depth (limits {np.degrees(_MAX_ROTATION_RAD):.0f} '
            f'degrees, {100 * _MAX_POSITION:.0f} %): one of the maps is wrong there'
        )
    return Joint(
        a_from_b=Sim3(scale.value, rotation, translation),
        covariance=_covariance(rotation_rad, position, scale, depth / scale.value, len(rows)),
        segments=segments,
        num_frames=len(rows),
        num_keyframes=len(log_ratios),
        scale_from=scale.source,
        rotation_deg=float(np.degrees(rotation_rad)),
        position=position,
        log_scale_sigma=scale.log_sigma,
    )


def _shared_rows(a: Shard, b: Shard) -> list[tuple[int, int]]:
    """Return frames of both that were measured in both."""
    known = {
        key: i
        for i, (key, kind) in enumerate(zip(frame_keys(a), a.poses.kind, strict=True))
        if kind in _MEASURED
    }
    return [
        (known[key], j)
        for j, (key, kind) in enumerate(zip(frame_keys(b), b.poses.kind, strict=True))
        if kind in _MEASURED and key in known
    ]


def _segments(shard: Shard) -> list[int]:
    """Return the part of the map of each frame: that of the keyframe before it."""
    place = np.searchsorted(shard.keyframes, np.arange(len(shard.poses)), side='right') - 1
    return [int(shard.segments[max(0, row)]) for row in place.tolist()]


def _log_depth_ratios(a: Shard, b: Shard, rows: list[tuple[int, int]]) -> Float[np.ndarray, ' k']:
    """Return log of depth in a over depth in b, at each shared frame that is a keyframe of either.

    Of a frame that is a keyframe of one only, the other one's points are those of its nearest
    keyframe, moved to the frame by the poses of its own map.
    """
    found = []
    for i, j in rows:
        if i not in a.keyframes and j not in b.keyframes:
            continue
        here, there = _seen_from(a, i), _seen_from(b, j)
        k_a, k_b = match_features(here.unpacked(), there.unpacked()).T
        with np.errstate(invalid='ignore', divide='ignore'):
            ratios = np.log(here.points_in_cam[k_a, 2] / there.points_in_cam[k_b, 2])
        ratios = ratios[np.isfinite(ratios)]
        if len(ratios) >= _MIN_POINTS:
            found.append(float(np.median(ratios)))
    return np.array(found, dtype=np.float64)


def _seen_from(shard: Shard, frame: int) -> KeyframeFeatures:
    """Return features of the keyframe next to a frame, with points in the camera of the frame."""
    row = int(np.argmin(np.abs(shard.keyframes - frame)))
    features, poses = shard.features(row), shard.poses.map_from_cam
    frame_from_key = se3.inverse(poses[frame]) @ poses[shard.keyframes[row]]
    points = se3.transform(frame_from_key, features.points_in_cam.astype(np.float64))
    return replace(features, points_in_cam=points.astype(np.float32))


def _scale(
    a: Shard,
    b: Shard,
    log_ratios: Float[np.ndarray, ' k'],
    positions_a: Float[np.ndarray, 'n 3'],
    positions_b: Float[np.ndarray, 'n 3'],
    depth: float,
) -> _Scale | None:
    if a.scale.is_metric and b.scale.is_metric:
        return _Scale(value=1.0, log_sigma=_LEAST[2], source='meters')
    if len(log_ratios) >= _MIN_KEYFRAMES:
        middle, sigma = median_and_sigma(log_ratios)
        log_sigma = max(float(sigma) / np.sqrt(len(log_ratios)), _LEAST[2])
        return _Scale(value=float(np.exp(middle)), log_sigma=float(log_sigma), source='depth')
    spreads = [_spread(each) for each in (positions_a, positions_b)]
    if spreads[0] < _MIN_SPREAD * depth or spreads[1] <= 0.0:
        return None
    log_sigma = max(_LEAST[1] * depth / spreads[0], _LEAST[2])
    return _Scale(value=spreads[0] / spreads[1], log_sigma=float(log_sigma), source='motion')


def _spread(positions: Float[np.ndarray, 'n 3']) -> float:
    away = np.linalg.norm(positions - positions.mean(axis=0), axis=1)
    return float(np.sqrt(np.mean(away**2)))


def _covariance(
    rotation_rad: float, position: float, scale: _Scale, depth: float, num_frames: int
) -> Float[np.ndarray, '7 7']:
    # Poses of frames in a row err together: as if there were four times fewer.
    share = 1.0 / np.sqrt(max(1.0, num_frames / 4.0))
    return isotropic(
        float(np.hypot(share * rotation_rad, _LEAST[0])),
        float(np.hypot(share * position, _LEAST[1])) * depth,
        scale.log_sigma,
    )
