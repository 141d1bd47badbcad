"""`vggt_ros merge`: saved maps of several sessions become one, by the places in common."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
import sys
from typing import Any

from vggt_ros.errors import SessionError
from vggt_ros.mapping.session.session_folder import read_session
from vggt_ros.mapping.session.session_merge import merge_sessions
from vggt_ros.offline.run_folder import RunFolder
from vggt_ros.offline.session_files import write_session_files
from vggt_ros.settings.config import VggtConfig

_log = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Add `merge` to the subcommands of an argparse parser."""
    parser = commands.add_parser(
        'merge', help='saved maps of several sessions to one, by the places they have in common'
    )
    parser.add_argument(
        'maps', nargs='+', type=Path, metavar='MAP', help='folders of saved maps, two or more'
    )
    parser.add_argument(
        '-o', '--out', type=Path, required=True, metavar='DIR', help='of the one map; new'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace a map that is there')
    parser.set_defaults(run=run_command)


def run_command(options: argparse.Namespace) -> int:
    """Merge the maps in their order; return the exit code.

    Raises:
        SessionError: A map cannot be read, there are fewer than two, or one has no place in common
            with those before it: nothing is written then.
        ConfigError: `--out` is there already.
        SaveError: It cannot be written.
    """
    if len(options.maps) < 2:
        raise SessionError(f'{len(options.maps)} map was given; merge takes two or more')
    settings = VggtConfig().map
    merged = read_session(options.maps[0])
    for path in options.maps[1:]:
        found = merge_sessions(merged, read_session(path), settings)
        merged = found.session
        _log.info(
            '%s: %d places in common%s',
            path,
            found.num_common,
            '; it is in meters, so the others were brought to it' if found.is_swapped else '',
        )
    folder = RunFolder(options.out, overwrite=options.overwrite)
    try:
        write_session_files(folder.path, merged)
        target = folder.publish()
    except BaseException:
        folder.discard()
        raise
    sys.stdout.write(
        f'{target}: {len(merged.submaps)} submaps, {len(merged.keyframes)} places, '
        f'{len(merged.voxels.hits)} points\n'
    )
    return 0
