"""`vggt_ros evaluate sequence`: the whole chain on images with true poses."""

from __future__ import annotations

import argparse
import json
import logging
import math
from pathlib import Path
import sys
from typing import Any

import numpy as np
from tqdm import tqdm

from vggt_ros.cli.setting_words import with_words
from vggt_ros.errors import ConfigError, SourceError
from vggt_ros.evaluation.loop_errors import MAX_ERROR_M
from vggt_ros.evaluation.sequence_errors import aligned_trajectory, sequence_results
from vggt_ros.evaluation.sequence_picture import draw_sequence
from vggt_ros.evaluation.sequence_run import run_sequence, SequenceRun
from vggt_ros.evaluation.sequence_table import sequence_table
from vggt_ros.inference.backbone import Backbone
from vggt_ros.inference.backbones import load_backbone
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import values_of, with_values
from vggt_ros.sources.dataset import Dataset
from vggt_ros.sources.dataset_formats import DEFAULT_RATE_HZ, LAYOUTS, open_dataset

REFINE_MODES = 'off', 'verify', 'poses', 'depth'
_log = logging.getLogger(__name__)


def add_parser(subjects: Any) -> None:
    """Add `sequence` to what can be evaluated."""
    parser = subjects.add_parser(
        'sequence', help='the whole chain on a folder of images with true poses'
    )
    parser.add_argument('folder', type=Path, metavar='DIR', help='see docs/evaluation.md')
    parser.add_argument('--format', choices=LAYOUTS, help='of the folder; told by its files')
    parser.add_argument(
        '--checkpoint', default='nano', metavar='ID', help='nano, a hub id, or a weights file'
    )
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--refine', choices=REFINE_MODES, help='refine.mode')
    parser.add_argument(
        '--set',
        dest='settings',
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='any setting of the node, for example keyframe.min_parallax=0; may be repeated',
    )
    parser.add_argument(
        '--uncalibrated', action='store_true', help='do not tell the mapper the intrinsics'
    )
    parser.add_argument('--every', type=int, default=1, metavar='N', help='take every n-th image')
    parser.add_argument('--max-frames', type=int, metavar='N', help='stop after so many images')
    parser.add_argument(
        '--rate',
        type=float,
        default=DEFAULT_RATE_HZ,
        metavar='HZ',
        help='images a second where the files carry no time',
    )
    parser.add_argument(
        '--max-loop-error',
        type=float,
        default=MAX_ERROR_M,
        metavar='M',
        help='a loop that is farther off than this is wrong',
    )
    parser.add_argument('--output', type=Path, default=Path('evaluation'), metavar='DIR')
    parser.set_defaults(run=run_evaluation)


def run_evaluation(options: argparse.Namespace) -> int:
    """Measure the chain; write sequence.json, sequence.png and trajectory.txt, log a table.

    Raises:
        VggtRosError: An option is out of range, the folder or the weights cannot be read, or the
            folder has no true poses.
    """
    config = _config(options)
    dataset = _dataset(options)
    predictor = load_backbone(config.model)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f'the folder {options.output} cannot be made ({error}); give another --output'
        ) from error
    # A log file gets a line now and then, a terminal a bar that moves.
    period_s = 0.2 if sys.stderr.isatty() else 30.0
    with tqdm(total=len(dataset), unit='image', mininterval=period_s) as bar:
        run = run_sequence(
            dataset,
            predictor,
            config,
            is_calibrated=not options.uncalibrated,
            on_frame=bar.update,
        )
    results = sequence_results(
        run,
        dataset.world_from_cam,
        window_size=config.window.size,
        max_loop_error_m=options.max_loop_error,
    )
    _write(options, dataset, run, _header(options, config, dataset, predictor) | results)
    return 0


def _config(options: argparse.Namespace) -> VggtConfig:
    values: dict[str, Any] = {
        'model.checkpoint': options.checkpoint,
        'model.device': options.device,
    }
    if options.refine is not None:
        values['refine.mode'] = options.refine
    return with_words(with_values(VggtConfig(), values), options.settings)


def _dataset(options: argparse.Namespace) -> Dataset:
    if options.every < 1 or (options.max_frames is not None and options.max_frames < 1):
        raise ConfigError(
            f'--every and --max-frames must be at least 1; got {options.every} and '
            f'{options.max_frames}'
        )
    dataset = open_dataset(options.folder, layout=options.format, rate_hz=options.rate)
    dataset = dataset.select(range(len(dataset))[:: options.every][: options.max_frames])
    num_known = int(np.isfinite(dataset.world_from_cam).all(axis=(1, 2)).sum())
    if num_known < 2:
        raise SourceError(
            f'{options.folder} tells the true pose of {num_known} of {len(dataset)} images; there '
            f'is nothing to measure with fewer than 2'
        )
    if dataset.K is None and not options.uncalibrated:
        raise SourceError(
            f'the camera of {options.folder} is unknown; give --uncalibrated, or write fx fy cx '
            f'cy in pixels into camera.txt'
        )
    return dataset


def _header(
    options: argparse.Namespace, config: VggtConfig, dataset: Dataset, predictor: Backbone
) -> dict[str, Any]:
    values = values_of(config)
    described = predictor.description
    return {
        'folder': str(options.folder),
        'format': dataset.layout,
        'checkpoint': described.checkpoint,
        'is_trained': described.is_trained,
        'notice': described.notice,
        'device': described.device,
        'precision': described.precision,
        'is_calibrated': not options.uncalibrated,
        'refine': values.get('refine.mode', 'off'),
        'settings': options.settings,
        'every': options.every,
    }


def _known(value: Any) -> Any:
    """Return a value with None for what is not known: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: _known(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_known(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(
    options: argparse.Namespace, dataset: Dataset, run: SequenceRun, results: dict[str, Any]
) -> None:
    output: Path = options.output
    (output / 'sequence.json').write_text(json.dumps(_known(results), indent=2) + '\n')
    title = (
        f'{dataset.name} ({dataset.layout}), {results["checkpoint"]}, refine {results["refine"]}, '
        f'K {"unknown" if options.uncalibrated else "known"}'
    )
    if not results['is_trained']:
        title += ' (not trained: the numbers mean nothing)'
    true = dataset.world_from_cam[:, :3, 3]
    aligned, matched = aligned_trajectory(run, dataset.world_from_cam) or (None, None)
    draw_sequence(
        aligned,
        true[np.isfinite(true).all(axis=1)],
        matched,
        run.samples,
        output / 'sequence.png',
        title=title,
    )
    path = StampedPoses(
        stamps_ns=dataset.stamps_ns[run.frame_index], map_from_cam=run.map_from_cam
    )
    (output / 'trajectory.txt').write_text(path.tum())
    _log.info('%s\n', sequence_table(title, results))
    if results['notice']:
        _log.info('NOTE: %s', results['notice'])
    _log.info('see %s and %s', output / 'sequence.png', output / 'sequence.json')
