"""The results of a run over a data set as text."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import Any

from vggt_ros.evaluation.camera_error import MIN_BASELINE_M

_PAIR_ROWS = (
    ('pose_auc_30', 'relative pose AUC@30', 3),
    ('rotation_deg_median', 'rotation error, median [deg]', 2),
    ('direction_deg_median', 'translation direction, median [deg]', 1),
)


def sequence_table(title: str, results: Mapping[str, Any]) -> str:
    """Return lines of text with the numbers that matter, each beside what it is held against.

    Args:
        title: First line.
        results: Of `sequence_errors.sequence_results`.
    """
    lines = [title, *_coverage(results), f'{"":<42}{"map":>9}{"network":>10}']
    for name, words, digits in _PAIR_ROWS:
        values = (results[who].get(name, math.nan) for who in ('map', 'network'))
        lines.append(f'{words:<42}' + ''.join(f'{value:>10.{digits}f}' for value in values)[1:])
    if results['map'].get('num_pairs_moved') == 0:
        lines.append(f'no two cameras are {100 * MIN_BASELINE_M:g} cm apart: no direction to tell')
    missing = results['map'].get('pose_auc_30_missing_wrong', math.nan)
    lines.append(f'{"the same AUC, pairs without a pose wrong":<42}{missing:>9.3f}')
    focal = results['focal']
    if focal is not None:
        lines.append(
            f'{"focal length, of the true one":<42}{focal["published_ratio_median"]:>9.3f}'
            f'{focal["network_ratio_median"]:>10.3f}'
        )
    return '\n'.join([*lines, *_trajectory(results), *_depth(results), *_windows(results)])


def _coverage(results: Mapping[str, Any]) -> list[str]:
    return [
        f'frames with a pose: {results["num_poses"]} of {results["num_frames"]} '
        f'({100 * results["share_with_pose"]:.0f} %), of {results["num_keyframes"]} keyframes '
        f'{100 * results["share_of_keyframes_with_pose"]:.0f} %'
    ]


def _trajectory(results: Mapping[str, Any]) -> list[str]:
    error = results['trajectory']
    if error is None:
        return ['trajectory: too few poses to be aligned with the truth']
    return [
        f'trajectory after Sim(3): {error["ate_m"]:.4f} m off; all cameras in one place: '
        f'{error["one_place_m"]:.4f} m, that is {error["percent_of_one_place"]:.1f} %',
        f'  {error["percent_of_extent"]:.2f} % of the extent of {error["extent_m"]:.3f} m, '
        f'{error["percent_of_path"]:.2f} % of the path of {error["path_length_m"]:.3f} m; '
        f'orientation {error["rotation_deg"]:.2f} deg',
    ]


def _depth(results: Mapping[str, Any]) -> list[str]:
    depth = results['depth']
    if depth is None:
        return []
    return [
        f'depth, one scale a frame, {depth["num_frames"]} frames: AbsRel {depth["abs_rel"]:.3f} '
        f'(constant {depth["constant_abs_rel"]:.3f}), '
        f'delta < 1.25 {depth["delta_125"]:.3f} (constant {depth["constant_delta_125"]:.3f})'
    ]


def _windows(results: Mapping[str, Any]) -> list[str]:
    windows, loops = results['windows'], results['loops']
    lines = [
        f'windows: {windows["num"]}, failed {windows["num_failed"]}, not connected to the map '
        f'{windows["num_not_tied"]}; {windows["process_s_median"]:.2f} s each (median; network '
        f'{windows["predict_s_median"]:.2f} s)',
        f'loops closed: {loops["num"]}, wrong {loops["num_wrong"]} '
        f'(off by more than {loops["max_error_m"]:g} m or 20 deg)',
    ]
    lines += [
        f'  image {loop["new_frame"]} at {loop["old_frame"]}: truly {loop["distance_m"]:.2f} m '
        f'and {loop["angle_deg"]:.0f} deg apart; the loop is {loop["error_m"]:.2f} m and '
        f'{loop["error_deg"]:.0f} deg off'
        for loop in loops['closed']
    ]
    return lines
