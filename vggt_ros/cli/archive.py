"""`vggt_ros archive`: many recordings become maps, on one machine or many; resumable."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
import logging
from pathlib import Path
import signal
from typing import Any

from vggt_ros.cli import map_sequence
from vggt_ros.cli.map_sequence import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_NOTHING,
    EXIT_PARTS,
)
from vggt_ros.cli.sequence_options import add_selection
from vggt_ros.errors import ConfigError
from vggt_ros.offline.archive.archive_run import ArchiveReport, run_archive
from vggt_ros.offline.archive.executor import Executor, InProcess
from vggt_ros.offline.archive.join_work import JoinWork
from vggt_ros.offline.archive.listing import listed_paths
from vggt_ros.offline.archive.manifest import Manifest
from vggt_ros.offline.archive.map_work import MapWork
from vggt_ros.offline.archive.process_pool import ProcessPool, threads_each
from vggt_ros.offline.archive.ray_pool import RayPool
from vggt_ros.offline.archive.shard_plan import shard_plan, usual_overlap
from vggt_ros.offline.outputs import check_exports
from vggt_ros.sources.detection import KINDS

_log = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Add `archive` to the subcommands of an argparse parser."""
    parser = commands.add_parser(
        'archive', help='many recordings to maps, as `map` does each; goes on where it was'
    )
    parser.add_argument(
        'path',
        type=Path,
        metavar='LIST',
        help='file with one path a line, or folder of recordings',
    )
    parser.add_argument(
        '--out', type=Path, metavar='DIR', required=True, help='of a folder for each recording'
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument('--jobs', type=int, metavar='N', help='so many processes of this machine')
    where.add_argument('--ray', metavar='ADDRESS', help='a Ray cluster: HOST:PORT, auto, or local')
    parser.add_argument(
        '--gpus-per-job', type=float, default=0.0, metavar='X', help='of the Ray cluster, e.g. 0.5'
    )
    parser.add_argument(
        '--cpus-per-job', type=int, default=1, metavar='N', help='of the Ray cluster'
    )
    parser.add_argument(
        '--attempts', type=int, default=3, metavar='N', help='before a recording counts as failed'
    )
    parser.add_argument(
        '--retry-failed', action='store_true', help='begin anew with those that failed'
    )
    parser.add_argument(
        '--shard-frames',
        type=int,
        metavar='N',
        help='cut recordings into shards of about N frames, which are joined in the end',
    )
    parser.add_argument(
        '--shard-overlap',
        type=int,
        metavar='N',
        help='frames that two shards share; 10 for each keyframe of a window if left out',
    )
    parser.add_argument('--dry-run', action='store_true', help='say what would be done, and end')
    parser.add_argument('--format', choices=KINDS, help='of the recordings; told by their files')
    parser.add_argument('--calibration', type=Path, metavar='FILE', help='of their camera')
    add_selection(parser)
    map_sequence.add_network(parser)
    map_sequence.add_outputs(parser)
    parser.set_defaults(run=run_command, resume=True, overwrite=False)


def run_command(options: argparse.Namespace) -> int:
    """Map all recordings; return the exit code.

    0: all done; 1: nothing done; 3: parts are missing; 130: ended by Ctrl-C or SIGTERM, the same
    command goes on.

    Raises:
        VggtRosError: The list or the folder cannot be used.
        ConfigError: An option is wrong.
    """
    try:
        with _term_as_interrupt():
            return _run(options)
    except KeyboardInterrupt:
        _log.info('\nended; the same command goes on from here')
        return EXIT_INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    out = options.out.expanduser().absolute()
    _check_place(options.path, out)
    wanted = map_sequence.wanted_of(options)
    check_exports(wanted.exports)
    executor = _executor(options)
    config = map_sequence.config_of(options)
    opening = _opening(options)
    work = MapWork(config, wanted, out, opening=opening, num_threads=_num_threads(options))
    overlap = options.shard_overlap
    plan = shard_plan(
        listed_paths(options.path),
        work.settings(),
        opening,
        shard_frames=options.shard_frames,
        overlap_frames=usual_overlap(config) if overlap is None else overlap,
    )
    if options.dry_run:
        for job in plan.jobs:
            _log.info('%s %s', 'done' if work.is_done(job) else 'to do', out / job.folder)
        for job in plan.joins:
            _log.info('to be joined %s', out / job.folder)
        return EXIT_DONE
    manifest = Manifest(out)
    run = partial(
        run_archive,
        manifest=manifest,
        max_attempts=options.attempts,
        retry_failed=options.retry_failed,
    )
    try:
        report = run(plan.jobs, work, executor, is_done=work.is_done)
        if plan.joins:
            join = JoinWork(
                config,
                wanted,
                out,
                plan.joins,
                lambda job: manifest.of(job).error,
                opening=opening,
            )
            report = report.with_others(
                run(tuple(plan.joins), join, InProcess(), is_done=join.is_done)
            )
    finally:
        manifest.close()
    for line in report.lines():
        _log.info('%s', line)
    return _exit_code(report)


def _exit_code(report: ArchiveReport) -> int:
    if report.is_whole:
        return EXIT_DONE
    return EXIT_PARTS if report.num_done else EXIT_NOTHING


def _executor(options: argparse.Namespace) -> Executor:
    if options.ray is not None:
        return RayPool(
            options.ray, gpus_per_job=options.gpus_per_job, cpus_per_job=options.cpus_per_job
        )
    return InProcess() if options.jobs is None else ProcessPool(options.jobs)


def _num_threads(options: argparse.Namespace) -> int | None:
    if options.ray is not None:
        return max(1, options.cpus_per_job)
    return None if options.jobs is None else threads_each(options.jobs)


def _opening(options: argparse.Namespace) -> dict[str, Any]:
    calibration = options.calibration
    return {
        'layout': options.format,
        'rate_hz': options.rate,
        'calibration': None if calibration is None else calibration.expanduser().absolute(),
        'start_s': options.start,
        'stop_s': options.stop,
        'every': options.every,
        'fps': options.fps,
        'max_frames': options.max_frames,
    }


def _check_place(given: Path, out: Path) -> None:
    folder = given.expanduser().resolve()
    if folder.is_dir() and folder in (out.resolve(), *out.resolve().parents):
        raise ConfigError(
            f'--out {out} is in {given}, whose children are taken for recordings; choose a folder '
            f'beside it'
        )


@contextmanager
def _term_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end as Ctrl-C does: it is what schedulers of clusters send."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
