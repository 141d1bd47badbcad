from pathlib import Path

import pytest

from tools.launch_arguments import launch_arguments, LaunchArgument

ROOT = Path(__file__).parents[2]


@pytest.fixture
def read(tmp_path):
    def read_source(source):
        path = tmp_path / 'x.launch.py'
        path.write_text(source)
        return launch_arguments(path)

    return read_source


def test_calls_and_what_is_passed_on_are_read_in_the_order_of_the_file(read):
    source = """
PASSED_ON = {'a': ('1', 'First.'), 'b': ('', 'Second.')}
argument('c', PathJoinSubstitution([SHARE, 'config', 'c.yaml']), 'Third.')
"""
    assert read(source) == [
        LaunchArgument('a', '1', 'First.'),
        LaunchArgument('b', '', 'Second.'),
        LaunchArgument('c', 'config/c.yaml', 'Third.'),
    ]


def test_an_argument_that_is_declared_otherwise_is_refused(read):
    with pytest.raises(ValueError, match=r'x\.launch\.py:1: declare it with argument'):
        read("DeclareLaunchArgument('hidden')")


@pytest.mark.parametrize(
    'path', sorted((ROOT / 'launch').glob('*.launch.py')), ids=lambda p: p.name
)
def test_every_argument_is_described_and_none_is_there_twice(path):
    arguments = launch_arguments(path)
    assert len({each.name for each in arguments}) == len(arguments) > 0
    assert all(each.description.endswith('.') for each in arguments)
