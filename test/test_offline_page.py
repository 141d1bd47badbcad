"""docs/offline.md: every command in it is one that the program takes."""

import argparse
from pathlib import Path
import re
import shlex

import pytest

from vggt_ros.cli import map_sequence
from vggt_ros.offline.folder_run import RunOptions
from vggt_ros.settings.config import VggtConfig

PAGE = (Path(__file__).parents[1] / 'docs' / 'offline.md').read_text()
COMMANDS = sorted(
    {
        *re.findall(r'^    (vggt_ros map .*)$', PAGE, re.MULTILINE),
        *re.findall(r'`(vggt_ros map [^`]*)`', PAGE),
    }
)


def parser_of():
    parser = argparse.ArgumentParser()
    map_sequence.add_parser(parser.add_subparsers(required=True))
    return parser


def test_the_page_has_commands():
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize('command', COMMANDS)
def test_a_command_is_one_that_the_program_takes(command):
    options = parser_of().parse_args(shlex.split(command)[1:])
    options.words = ()
    assert isinstance(map_sequence._config(options), VggtConfig)
    assert isinstance(map_sequence._wanted(options), RunOptions)


def test_the_page_names_every_option_but_a_few():
    map_parser = parser_of()._subparsers._group_actions[0].choices['map']
    options = {word for action in map_parser._actions for word in action.option_strings}
    missing = {word for word in options if word.startswith('--') and word not in PAGE}
    assert missing == {'--help', '--device'}
