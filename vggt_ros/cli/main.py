"""The command `vggt_ros`: argument parsing and exit codes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import logging
import sys

from vggt_ros import __version__
from vggt_ros.cli import (
    archive,
    benchmark,
    demo,
    doctor,
    evaluate,
    map_sequence,
    merge,
    view,
)
from vggt_ros.errors import ConfigError, VggtRosError

EXIT_FAILED, EXIT_USAGE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 2 if an option is wrong, else 1 for an error.

    Args:
        arguments: Words after the command's name; None takes them from the process.
    """
    logging.basicConfig(level=logging.INFO, format='%(message)s', stream=sys.stderr)
    options = argument_parser().parse_args(arguments)
    options.words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return options.run(options)
    except ConfigError as error:
        logging.getLogger(__name__).error('error: %s', error)  # noqa: TRY400
        return EXIT_USAGE
    except VggtRosError as error:
        # Ours: the message says what to change, and a traceback would bury it.
        logging.getLogger(__name__).error('error: %s', error)  # noqa: TRY400
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_FAILED


def argument_parser() -> argparse.ArgumentParser:
    """Return what the command line takes; docs/commands.md is generated from it."""
    parser = argparse.ArgumentParser(
        prog='vggt_ros', description='Dense maps, camera poses and tracks from plain cameras.'
    )
    parser.add_argument('--version', action='version', version=f'vggt_ros {__version__}')
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    demo.add_parser(commands)
    map_sequence.add_parser(commands)
    archive.add_parser(commands)
    merge.add_parser(commands)
    benchmark.add_parser(commands)
    evaluate.add_parser(commands)
    doctor.add_parser(commands)
    view.add_parser(commands)
    return parser


if __name__ == '__main__':
    sys.exit(main())
