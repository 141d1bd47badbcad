from pathlib import Path

import pytest
import yaml

from tools.parameter_docs import (
    parameters_table,
    parameters_yaml,
    TABLE_PATH,
    write,
    YAML_PATH,
)
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import iterate_parameters, with_values

ROOT = Path(__file__).parents[2]


def flat(tree, prefix=''):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value


def test_the_yaml_file_is_generated_from_the_settings():
    assert (ROOT / YAML_PATH).read_text() == parameters_yaml(), 'run `make docs`'


def test_the_table_is_generated_from_the_settings():
    assert (ROOT / TABLE_PATH).read_text() == parameters_table(), 'run `make docs`'


def test_the_yaml_file_holds_every_default_with_its_type():
    read = dict(flat(yaml.safe_load(parameters_yaml())['/**']['ros__parameters']))
    defaults = {name: value for name, value, _ in iterate_parameters(VggtConfig())}
    assert read == defaults
    assert {name: type(value) for name, value in read.items()} == {
        name: type(value) for name, value in defaults.items()
    }
    assert with_values(VggtConfig(), read) == VggtConfig()


@pytest.mark.parametrize('name', [name for name, _, _ in iterate_parameters(VggtConfig())])
def test_the_table_has_one_row_for_every_setting(name):
    assert parameters_table().count(f'| `{name}` |') == 1


def test_the_table_lists_the_settings_of_the_player():
    _, player = parameters_table().split('## camera_player')
    assert '| `loop` | false | true, false |' in player


def test_the_table_tells_range_unit_and_whether_it_can_change():
    (row,) = [
        line for line in parameters_table().splitlines() if '`keyframe.min_parallax`' in line
    ]
    assert row.split(' | ')[1:5] == ['8.0', '0.0..100.0', 'px', 'yes']


def test_write_writes_both_files(tmp_path):
    write(tmp_path)
    assert (tmp_path / YAML_PATH).read_text() == parameters_yaml()
    assert (tmp_path / TABLE_PATH).read_text() == parameters_table()
