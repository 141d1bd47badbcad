"""`vggt_ros evaluate`: numbers against the truth."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from functools import partial
import json
import logging
from pathlib import Path
import sys
from typing import Any

from tqdm import tqdm

from vggt_ros.cli import evaluate_sequence, evaluate_trajectory
from vggt_ros.errors import ConfigError
from vggt_ros.evaluation.held_out_windows import held_out_window, MAX_FRAMES, MIN_FRAMES
from vggt_ros.evaluation.model_evaluation import (
    evaluate_window,
    EvaluatedWindow,
    ModelEvaluation,
)
from vggt_ros.evaluation.model_picture import draw_model_picture
from vggt_ros.evaluation.model_table import results_table
from vggt_ros.evaluation.rgbd_folder import RgbdFolder
from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.inference.device import resolve_device
from vggt_ros.inference.predictor import Predictor
from vggt_ros.settings.config import ModelSettings
from vggt_ros.settings.refine_config import RefineSettings
from vggt_ros.synthetic.held_out import HELD_OUT_SEEDS

_ASPECT = 4, 3  # of the held-out images, before rounding to whole patches
_NUM_SAMPLES = 5
_log = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Add `evaluate` to the subcommands of an argparse parser."""
    parser = commands.add_parser('evaluate', help='measure accuracy against the truth')
    subjects = parser.add_subparsers(required=True, metavar='SUBJECT')
    model = subjects.add_parser(
        'model', help='a checkpoint on rooms it was not trained on, and on RGB-D images'
    )
    model.add_argument(
        '--checkpoint', default='nano', metavar='ID', help='nano, a hub id, or a weights file'
    )
    model.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    model.add_argument(
        '--windows', type=int, default=200, metavar='N', help='held-out windows, 0 for none'
    )
    model.add_argument(
        '--frames',
        type=int,
        default=MAX_FRAMES,
        metavar='N',
        help=f'most frames of a window, {MIN_FRAMES} to {MAX_FRAMES}',
    )
    model.add_argument(
        '--seed-start',
        type=int,
        default=HELD_OUT_SEEDS.start,
        metavar='SEED',
        help=f'seed of the first window, from {HELD_OUT_SEEDS.start}',
    )
    model.add_argument(
        '--rgbd', type=Path, metavar='DIR', help='folder with color/, depth/ and pose.txt'
    )
    model.add_argument(
        '--refine', action='store_true', help='measure the windows after refinement as well'
    )
    model.add_argument('--output', type=Path, default=Path('evaluation'), metavar='DIR')
    model.set_defaults(run=run_model)
    evaluate_trajectory.add_parser(subjects)
    evaluate_sequence.add_parser(subjects)


def run_model(options: argparse.Namespace) -> int:
    """Measure a checkpoint; write model.json and model.png, log a table.

    Raises:
        VggtRosError: An option is out of range, the weights or the images cannot be read, or
            the network gave no usable answer.
    """
    seeds = _seeds(options)
    folder = None if options.rgbd is None else RgbdFolder(options.rgbd)
    if not seeds and folder is None:
        raise ConfigError('there is nothing to evaluate: give --windows 1 or more, or --rgbd DIR')
    predictor = Predictor.load(ModelSettings(checkpoint=options.checkpoint, device=options.device))
    _make_folder(options.output)  # before the long part, not after it
    with_tracks = 'track' in predictor.network_config.enabled_heads
    evaluate = partial(
        evaluate_window,
        predictor,
        with_tracks=with_tracks,
        refine=RefineSettings() if options.refine else None,
        device=resolve_device(options.device),
    )
    evaluations: dict[str, ModelEvaluation] = {}
    if seeds:
        evaluations['held_out'] = _evaluation(
            evaluate, _held_out(predictor, seeds, options.frames), len(seeds)
        )
    if folder is not None:
        evaluations['rgbd'] = _evaluation(
            evaluate, folder.windows(options.frames), folder.num_windows(options.frames)
        )
    _write(options, predictor, evaluations)
    return 0


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f'the folder {path} cannot be made ({error}); give another --output'
        ) from error


def _seeds(options: argparse.Namespace) -> range:
    seeds = range(options.seed_start, options.seed_start + options.windows)
    if options.windows < 0:
        raise ConfigError(f'the number of windows must be at least 0; got {options.windows}')
    if seeds and not (seeds[0] in HELD_OUT_SEEDS and seeds[-1] in HELD_OUT_SEEDS):
        raise ConfigError(
            f'seeds {seeds[0]} to {seeds[-1]} are not all held out; stay within '
            f'{HELD_OUT_SEEDS[0]} to {HELD_OUT_SEEDS[-1]}'
        )
    if not MIN_FRAMES <= options.frames <= MAX_FRAMES:
        raise ConfigError(
            f'windows have {MIN_FRAMES} to {MAX_FRAMES} frames; got --frames {options.frames}'
        )
    return seeds


def _held_out(predictor: Predictor, seeds: range, max_frames: int) -> Iterator[TruthWindow]:
    grid = predictor.grid(*_ASPECT)
    for seed in seeds:
        yield held_out_window(
            seed, max_frames=max_frames, width=grid.model_width, height=grid.model_height
        )


def _evaluation(
    evaluate: Callable[[TruthWindow], EvaluatedWindow],
    windows: Iterable[TruthWindow],
    num_windows: int,
) -> ModelEvaluation:
    evaluation = ModelEvaluation(_NUM_SAMPLES)
    # A log file gets a line now and then, a terminal a bar that moves.
    period_s = 0.2 if sys.stderr.isatty() else 10.0
    with tqdm(windows, total=num_windows, unit='window', mininterval=period_s) as bar:
        for window in bar:
            evaluation.add(evaluate(window))
    return evaluation


def _write(
    options: argparse.Namespace, predictor: Predictor, evaluations: dict[str, ModelEvaluation]
) -> None:
    described = predictor.description
    grid = predictor.grid(*_ASPECT)
    results = {name: evaluation.results() for name, evaluation in evaluations.items()}
    summary: dict[str, Any] = {
        'checkpoint': described.checkpoint,
        'is_trained': described.is_trained,
        'notice': described.notice,
        'num_parameters': described.num_parameters,
        'device': described.device,
        'precision': described.precision,
        'max_frames': options.frames,
    }
    if 'held_out' in results:
        results['held_out'] |= {
            'first_seed': options.seed_start,
            'image_size': [grid.model_width, grid.model_height],
        }
    output: Path = options.output
    (output / 'model.json').write_text(json.dumps(summary | results, indent=2) + '\n')
    samples = [s for evaluation in evaluations.values() for s in evaluation.samples]
    draw_model_picture(samples, output / 'model.png', title=_title(summary))
    for name, measured in results.items():
        _log.info('%s\n', results_table(_heading(name, measured, options), measured))
    if described.notice:
        _log.info('NOTE: %s', described.notice)
    _log.info('see %s and %s', output / 'model.png', output / 'model.json')


def _title(summary: dict[str, Any]) -> str:
    untrained = '' if summary['is_trained'] else ' (not trained: the numbers mean nothing)'
    return f'{summary["checkpoint"]}{untrained}'


def _heading(name: str, measured: dict[str, Any], options: argparse.Namespace) -> str:
    count = measured['num_windows']
    if name == 'rgbd':
        return f'{options.rgbd}, windows: {count}'
    first = measured['first_seed']
    width, height = measured['image_size']
    return (
        f'held-out scenes, windows: {count}, seeds {first} to {first + count - 1}, '
        f'{width} x {height} px'
    )
