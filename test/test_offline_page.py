"""docs/offline.md: every command in it is one that the program takes."""

import argparse
from pathlib import Path
import re
import shlex

import pytest

from vggt_ros.cli import benchmark, map_sequence
from vggt_ros.offline.benchmark_list import read_benchmark_list
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
    assert isinstance(map_sequence.config_of(options), VggtConfig)
    assert isinstance(map_sequence.wanted_of(options), RunOptions)


def test_the_list_of_the_page_is_one_that_the_program_takes(tmp_path):
    pytest.importorskip('yaml')
    (text,) = re.findall(r'```yaml\n(.*?)```', PAGE, re.DOTALL)
    (tmp_path / 'rooms.yaml').write_text(text)
    runs = read_benchmark_list(tmp_path / 'rooms.yaml', VggtConfig())
    assert [run.folder for run in runs] == [
        'kitchen100-images',
        'kitchen100-network',
        *(f'drive-images-seed{seed}' for seed in range(3)),
        *(f'drive-network-seed{seed}' for seed in range(3)),
    ]
    assert runs[1].config.refine.mode == 'off'
    (number,) = runs[2].published
    assert number.why_not(runs[2].opening) == ''
    (command,) = re.findall(r'^    (vggt_ros benchmark .*)$', PAGE, re.MULTILINE)
    parser = argparse.ArgumentParser()
    benchmark.add_parser(parser.add_subparsers(required=True))
    assert parser.parse_args(shlex.split(command)[1:]).list == Path('rooms.yaml')


def test_the_page_names_every_option_but_a_few():
    map_parser = parser_of()._subparsers._group_actions[0].choices['map']
    options = {word for action in map_parser._actions for word in action.option_strings}
    missing = {word for word in options if word.startswith('--') and word not in PAGE}
    assert missing == {'--help', '--device'}
