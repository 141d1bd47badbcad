"""All errors of a run over a data set, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.camera_error import pair_errors, PairErrors, pairs_within, pose_auc
from vggt_ros.evaluation.loop_errors import loop_errors, MAX_ERROR_M, TruePath
from vggt_ros.evaluation.published_depth import FrameDepthError
from vggt_ros.evaluation.sequence_run import SequenceRun
from vggt_ros.evaluation.trajectory import trajectory_error, TrajectoryError
from vggt_ros.geometry.se3 import inverse

_WRONG_DEG = 180.0


def sequence_results(
    run: SequenceRun,
    world_from_cam: Float[np.ndarray, 'N 4 4'],
    *,
    window_size: int,
    max_loop_error_m: float = MAX_ERROR_M,
) -> dict[str, Any]:
    """Return everything measured about a run.

    Args:
        run: What the mapper made of N frames.
        world_from_cam: (N, 4, 4) true poses, meters, NaN where unknown.
        window_size: Frames in a window; pairs of the trajectory are of frames that could share
            one.
        max_loop_error_m: A loop that says that two places are elsewhere by more is wrong.
    """
    is_known = np.isfinite(world_from_cam).all(axis=(1, 2))
    keyframes = run.keyframes
    return {
        'num_frames': len(world_from_cam),
        'num_true_poses': int(is_known.sum()),
        'num_keyframes': len(keyframes),
        'num_poses': len(run.frame_index),
        'share_with_pose': len(run.frame_index) / len(world_from_cam),
        'share_of_keyframes_with_pose': _share(len(run.frame_index), len(keyframes)),
        'drops': run.drops,
        'map': _map_pairs(run, world_from_cam, is_known, window_size),
        'network': _network_pairs(run, world_from_cam, is_known),
        'trajectory': _trajectory(run, world_from_cam),
        'depth': _depth(run.depths),
        'focal': _focal(run),
        'windows': _windows(run),
        'loops': _loops(run, world_from_cam, max_loop_error_m),
        'wall_s': run.wall_s,
    }


def aligned_trajectory(
    run: SequenceRun, world_from_cam: Float[np.ndarray, 'N 4 4']
) -> tuple[Float[np.ndarray, 'M 3'], Float[np.ndarray, 'M 3']] | None:
    """Return estimated positions in the true world, and the true ones; None if too few.

    Args:
        run: What the mapper made of N frames.
        world_from_cam: (N, 4, 4) true poses, NaN where unknown.
    """
    estimated, true = _posed(run, world_from_cam)
    error = _error(estimated, true)
    if error is None:
        return None
    return error.truth_from_map.apply(estimated[:, :3, 3]), true[:, :3, 3]


def _posed(
    run: SequenceRun, world_from_cam: Float[np.ndarray, 'N 4 4']
) -> tuple[Float[np.ndarray, 'M 4 4'], Float[np.ndarray, 'M 4 4']]:
    true = world_from_cam[run.frame_index]
    is_known = np.isfinite(true).all(axis=(1, 2))
    return run.map_from_cam[is_known], true[is_known]


def _error(
    estimated: Float[np.ndarray, 'M 4 4'], true: Float[np.ndarray, 'M 4 4']
) -> TrajectoryError | None:
    try:
        return trajectory_error(estimated, true)
    except AlignmentError:
        return None  # too few poses, or all on one line


def _trajectory(
    run: SequenceRun, world_from_cam: Float[np.ndarray, 'N 4 4']
) -> dict[str, Any] | None:
    error = _error(*_posed(run, world_from_cam))
    if error is None:
        return None
    return {
        'ate_m': error.ate_m,
        'one_place_m': error.one_place_m,
        'percent_of_one_place': error.percent_of_one_place,
        'extent_m': error.extent_m,
        'percent_of_extent': error.percent_of_extent,
        'path_length_m': error.path_length_m,
        'percent_of_path': error.ate_percent,
        'rotation_deg': error.rotation_deg,
        'scale': error.truth_from_map.scale,
    }


def _map_pairs(
    run: SequenceRun,
    world_from_cam: Float[np.ndarray, 'N 4 4'],
    is_known: np.ndarray,
    window_size: int,
) -> dict[str, Any]:
    """Compare pairs of keyframes of the final map; those without a pose are wrong."""
    frames = np.array([i for i in run.keyframes if is_known[i]], dtype=np.int64)
    if len(frames) < 2:
        return {}
    poses = np.tile(np.eye(4), (len(frames), 1, 1))
    row_of = {int(frame): row for row, frame in enumerate(run.frame_index)}
    has_pose = np.array([int(frame) in row_of for frame in frames])
    for k in np.flatnonzero(has_pose):
        poses[k] = run.map_from_cam[row_of[int(frames[k])]]
    gap = window_size - 1
    errors = pair_errors(inverse(poses), inverse(world_from_cam[frames]), max_gap=gap)
    first, second = pairs_within(len(frames), gap)
    is_answered = has_pose[first] & has_pose[second]
    missing = PairErrors(
        rotation_deg=np.where(is_answered, errors.rotation_deg, _WRONG_DEG),
        direction_deg=np.where(
            is_answered | np.isnan(errors.direction_deg), errors.direction_deg, _WRONG_DEG
        ),
    )
    answered = PairErrors(
        rotation_deg=errors.rotation_deg[is_answered],
        direction_deg=errors.direction_deg[is_answered],
    )
    return {
        **_pairs(answered),
        'pose_auc_30_missing_wrong': pose_auc(missing),
        'share_of_pairs_answered': float(is_answered.mean()),
    }


def _network_pairs(
    run: SequenceRun, world_from_cam: Float[np.ndarray, 'N 4 4'], is_known: np.ndarray
) -> dict[str, Any]:
    """Compare all pairs of the windows as the network alone answered them."""
    parts = []
    for note in (window.note for window in run.windows if window.note is not None):
        rows = [row for row, i in enumerate(note.frame_ids) if is_known[i]]
        if len(rows) > 1:
            true = world_from_cam[[note.frame_ids[row] for row in rows]]
            parts.append(pair_errors(note.cam_from_world[rows], inverse(true)))
    return _pairs(PairErrors.join(parts)) if parts else {}


def _pairs(pairs: PairErrors) -> dict[str, Any]:
    directions = pairs.direction_deg[np.isfinite(pairs.direction_deg)]
    return {
        'pose_auc_30': pose_auc(pairs),
        'rotation_deg_median': _median(pairs.rotation_deg),
        'direction_deg_median': _median(directions),
        'num_pairs': len(pairs.rotation_deg),
        'num_pairs_moved': len(directions),
    }


def _depth(depths: Sequence[FrameDepthError]) -> dict[str, Any] | None:
    if not depths:
        return None
    return {
        'num_frames': len(depths),
        'abs_rel': _mean([each.published.abs_rel for each in depths]),
        'abs_rel_median': _median([each.published.abs_rel for each in depths]),
        'delta_125': _mean([each.published.delta_125 for each in depths]),
        'constant_abs_rel': _mean([each.constant.abs_rel for each in depths]),
        'constant_delta_125': _mean([each.constant.delta_125 for each in depths]),
    }


def _focal(run: SequenceRun) -> dict[str, Any] | None:
    if not run.true_focal_px:
        return None
    true = run.true_focal_px
    published = [px / true[i] for i, px in run.focal_px.items() if i in true]
    said = [
        float(K[0, 0]) / true[i]
        for window in run.windows
        if window.note is not None
        for i, K in zip(window.note.frame_ids, window.note.K_image, strict=True)
        if i in true
    ]
    return {'published_ratio_median': _median(published), 'network_ratio_median': _median(said)}


def _windows(run: SequenceRun) -> dict[str, Any]:
    failures = [window.failure for window in run.windows if window.submap is None]
    entered = [window for window in run.windows if window.submap is not None]
    predict_s = [window.note.predict_s for window in run.windows if window.note is not None]
    return {
        'num': len(run.windows),
        'num_failed': len(failures),
        'num_not_tied': sum(not window.is_connected for window in entered),
        'failures': failures,
        'process_s_median': _median([window.process_s for window in run.windows]),
        'process_s_max': max((window.process_s for window in run.windows), default=float('nan')),
        'predict_s_median': _median(predict_s),
    }


def _loops(
    run: SequenceRun, world_from_cam: Float[np.ndarray, 'N 4 4'], max_error_m: float
) -> dict[str, Any]:
    path = TruePath(
        frame_index=run.frame_index,
        map_from_cam=run.map_from_cam,
        world_from_cam=world_from_cam,
    )
    errors = loop_errors(run.loops, run.frames_of_submap, path)
    return {
        'num': len(run.loops),
        'num_checked': len(errors),
        'num_wrong': sum(error.is_wrong(max_error_m) for error in errors),
        'max_error_m': max_error_m,
        'closed': [asdict(error) for error in errors],
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float('nan')


def _median(values: Sequence[float] | np.ndarray) -> float:
    return float(np.median(values)) if len(values) else float('nan')


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float('nan')
