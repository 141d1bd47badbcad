"""`vggt_ros map`: a recording becomes a map, poses of every frame and a report."""

from __future__ import annotations

import argparse
from collections.abc import Callable
import json
import logging
from pathlib import Path
import sys
import time
from typing import Any

from vggt_ros.cli.sequence_options import add_sequence_options, opened
from vggt_ros.cli.setting_words import with_words
from vggt_ros.offline.folder_run import run_into_folder, RunOptions
from vggt_ros.offline.input_facts import fact_lines
from vggt_ros.offline.outputs import EXPORTS, summary_lines
from vggt_ros.offline.progress import Progress
from vggt_ros.offline.run_folder import free_name
from vggt_ros.offline.run_record import why_no_map
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.sequence import FrameSequence

EXIT_DONE, EXIT_NOTHING, EXIT_PARTS, EXIT_INTERRUPTED = 0, 1, 3, 130
REFINE_MODES = 'off', 'verify', 'poses', 'depth', 'global'
_DEFAULT_PARENT = Path('maps')
_log = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Add `map` to the subcommands of an argparse parser."""
    parser = commands.add_parser(
        'map', help='a recording to a map, poses of every frame and a report; no ROS needed'
    )
    add_sequence_options(parser)
    parser.add_argument(
        '--out', type=Path, metavar='DIR', help='new folder; maps/NAME of the input if left out'
    )
    add_network(parser)
    add_outputs(parser)
    parser.add_argument(
        '--resume', action='store_true', help='go on with a run that did not finish'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace --out if it is there')
    parser.add_argument('--dry-run', action='store_true', help='say what the input is, and end')
    parser.add_argument(
        '--progress',
        choices=('bar', 'json'),
        default='bar',
        help='json: a line for each second, and what --dry-run says',
    )
    parser.set_defaults(run=run_map)


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
        '--use-depth',
        action=argparse.BooleanOptionalAction,
        help='take meters from the depth of the input; if left out, from that of bags, while that '
        'of data sets is a truth to compare with',
    )
    parser.add_argument(
        '--use-gnss',
        action=argparse.BooleanOptionalAction,
        help='put the map where satellites say; if left out, those of bags, while those of data '
        'sets are a truth to compare with',
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

    0: done; 1: nothing usable; 3: done, with parts missing; 130: ended by Ctrl-C, to be gone on
    with by `--resume`.

    Raises:
        VggtRosError: The input, the weights or the folder cannot be used.
        ConfigError: An option is wrong.
    """
    try:
        config, wanted, sequence = config_of(options), wanted_of(options), opened(options)
        if options.dry_run:
            sys.stdout.write(_found(sequence, as_json=options.progress == 'json'))
            return EXIT_DONE
        target = options.out or free_name(_DEFAULT_PARENT, Path(sequence.name).stem or 'map')
        show = _ShowProgress(as_json=options.progress == 'json')
        done = run_into_folder(sequence, config, target, wanted, on_progress=show)
    except KeyboardInterrupt:
        _log.info('\nended; the same command with --resume goes on from here')
        return EXIT_INTERRUPTED
    show.end()
    for line in summary_lines(done.record):
        _log.info('%s', line)
    if done.folder is None:
        _log.error('error: %s: see docs/offline.md', why_no_map(done.record))
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
        uses_depth=options.use_depth,
        uses_gnss=options.use_gnss,
        resume=options.resume,
        overwrite=options.overwrite,
        keep_cache=options.keep_cache,
        refine_globally=options.refine == 'global',
    )


def _found(sequence: FrameSequence, *, as_json: bool) -> str:
    """Return what an input is, in lines."""
    facts = sequence.facts()
    if as_json:
        return json.dumps(facts) + '\n'
    assert sequence.path is not None, 'it was opened by its path'
    return '\n'.join(fact_lines(sequence.path, facts)) + '\n'
