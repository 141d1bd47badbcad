"""What a page shows to be copied is what the programs, launch files and settings take."""

import ast
import itertools
from pathlib import Path
import re
import shlex

import pytest

from tools.launch_arguments import launch_arguments
from tools.page_snippets import commands, pages, snippets
import vggt_ros
from vggt_ros.cli.main import argument_parser
from vggt_ros.ros.tools.player_config import PlayerConfig
from vggt_ros.ros.tools.viewer_config import ViewerConfig
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import iterate_parameters, with_values

yaml = pytest.importorskip('yaml')
ROOT = Path(__file__).parents[2]
PAGES = pages(ROOT)
COMMANDS = sorted({(page.name, command) for page in PAGES for command in commands(page)})
PARAMETERS = {name: (value, about) for name, value, about in iterate_parameters(VggtConfig())}
GROUPS = {name.partition('.')[0] for name in PARAMETERS if '.' in name}
SETUP = (ROOT / 'setup.py').read_text()
EXECUTABLES = set(re.findall(r"'(\w+) = vggt_ros", SETUP))
MAKE_TARGETS = set(re.findall(r'^(\w+):', (ROOT / 'Makefile').read_text(), re.MULTILINE))
FILE = re.compile(r'\.(py|md|txt|yaml|ply|pcd|json|png|npz|jsonl|safetensors)$')
# Keys of /diagnostics that begin like a group of settings.
KEY = re.compile(r'loop\.(queries|verified|confirmed|refused\.\w+)|input\.<.*|model\.\w+')
# It has keys of run.json that do.
OFFLINE = 'offline.md'


def of(start):
    found = [
        pytest.param(command, id=f'{page}: {command}'[:90])
        for page, command in COMMANDS
        if command.startswith(start)
    ]
    assert found, f'no page has a line that begins with {start}'
    return pytest.mark.parametrize('command', found)


def value_of(text, like):
    return type(like)(yaml.safe_load(text)) if not isinstance(like, str) else text


@of('ros2 launch vggt_ros ')
def test_a_launch_line_has_a_file_and_arguments_that_it_takes(command):
    _, _, _, name, *words = shlex.split(command)
    known = {each.name: each for each in launch_arguments(ROOT / 'launch' / name)}
    for word in words:
        key, sign, value = word.partition(':=')
        assert sign, f'{word} is no argument'
        assert key in known, f'{name} takes no {key}'
        if key == 'tf_mode':
            with_values(VggtConfig(), {'tf.mode': value})


@of('vggt_ros ')
def test_a_command_is_one_that_the_program_takes(command):
    argument_parser().parse_args(shlex.split(command.replace('[', '').replace(']', ''))[1:])


@of('ros2 run vggt_ros ')
def test_a_program_is_one_of_the_package_with_parameters_that_it_has(command):
    _, _, _, name, *words = shlex.split(command)
    assert name in EXECUTABLES
    if name == 'vggt_ros':
        argument_parser().parse_args(words)
    given = [after for word, after in itertools.pairwise(words) if word == '-p']
    if given:
        own = {'camera_player': PlayerConfig, 'viewer': ViewerConfig}
        config = own.get(name, VggtConfig)()
        defaults = {each: value for each, value, _ in iterate_parameters(config)}
        pairs = [each.split(':=') for each in given]
        with_values(config, {key: value_of(value, defaults[key]) for key, value in pairs})


@of('ros2 param set /vggt ')
def test_a_parameter_that_is_set_can_be_changed_to_that(command):
    name, text = shlex.split(command)[4:]
    default, about = PARAMETERS[name]
    assert not about.read_only, f'{name} is taken at the start'
    with_values(VggtConfig(), {name: value_of(text, default)})


@of('ros2 service call /vggt/')
def test_a_service_is_one_of_the_node(command):
    name, kind = shlex.split(command)[3:5]
    source = (ROOT / 'vggt_ros' / 'ros' / 'services.py').read_text()
    service = name.removeprefix('/vggt/')
    assert f"'{service}'" in source or f"'~/{service}'" in source
    assert kind.split('/')[-1] in source


@of('make ')
def test_a_target_is_one_of_the_makefile(command):
    assert shlex.split(command)[1] in MAKE_TARGETS


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_yaml_and_python_of_a_page_are_what_is_taken(page):
    for snippet in snippets(page):
        if snippet.kind == 'yaml':
            tree = yaml.safe_load(snippet.text)
            for node in tree.values() if '/**' in tree else ():
                with_values(VggtConfig(), dict(flat(node['ros__parameters'])))
        if snippet.kind == 'python':
            for node in ast.walk(ast.parse(snippet.text)):
                if isinstance(node, ast.ImportFrom) and node.module == 'vggt_ros':
                    assert {alias.name for alias in node.names} <= set(vggt_ros.__all__)


def flat(tree, prefix=''):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value


@pytest.mark.parametrize(
    'page', [page for page in PAGES if page.name != OFFLINE], ids=lambda page: page.name
)
def test_a_setting_that_a_page_names_exists(page):
    text = re.sub(r'```.*?```', '', page.read_text(), flags=re.DOTALL)
    for name in re.findall(r'`([a-z_]+(?:\.[a-z_]+)+)(?:: [^`]*)?`', text):
        if name.partition('.')[0] in GROUPS and not FILE.search(name):
            is_group = any(each.startswith(f'{name}.') for each in PARAMETERS)
            assert name in PARAMETERS or is_group or KEY.fullmatch(name), name


def test_what_tuning_looks_at_is_on_diagnostics():
    source = (ROOT / 'vggt_ros' / 'ros' / 'diagnostics.py').read_text()
    drops = ''.join(
        path.read_text() for path in (ROOT / 'vggt_ros' / 'ros' / 'input').glob('*.py')
    )
    page = (ROOT / 'docs' / 'tuning.md').read_text()
    rows = re.findall(r'^\| [^|*]+ \| ([^|]*) \| [^|]+ \|$', page, re.MULTILINE)
    keys = {key for row in rows for key in re.findall(r'`([\w.<>*]+)`', row)}
    assert len(keys) > 15
    for key in keys:
        last = key.rpartition('.')[2].strip('*')
        if key.startswith('dropped.'):
            assert f"'{last}'" in drops, key
        elif re.fullmatch(r'rate_\w+_hz', key):
            assert f"'{key.split('_')[1]}'" in source
        elif last and key not in ('not_verified', 'late', 'lost', 'problem_0'):
            assert re.search(rf"['.{{}}]{last}['.]", source), key
