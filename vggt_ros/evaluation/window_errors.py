"""All errors of an answer about one window, and their summary over many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

from jaxtyping import Float
import numpy as np

from vggt_ros.evaluation.camera_error import pair_errors, PairErrors, pose_auc
from vggt_ros.evaluation.depth import depth_error, DepthError
from vggt_ros.evaluation.track_error import track_errors, TrackErrors
from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.evaluation.window_answer import WindowAnswer
from vggt_ros.inference.image_grid import ImageGrid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowErrors:
    """Errors of what was answered, None where nothing was or where the truth is unknown.

    Attributes:
        pairs: Of the relative poses.
        focal_ratio: (S,) estimated over true focal length along u.
        depth: With one scale for the window.
        tracks: In pixels of the network's image.
    """

    pairs: PairErrors | None
    focal_ratio: Float[np.ndarray, ' S'] | None
    depth: DepthError | None
    tracks: TrackErrors | None


def window_errors(answer: WindowAnswer, truth: TruthWindow, grid: ImageGrid) -> WindowErrors:
    """Compare an answer with the truth.

    Args:
        answer: On the network's image.
        truth: On the camera's image.
        grid: How the two images map to each other.

    Raises:
        AlignmentError: No pixel has both an estimated and a true depth.
    """
    pairs = depth = focal_ratio = tracks = None
    if answer.cam_from_world is not None:
        pairs = pair_errors(answer.cam_from_world, truth.cam_from_world)
    if answer.K_image is not None:
        focal_ratio = answer.K_image[:, 0, 0] / truth.K[0, 0]
    if answer.depth is not None:
        depth = depth_error(answer.depth, truth.depth_on(grid))
    if answer.tracks is not None and truth.tracks is not None:
        tracks = track_errors(
            answer.tracks.positions,
            answer.tracks.visibility,
            grid.model_from_image(truth.tracks.positions.astype(np.float64)),
            truth.tracks.is_visible,
        )
    return WindowErrors(pairs=pairs, focal_ratio=focal_ratio, depth=depth, tracks=tracks)


def summarize(errors: Sequence[WindowErrors]) -> dict[str, float | int]:
    """Return medians and means over windows, ready for JSON.

    Pairs of frames and points count one each, whatever window they are in; depth counts once a
    window. What was not answered or is unknown has no key.

    Args:
        errors: Of any number of windows.
    """
    summary: dict[str, float | int] = {}
    pairs = [e.pairs for e in errors if e.pairs is not None]
    if pairs:
        summary |= _camera_summary(PairErrors.join(pairs))
    ratios = [e.focal_ratio for e in errors if e.focal_ratio is not None]
    if ratios:
        summary |= _middle('focal_error', np.abs(np.concatenate(ratios) - 1.0))
    depths = [e.depth for e in errors if e.depth is not None]
    if depths:
        summary |= _middle('depth_abs_rel', np.array([d.abs_rel for d in depths]))
        summary |= _middle('depth_delta_125', np.array([d.delta_125 for d in depths]))
    tracks = [e.tracks for e in errors if e.tracks is not None]
    if tracks:
        summary |= _track_summary(TrackErrors.join(tracks))
    return {name: value for name, value in summary.items() if not math.isnan(value)}


def _camera_summary(pairs: PairErrors) -> dict[str, float | int]:
    directions = pairs.direction_deg[np.isfinite(pairs.direction_deg)]
    return {
        **_middle('rotation_deg', pairs.rotation_deg),
        **_middle('direction_deg', directions),
        'pose_auc_30': pose_auc(pairs),
        'num_pairs': len(pairs.rotation_deg),
        'num_pairs_moved': len(directions),
    }


def _track_summary(tracks: TrackErrors) -> dict[str, float | int]:
    is_right = tracks.is_visibility_right
    return {
        **_middle('track_px', tracks.distance_px),
        'visibility_accuracy': float(is_right.mean()) if len(is_right) else math.nan,
        'num_track_points': len(tracks.distance_px),
    }


def _middle(name: str, values: Float[np.ndarray, ' n']) -> dict[str, float | int]:
    if not len(values):
        return {}
    return {f'{name}_median': float(np.median(values)), f'{name}_mean': float(values.mean())}
