"""Where code may live and what it may import; see docs/architecture.md."""

import ast
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'vggt_ros'
MAX_LINES = 350

BASE = {'errors', 'settings'}
CORE = BASE | {'geometry', 'model', 'inference', 'mapping'}
# What a room may import from this package, itself apart.
ALLOWED = {
    'errors': set(),
    'settings': {'errors'},
    'geometry': BASE,
    'model': BASE | {'geometry'},
    'inference': BASE | {'geometry', 'model'},
    'mapping': BASE | {'geometry', 'model', 'inference'},
    'synthetic': BASE | {'geometry', 'inference'},
    'sources': BASE | {'geometry', 'synthetic'},
    'evaluation': BASE | {'geometry', 'inference', 'mapping', 'synthetic', 'sources'},
    'offline': BASE
    | {'geometry', 'inference', 'mapping', 'synthetic', 'sources', 'evaluation', 'version'},
    'viewer': BASE | {'geometry', 'mapping'},
    'middleware_profile': set(),
    'ros': CORE
    | {'synthetic', 'sources', 'evaluation', 'viewer', 'version', 'middleware_profile'},
    'cli': CORE
    | {'synthetic', 'sources', 'evaluation', 'offline', 'viewer', 'version', 'middleware_profile'},
}
# What a room within a room may import from its neighbors; '' are the files above them.
MAPPING = ('frontend', 'refinement', 'registration', 'backend', 'layers')
ALLOWED_WITHIN = {
    'mapping': {
        **{room: set(MAPPING[:i]) for i, room in enumerate(MAPPING)},
        'session': set(MAPPING),
        'export': {'frontend', 'layers', 'session'},
        '': {*MAPPING, 'session', 'export'},
    },
    'ros': {
        'middleware': set(),
        'input': {'middleware'},
        'output': {'middleware'},
        'tf': {'middleware'},
        '': {'middleware', 'input', 'output', 'tf'},
        'tools': {'middleware', 'input', 'output', 'tf', ''},
    },
}
ROS_PACKAGE = re.compile(
    r'rclpy|rcl_\w+|\w+_msgs(_py)?|\w+_interfaces|std_srvs|launch\w*|tf2_\w+|tf_transformations'
    r'|cv_bridge|image_transport|message_filters|ament_\w+|rosidl_\w+|rosbag2_\w+'
)
UNTESTED = {
    'errors': 'classes without behavior; what raises them tests them',
    'ros.middleware.node_context': 'names and types; every part of the node is made with one',
    'inference.backbone': 'protocols; what stands for a network tests that it fulfills them',
    'viewer.canvas': 'a protocol and what it is told; test_viser_canvas draws with it',
    'cli.__main__': 'one call of main; test_main starts it',
}

PUBLIC = PACKAGE / '__init__.py'
MODULES = sorted(path for path in PACKAGE.rglob('*.py'))


def dotted(path):
    """The name below the package: 'mapping.mapper', 'config', 'ros.__init__'."""
    return '.'.join(path.relative_to(PACKAGE).with_suffix('').parts)


def room(path):
    return dotted(path).partition('.')[0]


def imported(path):
    """All modules a file imports, also inside of functions, as full dotted names."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path.name} imports relative to itself'
            names |= {f'{node.module}.{alias.name}' for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith('import_module'):
            first = node.args[0]
            if path == PUBLIC:
                continue  # test_public_names sees what it imports
            assert isinstance(first, ast.Constant), f'{path.name} imports what no test can see'
            names.add(first.value)
    return names


every_module = pytest.mark.parametrize('path', MODULES, ids=dotted)


@every_module
def test_a_module_imports_only_from_the_rooms_below(path):
    if path == PUBLIC:
        return  # test_public_names: importing the package loads nothing
    own = room(path)
    for name in imported(path):
        words = name.split('.')
        if words[0] == 'vggt_ros':
            used = 'version' if words[1] == '__version__' else words[1]
            assert used == own or used in ALLOWED[own], f'{own} must not import {name}'


def inner_room(name):
    """The room within a room of a module's full dotted name; '' for the files above them."""
    words = name.split('.')
    rules = ALLOWED_WITHIN[words[1]]
    return words[2] if len(words) > 3 and words[2] in rules else ''


@pytest.mark.parametrize(
    'path', [path for path in MODULES if room(path) in ALLOWED_WITHIN], ids=dotted
)
def test_a_room_within_a_room_imports_only_from_those_before_it(path):
    outer = room(path)
    own = inner_room(f'vggt_ros.{dotted(path)}')
    for name in imported(path):
        if name.startswith(f'vggt_ros.{outer}.'):
            used = inner_room(name)
            assert used == own or used in ALLOWED_WITHIN[outer][own], (
                f'{outer}/{own} must not import {name}'
            )


def test_every_room_within_a_room_has_its_rule_and_says_what_it_may_import():
    for outer, rules in ALLOWED_WITHIN.items():
        folders = {path.parent.name for path in (PACKAGE / outer).glob('*/__init__.py')}
        assert folders == set(rules) - {''}
        for folder in folders:
            text = (PACKAGE / outer / folder / '__init__.py').read_text()
            assert 'Imports ' in text, f'{outer}/{folder}/__init__.py: what it may import'


@every_module
def test_only_the_ros_room_imports_ros(path):
    if room(path) != 'ros':
        found = {name for name in imported(path) if ROS_PACKAGE.fullmatch(name.split('.')[0])}
        assert not found, 'ROS stays in vggt_ros/ros'


@every_module
def test_every_module_has_its_test_file(path):
    name = dotted(path)
    if path == PUBLIC:
        assert (ROOT / 'test' / 'test_public_names.py').exists()
        return
    if path.stem == '__init__':
        tree = ast.parse(path.read_text())
        is_definition = (ast.FunctionDef, ast.ClassDef)
        assert not any(isinstance(n, is_definition) for n in tree.body), 'code belongs in modules'
        return
    test = ROOT / 'test' / path.relative_to(PACKAGE).with_name(f'test_{path.name}')
    assert test.exists() != (name in UNTESTED), (
        f'{test.relative_to(ROOT)}, or a reason in UNTESTED'
    )


def test_every_reason_to_have_no_test_is_about_a_module():
    assert set(UNTESTED) <= {dotted(path) for path in MODULES}


def test_every_room_has_its_rule():
    rooms = {room(path) for path in MODULES} - {'__init__'}
    assert rooms == set(ALLOWED)


def test_every_room_is_described():
    described = (ROOT / 'docs' / 'architecture.md').read_text()
    for path in PACKAGE.iterdir():
        if path.is_dir() and path.name != '__pycache__':
            assert f'| `{path.name}/` |' in described


TRAINING = sorted((ROOT / 'training').glob('*.py'))


@pytest.mark.parametrize('path', TRAINING, ids=lambda path: path.stem)
def test_the_training_is_tested_and_knows_no_ros(path):
    names = imported(path)
    assert not {name for name in names if ROS_PACKAGE.fullmatch(name.split('.')[0])}
    assert not {name for name in names if name.startswith(('vggt_ros.ros', 'vggt_ros.cli'))}
    test = ROOT / 'test' / 'training' / f'test_{path.name}'
    assert test.exists() or path.stem == '__init__', f'{test.relative_to(ROOT)}'


@pytest.mark.parametrize('path', MODULES, ids=dotted)
def test_the_package_does_not_need_the_training(path):
    assert not {name for name in imported(path) if name.split('.')[0] == 'training'}


OURS = [
    *MODULES,
    *TRAINING,
    *(p for p in (ROOT / 'tools').rglob('*.py') if 'build' not in p.parts),
]


def test_a_file_is_read_in_one_go():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in OURS
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert not long, f'at most {MAX_LINES} lines'


def test_a_file_is_named_by_what_it_holds():
    assert not {p.stem for p in OURS} & {'utils', 'util', 'helpers', 'helper', 'common', 'misc'}


def test_ros_package_names_are_recognized():
    for name in ('rclpy', 'sensor_msgs', 'sensor_msgs_py', 'rcl_interfaces', 'tf2_ros', 'launch'):
        assert ROS_PACKAGE.fullmatch(name)
    for name in ('numpy', 'torch', 'cv2', 'vggt_ros', 'huggingface_hub'):
        assert not ROS_PACKAGE.fullmatch(name)
