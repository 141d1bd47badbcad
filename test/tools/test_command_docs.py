from pathlib import Path

from tools.command_docs import commands_page, COMMANDS_PATH, write
from tools.launch_arguments import launch_arguments
from vggt_ros.cli.main import argument_parser

ROOT = Path(__file__).parents[2]
PAGE = commands_page(ROOT)


def test_the_page_in_the_repository_is_the_one_that_is_made():
    assert (ROOT / COMMANDS_PATH).read_text() == PAGE, 'run `make docs`'


def test_every_command_and_every_launch_file_has_its_section():
    commands = argument_parser()._subparsers._group_actions[0].choices
    assert all(f'\n## vggt_ros {name}\n' in PAGE for name in commands)
    assert '\n## vggt_ros evaluate model\n' in PAGE
    for path in (ROOT / 'launch').glob('*.launch.py'):
        assert f'\n## ros2 launch vggt_ros {path.name}\n' in PAGE


def test_an_option_has_its_words_its_default_and_its_help():
    section = PAGE.split('\n## vggt_ros map\n')[1].split('\n## ')[0]
    assert '| `--every N` | `1` | take each n-th frame |' in section
    assert '| `--truth, --no-truth` |' in section
    assert '| `PATH` |  | images, a video, a bag or a data set |' in section


def test_a_launch_argument_has_its_default_and_its_description():
    section = PAGE.split('vggt.launch.py\n')[1].split('\n## ')[0]
    for argument in launch_arguments(ROOT / 'launch' / 'vggt.launch.py'):
        assert f'| `{argument.name}` |' in section
    assert '| `image_topic` | `/camera/image_raw` |' in section
    assert '| `params_file` | `config/vggt.yaml` |' in section


def test_write_writes_the_page(tmp_path):
    (tmp_path / 'docs').mkdir()
    write(tmp_path)
    assert '## vggt_ros doctor' in (tmp_path / COMMANDS_PATH).read_text()
