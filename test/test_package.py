import ast
import importlib.util
from pathlib import Path
import re
import sys
from xml.etree import ElementTree

import pytest
import setuptools
import yaml

import vggt_ros

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / 'tools' / 'no_ros' / 'environment'
# What the ROS code may import without an entry in package.xml: rosdep has no key for these, pip
# installs them (see README.md).
FROM_PIP = {'jaxtyping', 'torch'}
DEPENDENCY_OF = {
    'cv2': 'python3-opencv',
    'matplotlib': 'python3-matplotlib',
    'numpy': 'python3-numpy',
    'PIL': 'python3-pil',
    'tqdm': 'python3-tqdm',
}

REQUIREMENT_OF = {'cv2': 'opencv', 'PIL': 'pillow', 'yaml': 'pyyaml'}
# Folders beside vggt_ros that tests import, and modules beside the test that does.
OF_THE_PROJECT = re.compile('test|tools|training|benchmarks|vggt_ros|golden_.*')
FROM_ROS = re.compile(
    r'rclpy|\w+_msgs(_py)?|\w+_interfaces|std_srvs|launch|tf2_ros|tf_transformations|cv_bridge'
    r'|rosidl_\w+'
)


@pytest.fixture(scope='module')
def manifest():
    return ElementTree.parse(ROOT / 'package.xml').getroot()


@pytest.fixture(scope='module')
def metadata():
    """What setup.py tells setuptools."""
    given = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(setuptools, 'setup', lambda **options: given.update(options))
        specification = importlib.util.spec_from_file_location('the_setup', ROOT / 'setup.py')
        specification.loader.exec_module(importlib.util.module_from_spec(specification))
    return given


def imported_names(path):
    """Yield the first words of everything a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition('.')[0]


def test_the_version_is_the_same_everywhere(manifest, metadata):
    assert re.fullmatch(r'\d+\.\d+\.\d+', vggt_ros.__version__)
    assert manifest.findtext('version') == vggt_ros.__version__
    assert metadata['version'] == vggt_ros.__version__


def test_who_cites_it_names_this_version_and_license(metadata):
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == metadata['version']
    assert citation['license'] == metadata['license']
    assert citation['title'] == metadata['name']
    changelog = (ROOT / 'CHANGELOG.rst').read_text()
    assert f'{citation["version"]} ({citation["date-released"]})' in changelog


def test_the_holder_of_the_rights_is_the_same_everywhere(metadata):
    holder = metadata['maintainer']
    assert re.search(rf'Copyright \d{{4}} {holder}\n', (ROOT / 'LICENSE').read_text())
    assert f'{holder}"\n' in (ROOT / 'REUSE.toml').read_text()
    assert f'- name: {holder}\n' in (ROOT / 'CITATION.cff').read_text()
    # What REUSE.toml names has its text where tools look for it.
    text = ROOT / 'LICENSES' / f'{metadata["license"]}.txt'
    assert text.read_text() == (ROOT / 'LICENSE').read_text()


def test_name_description_and_license_are_the_same_in_both_files(manifest, metadata):
    assert manifest.findtext('name') == metadata['name']
    assert manifest.findtext('description').rstrip('.') == metadata['description']
    assert manifest.findtext('license') == metadata['license']
    assert manifest.findtext('maintainer') == metadata['maintainer']
    assert (ROOT / manifest.find('license').get('file')).exists()


@pytest.mark.parametrize('folder', ['vggt_ros/ros', 'launch'])
def test_everything_that_is_imported_is_a_dependency(manifest, folder):
    dependencies = {entry.text for entry in manifest.iter('exec_depend')}
    files = sorted((ROOT / folder).rglob('*.py'))
    assert files
    for path in files:
        for name in set(imported_names(path)) - set(sys.stdlib_module_names) - FROM_PIP:
            if name != 'vggt_ros':
                needed = DEPENDENCY_OF.get(name, name)
                assert needed in dependencies, f'{path.relative_to(ROOT)} imports {name}'


def test_no_dependency_is_listed_twice(manifest):
    names = [entry.text for entry in manifest.iter('exec_depend')]
    assert len(set(names)) == len(names)


def test_colcon_builds_it_as_a_python_package(manifest):
    assert manifest.findtext('export/build_type') == 'ament_python'
    assert (ROOT / 'tools' / 'no_ros' / 'ros_wheels' / 'COLCON_IGNORE').exists()


def test_every_executable_has_its_function(metadata):
    for script in metadata['entry_points']['console_scripts']:
        module, function = re.fullmatch(r'\w+ = ([\w.]+):(\w+)', script).groups()
        path = ROOT / (module.replace('.', '/') + '.py')
        assert path.exists(), f'{script}: there is no {path.name}'
        functions = {
            node.name for node in ast.parse(path.read_text()).body if hasattr(node, 'name')
        }
        assert function in functions, f'{script}: {path.name} has no such function'


def test_launch_files_start_executables_that_exist(metadata):
    scripts = {script.partition(' ')[0] for script in metadata['entry_points']['console_scripts']}
    for path in (ROOT / 'launch').glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'Node':
                words = {word.arg: getattr(word.value, 'value', None) for word in node.keywords}
                if words.get('package') == 'vggt_ros':
                    assert words['executable'] in scripts, path.name


def test_ros_finds_the_executables_where_it_looks_for_them():
    lines = (ROOT / 'setup.cfg').read_text().splitlines()
    assert 'script_dir=$base/lib/vggt_ros' in lines
    assert 'install_scripts=$base/lib/vggt_ros' in lines


def test_every_shared_file_exists_and_none_is_forgotten(metadata):
    shared = dict(metadata['data_files'])
    for folder, files in shared.items():
        assert files, f'{folder} is empty'
        assert all((ROOT / file).is_file() for file in files)
    assert shared['share/ament_index/resource_index/packages'] == ['resource/vggt_ros']
    assert shared['share/vggt_ros'] == ['package.xml']
    for folder in ('launch', 'config'):
        there = {str(p.relative_to(ROOT)) for p in (ROOT / folder).iterdir() if p.is_file()}
        assert set(shared[f'share/vggt_ros/{folder}']) == there


def test_every_folder_of_modules_is_installed(metadata):
    folders = {path.parent for path in (ROOT / 'vggt_ros').rglob('*.py')}
    there = {'.'.join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(metadata['packages']) == there


def test_package_data_exists(metadata):
    for pattern in metadata['package_data']['vggt_ros']:
        assert list((ROOT / 'vggt_ros').glob(pattern)), f'nothing matches {pattern}'


def test_what_pip_installs_is_what_the_environment_installs(metadata):
    listed = set((ENVIRONMENT / 'requirements.txt').read_text().split())
    needed = {re.match(r'\w+', line).group() for line in metadata['install_requires']}
    # torch is chosen by torch_choice.py; the others come with a distribution or the wheels.
    assert needed - {'torch', 'numpy', 'opencv', 'scipy'} <= listed


def optional_lines(metadata):
    extras = metadata['extras_require']
    return extras['offline'] + extras['ray'] + extras['mesh'] + extras['view']


def test_what_the_core_imports_is_what_pip_installs(metadata):
    lines = metadata['install_requires'] + optional_lines(metadata)
    needed = {re.match(r'\w+', line).group() for line in lines}
    files = [
        path
        for path in (ROOT / 'vggt_ros').rglob('*.py')
        if path.relative_to(ROOT / 'vggt_ros').parts[0] not in ('ros', 'cli')
    ]
    known = set(sys.stdlib_module_names) | {'vggt_ros'}
    imported = {name for path in files for name in imported_names(path)} - known
    assert {REQUIREMENT_OF.get(name, name) for name in imported} <= needed


def test_what_only_an_extra_brings_is_imported_where_it_is_used(metadata):
    optional = {re.match(r'\w+', line).group() for line in optional_lines(metadata)}
    assert optional == {'pycolmap', 'rosbags', 'pyyaml', 'ray', 'open3d', 'viser'}
    optional = optional - {'pyyaml'} | {'yaml'}
    for path in (ROOT / 'vggt_ros').rglob('*.py'):
        tree = ast.parse(path.read_text())
        first = ast.unparse(
            [each for each in tree.body if isinstance(each, (ast.Import, ast.ImportFrom))]
        )
        at_once = re.findall(r'^(?:from|import) (\w+)', first, re.MULTILINE)
        assert not optional & set(at_once), f'{path.name} imports it at once'


def test_what_the_tests_import_is_named_for_them(metadata):
    lines = metadata['install_requires'] + metadata['extras_require']['test']
    named = {re.match(r'\w+', line).group() for line in lines}
    for path in (ROOT / 'test').rglob('*.py'):
        for name in set(imported_names(path)) - set(sys.stdlib_module_names):
            if not OF_THE_PROJECT.fullmatch(name) and not FROM_ROS.fullmatch(name):
                assert REQUIREMENT_OF.get(name, name) in named, f'{path.name} imports {name}'


def test_what_the_tests_need_is_in_the_environment(metadata):
    listed = set((ENVIRONMENT / 'requirements-dev.txt').read_text().split())
    assert set(metadata['extras_require']['test']) <= listed


def test_the_tested_version_satisfies_what_pip_is_asked_for(metadata):
    tested = {}
    for line in (ENVIRONMENT / 'constraints.txt').read_text().splitlines():
        found = re.match(r'([\w-]+)==([\d.]+)', line)
        if found:
            tested[found.group(1)] = found.group(2)
    for line in metadata['install_requires']:
        found = re.match(r'(\w+)>=([\d.]+)', line)
        if found and found.group(1) in tested:
            oldest, version = (
                tuple(map(int, text.split('.')))
                for text in (found.group(2), tested[found.group(1)])
            )
            assert version >= oldest, line
