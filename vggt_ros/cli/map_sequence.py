"""`vggt_ros map`: a recording becomes a map, poses of every frame and a report."""

from __future__ import annotations

import argparse
from collections.abc import Callable
import logging
from pathlib import Path
import sys
import time
from typing import Any

import numpy as np

from vggt_ros.cli.setting_words import with_words
from vggt_ros.errors import ConfigError, SourceError
from vggt_ros.offline.folder_run import run_into_folder, RunOptions
from vggt_ros.offline.open_input import FILES, Input, open_input, Selection
from vggt_ros.offline.outputs import EXPORTS, summary_lines
from vggt_ros.offline.progress import Progress
from vggt_ros.offline.run_folder import free_name
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.dataset import Dataset
from vggt_ros.sources.dataset_formats import LAYOUTS

EXIT_DONE, EXIT_NOTHING, EXIT_USAGE, EXIT_PARTS, EXIT_INTERRUPTED = 0, 1, 2, 3, 130
REFINE_MODES = 'off', 'verify', 'poses', 'depth', 'global'
_DEFAULT_PARENT = Path('maps')
_log = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Add `map` to the subcommands of an argparse parser."""
    parser = commands.add_parser(
        'map', help='a recording to a map, poses of every frame and a report; no ROS needed'
    )
    parser.add_argument('path', type=Path, metavar='PATH', help='images, video or data set')
    parser.add_argument(
        '--out', type=Path, metavar='DIR', help='new folder; maps/NAME of the input if left out'
    )
    parser.add_argument(
        '--format', choices=(*FILES, *LAYOUTS), help='of the input; told by its files'
    )
    add_selection(parser)
    add_network(parser)
    parser.add_argument('--calibration', type=Path, metavar='FILE', help='of the camera')
    parser.add_argument('--topic', metavar='NAME', help='of the images in a bag')
    parser.add_argument('--camera', metavar='NAME', help='which of several')
    add_outputs(parser)
    parser.add_argument(
        '--resume', action='store_true', help='go on with a run that did not finish'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace --out if it is there')
    parser.add_argument('--dry-run', action='store_true', help='say what the input is, and end')
    parser.add_argument(
        '--progress', choices=('bar', 'json'), default='bar', help='json: a line for each second'
    )
    parser.set_defaults(run=run_map)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which frames are taken."""
    parser.add_argument('--start', type=float, default=0.0, metavar='S', help='skip so much time')
    parser.add_argument('--stop', type=float, metavar='S', help='end there, from the first frame')
    parser.add_argument('--every', type=int, default=1, metavar='N', help='take each n-th frame')
    parser.add_argument('--fps', type=float, metavar='HZ', help='take at most so many a second')
    parser.add_argument('--max-frames', type=int, metavar='N', help='take no more than so many')
    parser.add_argument(
        '--rate', type=float, metavar='HZ', help='images a second where files carry no time'
    )


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add the options that `config_of` reads."""
    parser.add_argument(
        '--checkpoint', default='nano', metavar='ID', help='nano, a hub id, or a weights file'
    )
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument(
        '--refine',
        choices=REFINE_MODES,
        default='global',
        help='refine.mode of every window; global: depth, and all keyframes at once in the end',
    )
    parser.add_argument(
        '--set',
        dest='settings',
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='any setting of the node, for example keyframe.min_parallax=4; may be repeated',
    )


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Add the options that `wanted_of` reads, those on what is there already apart."""
    parser.add_argument(
        '--truth',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='compare with true poses and depth, where the input has them',
    )
    parser.add_argument(
        '--export', default='', metavar='A,B', help=f'further files: {", ".join(EXPORTS)}'
    )
    parser.add_argument(
        '--depth', action='store_true', help='write image, depth and confidence of keyframes'
    )
    parser.add_argument(
        '--keep-cache', action='store_true', help='keep what the network said in the folder'
    )


def run_map(options: argparse.Namespace) -> int:
    """Map a recording into a folder; return the exit code.

    0: done; 1: nothing usable; 2: an option is wrong; 3: done, with parts missing; 130: ended by
    Ctrl-C, to be gone on with by `--resume`.

    Raises:
        VggtRosError: The input, the weights or the folder cannot be used.
    """
    try:
        config, wanted, opened = config_of(options), wanted_of(options), _opened(options)
        if options.dry_run:
            sys.stdout.write(_found(opened))
            return EXIT_DONE
        target = options.out or free_name(_DEFAULT_PARENT, opened.name or 'map')
        show = _ShowProgress(as_json=options.progress == 'json')
        done = run_into_folder(opened, config, target, wanted, on_progress=show)
    except ConfigError as error:
        _log.error('error: %s', error)
        return EXIT_USAGE
    except KeyboardInterrupt:
        _log.info('\nended; the same command with --resume goes on from here')
        return EXIT_INTERRUPTED
    show.end()
    for line in summary_lines(done.record):
        _log.info('%s', line)
    if done.folder is None:
        _log.error('error: %s', _why_nothing(done.record))
        return EXIT_NOTHING
    for line in done.missing:
        _log.warning('missing: %s', line)
    _log.info('see %s', done.folder / 'report.html')
    return EXIT_PARTS if done.missing else EXIT_DONE


class _ShowProgress:
    """Shows how far a run is: a line that is written over, or lines of JSON."""

    def __init__(self, *, as_json: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._as_json = as_json
        self._clock = clock
        is_terminal = sys.stderr.isatty()
        self._period_s = 1.0 if as_json else 0.2 if is_terminal else 30.0
        self._ends = '' if is_terminal else '\n'
        self._shown_s = -float('inf') if as_json or is_terminal else clock()
        self._last: Progress | None = None
        self._is_last_shown = False

    def __call__(self, progress: Progress) -> None:
        self._last, self._is_last_shown = progress, False
        if self._clock() - self._shown_s >= self._period_s:
            self._show(progress)

    def end(self) -> None:
        """Show the last one, whenever that was."""
        if self._last is not None and not self._is_last_shown:
            self._show(self._last)
        if not self._as_json and not self._ends:
            sys.stderr.write('\n')

    def _show(self, progress: Progress) -> None:
        self._shown_s, self._is_last_shown = self._clock(), True
        if self._as_json:
            sys.stdout.write(progress.json() + '\n')
            sys.stdout.flush()
        else:
            begin = '' if self._ends else '\r\x1b[K'
            sys.stderr.write(f'{begin}{progress.line()}{self._ends}')
            sys.stderr.flush()


def config_of(options: argparse.Namespace) -> VggtConfig:
    """Return the settings that the options name.

    Raises:
        ConfigError: One is unknown or out of range.
    """
    values: dict[str, Any] = {
        'model.checkpoint': options.checkpoint,
        'model.device': options.device,
    }
    if options.refine != 'global':
        values['refine.mode'] = options.refine
    return with_words(with_values(VggtConfig(), values), options.settings)


def wanted_of(options: argparse.Namespace) -> RunOptions:
    """Return what the options want of a run.

    Raises:
        ConfigError: There is no such export.
    """
    return RunOptions(
        command=('vggt_ros', *options.words),
        exports=tuple(word for word in options.export.split(',') if word),
        depth=options.depth,
        uses_truth=options.truth,
        resume=options.resume,
        overwrite=options.overwrite,
        keep_cache=options.keep_cache,
        refine_globally=options.refine == 'global',
    )


def _opened(options: argparse.Namespace) -> Input:
    selection = Selection(
        start_s=options.start,
        stop_s=options.stop,
        every=options.every,
        fps=options.fps,
        max_frames=options.max_frames,
    )
    return open_input(
        options.path,
        layout=options.format,
        rate_hz=options.rate,
        selection=selection,
        topic=options.topic,
        camera=options.camera,
        calibration=options.calibration,
    )


def _found(opened: Input) -> str:
    """Return what an input is, in lines."""
    first = next(iter(opened), None)
    if first is None:
        raise SourceError(f'no frame of {opened.path} is left; take more of --start, --every')
    height, width = first.image.shape[:2]
    count = 'unknown' if opened.num_frames is None else str(opened.num_frames)
    lines = [
        f'{opened.path}: {opened.layout}',
        f'frames      {count}',
        f'size        {width} x {height}',
        f'first stamp {first.stamp_ns} ns',
        f'K           {_camera(first.K)}',
        f'truth       {_yes(first.world_from_cam)}',
        f'depth       {_yes(first.depth)}',
    ]
    if isinstance(opened.source, Dataset) and len(opened.source) > 1:
        steps_s = np.diff(opened.source.stamps_ns) / 1e9
        lines.append(
            f'steps       {np.median(steps_s):.4g} s (median), longest gap {steps_s.max():.4g} s'
        )
    return '\n'.join(lines) + '\n'


def _camera(K: np.ndarray | None) -> str:
    if K is None:
        return 'unknown: it is estimated'
    return f'fx {K[0, 0]:.2f} fy {K[1, 1]:.2f} cx {K[0, 2]:.2f} cy {K[1, 2]:.2f}'


def _yes(known: object) -> str:
    return 'no' if known is None else 'yes'


def _why_nothing(record: dict[str, Any]) -> str:
    dropped = ', '.join(f'{n} as {name}' for name, n in record['frames']['dropped'].items())
    return (
        f'{record["frames"]["read"]} frames gave no map (dropped: {dropped or "none"}); the '
        f'camera has to move between them: see docs/offline.md'
    )
