"""Truth errors: a result against what its source knows, ready for JSON."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.relative_pose_error import relative_pose_error
from vggt_ros.evaluation.trajectory import trajectory_error, TrajectoryError
from vggt_ros.offline.result import Result

# Pieces of the path over which drift is measured, as a part of the path; at most a meter.
_PIECE = 0.1


def truth_errors(result: Result) -> dict[str, Any] | None:
    """Return all errors of a result; None if its source knows no truth, or too little of it."""
    if result.truth is None:
        return None
    truth = result.truth.world_from_cam
    is_true = np.isfinite(truth).all(axis=(1, 2))
    errors: dict[str, Any] = {
        'num_true_poses': int(is_true.sum()),
        'coverage': result.poses.coverage,
        'coverage_by_kind': result.poses.counts(),
    }
    for name, kinds in (('frames', None), ('keyframes', ('keyframe',))):
        use = is_true & result.poses.is_known
        if kinds is not None:
            use &= np.array([kind in kinds for kind in result.poses.kind], dtype=bool)
        errors[name] = _errors(result.poses.map_from_cam[use], truth[use])
    errors['depth'] = _depth(result)
    return errors


def truth_alignment(result: Result) -> TrajectoryError | None:
    """Return the Sim(3) of all frames with a pose onto the truth; None if it is not determined."""
    if result.truth is None:
        return None
    truth = result.truth.world_from_cam
    use = np.isfinite(truth).all(axis=(1, 2)) & result.poses.is_known
    return _aligned(result.poses.map_from_cam[use], truth[use], with_scale=True)


def _aligned(
    estimated: Float[np.ndarray, 'n 4 4'], true: Float[np.ndarray, 'n 4 4'], *, with_scale: bool
) -> TrajectoryError | None:
    try:
        return trajectory_error(estimated, true, with_scale=with_scale)
    except AlignmentError:
        return None  # too few, or all on one line


def _errors(
    estimated: Float[np.ndarray, 'n 4 4'], true: Float[np.ndarray, 'n 4 4']
) -> dict[str, Any] | None:
    similar = _aligned(estimated, true, with_scale=True)
    rigid = _aligned(estimated, true, with_scale=False)
    if similar is None or rigid is None:
        return None
    found: dict[str, Any] = {
        'num': len(estimated),
        'path_length_m': similar.path_length_m,
        'extent_m': similar.extent_m,
        'one_place_m': similar.one_place_m,
        'scale': similar.truth_from_map.scale,
        'rotation_deg': similar.rotation_deg,
        'rpe': _drift(estimated, true, similar),
    }
    for name, error in (('sim3', similar), ('se3', rigid)):
        found[f'ate_{name}_m'] = error.ate_m
        found[f'ate_{name}_percent_of_path'] = error.ate_percent
        found[f'ate_{name}_percent_of_extent'] = error.percent_of_extent
        found[f'ate_{name}_percent_of_one_place'] = error.percent_of_one_place
    return found


def _drift(
    estimated: Float[np.ndarray, 'n 4 4'],
    true: Float[np.ndarray, 'n 4 4'],
    similar: TrajectoryError,
) -> dict[str, float] | None:
    in_meters = similar.truth_from_map.apply_to_pose(estimated)
    try:
        found = relative_pose_error(in_meters, true, min(1.0, _PIECE * similar.path_length_m))
    except AlignmentError:
        return None
    return {
        'piece_m': found.delta_m,
        'translation_percent': found.translation_percent,
        'rotation_deg': found.rotation_deg,
    }


def _depth(result: Result) -> dict[str, Any] | None:
    depths = () if result.truth is None else result.truth.depths
    if not depths:
        return None
    return {
        'num_keyframes': len(depths),
        'abs_rel': float(np.mean([each.published.abs_rel for each in depths])),
        'delta_125': float(np.mean([each.published.delta_125 for each in depths])),
        'constant_abs_rel': float(np.mean([each.constant.abs_rel for each in depths])),
        'constant_delta_125': float(np.mean([each.constant.delta_125 for each in depths])),
    }
