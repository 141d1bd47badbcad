"""The results of a model evaluation as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vggt_ros.evaluation.model_evaluation import MEAN_DEPTH, MODEL, NO_MOTION, REFINED

# Name in the results, words, digits, and the baseline it is to be held against.
_ROWS = (
    ('rotation_deg_median', 'rotation error, median [deg]', 2, NO_MOTION),
    ('rotation_deg_mean', 'rotation error, mean [deg]', 2, NO_MOTION),
    ('direction_deg_median', 'translation direction, median [deg]', 1, NO_MOTION),
    ('direction_deg_mean', 'translation direction, mean [deg]', 1, NO_MOTION),
    ('pose_auc_30', 'relative pose AUC@30', 3, NO_MOTION),
    ('focal_error_median', 'focal length error, median', 3, NO_MOTION),
    ('depth_abs_rel_median', 'depth AbsRel, median', 3, MEAN_DEPTH),
    ('depth_abs_rel_mean', 'depth AbsRel, mean', 3, MEAN_DEPTH),
    ('depth_delta_125_median', 'depth delta < 1.25, median', 3, MEAN_DEPTH),
    ('depth_delta_125_mean', 'depth delta < 1.25, mean', 3, MEAN_DEPTH),
    ('track_px_median', 'track error, median [px]', 2, NO_MOTION),
    ('track_px_mean', 'track error, mean [px]', 2, NO_MOTION),
    ('visibility_accuracy', 'visibility accuracy', 3, NO_MOTION),
)
_WORDS = {NO_MOTION: 'no motion', MEAN_DEPTH: 'mean depth'}


def results_table(title: str, results: Mapping[str, Any]) -> str:
    """Return a line for each number that the model has, beside those of refinement and baseline.

    Args:
        title: First line.
        results: Of `ModelEvaluation.results`.
    """
    refined = results.get(REFINED)
    head = f'{"":<38}{"model":>9}' + (f'{REFINED:>10}' if refined else '')
    lines = [title, f'{head}{"baseline":>10}']
    for name, words, digits, baseline in _ROWS:
        if name not in results[MODEL]:
            continue
        line = f'{words:<38}{results[MODEL][name]:>9.{digits}f}'
        if refined:
            line += f'{refined[name]:>10.{digits}f}' if name in refined else ' ' * 10
        if name in results[baseline]:
            line += f'{results[baseline][name]:>10.{digits}f}  {_WORDS[baseline]}'
        lines.append(line.rstrip())
    if refined:
        found = results['refinement']
        by_start = ', '.join(
            f'{name} {n}' for name, n in sorted(found['windows_by_start'].items())
        )
        lines.append(
            f'refinement: {100 * found["share_of_frames_verified"]:.0f} % of the frames verified, '
            f'the others as the network has them; windows: {by_start}; '
            f'{found["refine_s_median"]:.2f} s a window'
        )
    return '\n'.join(lines)
