"""`vggt_ros evaluate trajectory`: a trajectory against the true one."""

from __future__ import annotations

import argparse
from dataclasses import asdict
import json
import logging
from pathlib import Path
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import ConfigError
from vggt_ros.evaluation.relative_pose_error import relative_pose_error
from vggt_ros.evaluation.trajectory import trajectory_error, TrajectoryError
from vggt_ros.evaluation.trajectory_picture import draw_trajectories
from vggt_ros.sources.tum_file import match_stamps, read_tum

_ALIGNMENTS = {'sim3': True, 'se3': False}
_NS_PER_S = 1e9
_log = logging.getLogger(__name__)


def add_parser(subjects: Any) -> None:
    """Add `trajectory` to what can be evaluated."""
    parser = subjects.add_parser('trajectory', help='poses in a TUM file against the true ones')
    parser.add_argument('estimate', type=Path, help='stamp tx ty tz qx qy qz qw, one pose a line')
    parser.add_argument('truth', type=Path, help='the same, in meters')
    parser.add_argument(
        '--max-difference', type=float, default=0.02, metavar='S', help='of matched stamps'
    )
    parser.add_argument(
        '--delta', type=float, default=1.0, metavar='M', help='way over which drift is measured'
    )
    parser.add_argument(
        '--images',
        type=int,
        metavar='N',
        help='how many there were, to tell the share with a pose',
    )
    parser.add_argument('--output', type=Path, default=Path('evaluation'), metavar='DIR')
    parser.set_defaults(run=run_trajectory)


def run_trajectory(options: argparse.Namespace) -> int:
    """Measure a trajectory; write trajectory.json and trajectory.png, log a table.

    Raises:
        VggtRosError: A file cannot be read, too few stamps match, or an option is out of range.
    """
    if not (options.max_difference >= 0 and options.delta > 0):
        raise ConfigError(
            f'--max-difference must be at least 0 and --delta more than 0; got '
            f'{options.max_difference:g} and {options.delta:g}'
        )
    estimate, truth = read_tum(options.estimate), read_tum(options.truth)
    num_poses = len(estimate.stamps_ns)
    if options.images is not None and options.images < num_poses:
        raise ConfigError(
            f'--images is {options.images}, fewer than the {num_poses} poses in '
            f'{options.estimate}; give the number of all images that were sent'
        )
    rows, true_rows = match_stamps(
        estimate.stamps_ns, truth.stamps_ns, round(options.max_difference * _NS_PER_S)
    )
    map_from_cam, truth_from_cam = estimate.world_from_cam[rows], truth.world_from_cam[true_rows]
    errors = {
        name: trajectory_error(map_from_cam, truth_from_cam, with_scale=with_scale)
        for name, with_scale in _ALIGNMENTS.items()
    }
    results: dict[str, Any] = {
        'estimate': str(options.estimate),
        'truth': str(options.truth),
        'num_poses': num_poses,
        'share_with_pose': None if options.images is None else num_poses / options.images,
        'num_matched': len(rows),
        'path_length_m': errors['se3'].path_length_m,
    }
    aligned = {name: e.truth_from_map.apply_to_pose(map_from_cam) for name, e in errors.items()}
    for name, error in errors.items():
        results[name] = _result(error, aligned[name], truth_from_cam, options.delta)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f'the folder {options.output} cannot be made ({error}); give another --output'
        ) from error
    (options.output / 'trajectory.json').write_text(json.dumps(results, indent=2) + '\n')
    stamps_ns = truth.stamps_ns[true_rows]
    draw_trajectories(
        truth_from_cam[:, :3, 3],
        {name: poses[:, :3, 3] for name, poses in aligned.items()},
        (stamps_ns - stamps_ns[0]) / _NS_PER_S,
        options.output / 'trajectory.png',
        title=f'{options.estimate.name}, {len(rows)} poses',
    )
    _log.info('%s\n', _table(results))
    _log.info(
        'see %s and %s', options.output / 'trajectory.png', options.output / 'trajectory.json'
    )
    return 0


def _result(
    error: TrajectoryError,
    aligned: Float[np.ndarray, 'N 4 4'],
    truth_from_cam: Float[np.ndarray, 'N 4 4'],
    delta_m: float,
) -> dict[str, Any]:
    return {
        'ate_m': error.ate_m,
        'ate_percent': error.ate_percent,
        'one_place_m': error.one_place_m,
        'percent_of_one_place': error.percent_of_one_place,
        'rotation_deg': error.rotation_deg,
        'scale': error.truth_from_map.scale,
        'relative': asdict(relative_pose_error(aligned, truth_from_cam, delta_m)),
    }


def _table(results: dict[str, Any]) -> str:
    lines = [
        f'{results["estimate"]}: {results["num_matched"]} of {results["num_poses"]} poses '
        f'matched, way {results["path_length_m"]:.2f} m',
        f'{"":<38}{"Sim(3)":>10}{"SE(3)":>10}',
    ]
    if results['share_with_pose'] is not None:
        lines.insert(1, f'{100 * results["share_with_pose"]:.0f} % of the images have a pose')
    rows = (
        ('absolute trajectory error [m]', ('ate_m',), 4),
        ('all cameras in one place [m]', ('one_place_m',), 4),
        ('error, of all in one place [%]', ('percent_of_one_place',), 2),
        ('error, of the way [%]', ('ate_percent',), 3),
        ('orientation, median [deg]', ('rotation_deg',), 2),
        ('scale of the alignment', ('scale',), 4),
        ('drift of the position [%]', ('relative', 'translation_percent'), 3),
        ('drift of the orientation [deg]', ('relative', 'rotation_deg'), 2),
    )
    for words, keys, digits in rows:
        values = [results[name] for name in _ALIGNMENTS]
        for key in keys:
            values = [value[key] for value in values]
        lines.append(f'{words:<38}' + ''.join(f'{value:>10.{digits}f}' for value in values))
    return '\n'.join(lines)
