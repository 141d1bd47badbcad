"""`vggt_ros benchmark`: many recordings and variants of the settings become one table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import logging
from pathlib import Path
import sys
from typing import Any

from vggt_ros.offline.benchmark_list import BenchmarkRun, read_benchmark_list
from vggt_ros.offline.benchmark_runs import run_benchmark
from vggt_ros.offline.benchmark_table import BenchmarkRow, markdown_of, write_table
from vggt_ros.offline.published_number import PublishedNumber
from vggt_ros.offline.run_folder import save_error
from vggt_ros.offline.run_record import versions
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values

EXIT_DONE, EXIT_NOTHING, EXIT_PARTS, EXIT_INTERRUPTED = 0, 1, 3, 130
_log = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Add `benchmark` to the subcommands of an argparse parser."""
    parser = commands.add_parser(
        'benchmark', help='many recordings, with variants of settings, to one table of errors'
    )
    parser.add_argument('list', type=Path, metavar='LIST.yaml', help='see docs/offline.md')
    parser.add_argument(
        '--out', type=Path, metavar='DIR', help='of tables and runs; maps/NAME of the list'
    )
    parser.add_argument(
        '--checkpoint', default='nano', metavar='ID', help='where the list names none'
    )
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument(
        '--resume', action='store_true', help='run only what is not finished with these settings'
    )
    parser.add_argument('--overwrite', action='store_true', help='run what is there anew')
    parser.set_defaults(run=run_list)


def run_list(options: argparse.Namespace) -> int:
    """Run a list; return the exit code.

    0: all runs are done; 1: none gave a map; 3: some failed; 130: ended by Ctrl-C, to be gone on
    with by `--resume`.

    Raises:
        ConfigError: The list or an option is wrong.
        SaveError: The tables cannot be written.
    """
    values = {'model.checkpoint': options.checkpoint, 'model.device': options.device}
    runs = read_benchmark_list(options.list, with_values(VggtConfig(), values))
    folder = options.out or Path('maps') / options.list.stem
    command = ('vggt_ros', *options.words)
    about = {'command': command, 'versions': versions()}
    published = _comparable(runs)
    rows: list[BenchmarkRow] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for row in run_benchmark(
            runs,
            folder,
            command=command,
            resume=options.resume,
            overwrite=options.overwrite,
        ):
            rows.append(row)
            _log.info('%d of %d: %s %s', len(rows), len(runs), row.name, row.failure or 'done')
            write_table(folder, rows, about, published)
    except OSError as error:
        raise save_error(folder, error) from error
    except KeyboardInterrupt:
        _log.info('ended; the same command with --resume goes on from here')
        return EXIT_INTERRUPTED
    sys.stdout.write(markdown_of(rows, published))
    _log.info('see %s', folder / 'table.md')
    if not any(row.num_keyframes for row in rows):
        return EXIT_NOTHING
    return EXIT_PARTS if any(row.failure for row in rows) else EXIT_DONE


def _comparable(runs: Sequence[BenchmarkRun]) -> dict[str, list[PublishedNumber]]:
    """Return what others report under the protocol of the runs; of the rest say why not."""
    found: dict[str, list[PublishedNumber]] = {}
    for run in {run.name: run for run in runs}.values():
        for number in run.published:
            why = number.why_not(run.opening)
            if why:
                _log.info('%s of %s is not shown: %s', number.name, run.name, why)
            else:
                found.setdefault(run.name, []).append(number)
    return found
