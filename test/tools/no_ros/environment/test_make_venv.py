import os
from pathlib import Path
import subprocess
import sys

import pytest

PROGRAM = Path(__file__).parents[4] / 'tools' / 'no_ros' / 'environment' / 'make_venv.py'
SOURCED = ('ROS_DISTRO', 'AMENT_PREFIX_PATH')


@pytest.fixture
def make_venv(load_program, monkeypatch):
    for name in SOURCED:
        monkeypatch.delenv(name, raising=False)
    return load_program(PROGRAM.name)


@pytest.fixture
def project(make_venv, monkeypatch, tmp_path):
    """A small project in place of this one; returns its folder."""
    for name in (
        'setup.py',
        'tools/no_ros/environment/constraints.txt',
        'tools/no_ros/environment/README.md',
        'tools/no_ros/ros_wheels/part/part.py',
        'vggt_ros/module.py',
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('first')
    monkeypatch.setattr(make_venv, 'ROOT', tmp_path)
    monkeypatch.setattr(make_venv, 'HERE', tmp_path / 'tools' / 'no_ros' / 'environment')
    return tmp_path


class Installed:
    """Stands for the environment that is made; remembers what was installed into it."""

    def __init__(self, folder):
        self.folder = folder
        self.python = folder / 'bin' / 'python'
        self.constraints = folder / 'constraints.txt'
        self.calls = []
        self.has_small_torch = True

    def pip(self, arguments):
        self.calls.append(arguments)

    def try_pip(self, arguments):
        self.calls.append(arguments)
        return self.has_small_torch


@pytest.fixture
def installed(make_venv, monkeypatch, tmp_path):
    environment = Installed(tmp_path)
    monkeypatch.setattr(make_venv, 'torch_version', lambda _: None)
    monkeypatch.setattr(make_venv, 'run', environment.calls.append)
    monkeypatch.setattr(make_venv.shutil, 'which', lambda _: None)
    return environment


@pytest.mark.parametrize(
    'name',
    [
        'setup.py',
        'tools/no_ros/environment/constraints.txt',
        'tools/no_ros/ros_wheels/part/part.py',
    ],
)
def test_the_fingerprint_follows_what_is_installed(make_venv, project, name):
    before = make_venv.fingerprint_of_inputs(None)
    (project / name).write_text('second')
    assert make_venv.fingerprint_of_inputs(None) != before


def test_the_fingerprint_follows_new_files(make_venv, project):
    before = make_venv.fingerprint_of_inputs(None)
    (project / 'tools' / 'no_ros' / 'ros_wheels' / 'part' / 'more.py').write_text('first')
    assert make_venv.fingerprint_of_inputs(None) != before


@pytest.mark.parametrize(
    'name',
    [
        'tools/no_ros/environment/README.md',
        'vggt_ros/module.py',  # installed editable
        'tools/no_ros/ros_wheels/part/__pycache__/part.pyc',
        'tools/no_ros/ros_wheels/part/build/lib/part.py',
        'tools/no_ros/ros_wheels/part/part.egg-info/PKG-INFO',
    ],
)
def test_the_fingerprint_ignores_what_installs_nothing(make_venv, project, name):
    before = make_venv.fingerprint_of_inputs(None)
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text('second')
    assert make_venv.fingerprint_of_inputs(None) == before


def test_the_fingerprint_tells_distributions_apart(make_venv, project):
    del project
    kinds = (None, 'humble', 'jazzy')
    assert len({make_venv.fingerprint_of_inputs(kind) for kind in kinds}) == len(kinds)


def test_the_fingerprint_tells_wheels_apart(make_venv, project):
    del project
    assert make_venv.fingerprint_of_inputs(None, 'jazzy') != make_venv.fingerprint_of_inputs(None)


def test_a_complete_environment_is_left_alone(make_venv, monkeypatch):
    class Complete:
        def is_complete(self, fingerprint):
            return fingerprint == make_venv.fingerprint_of_inputs(None)

    monkeypatch.setattr(make_venv, 'install', lambda *_: pytest.fail('it did work'))
    make_venv.make(Complete())


def test_an_incomplete_environment_is_made(make_venv, monkeypatch, tmp_path):
    environment = make_venv.VirtualEnvironment(tmp_path / 'made')
    monkeypatch.setattr(make_venv, 'check_build_tools', lambda: None)
    monkeypatch.setattr(make_venv, 'torch_version', lambda _: None)
    monkeypatch.setattr(environment, '_create', lambda **_: tmp_path.joinpath('made').mkdir())
    monkeypatch.setattr(environment, '_unfinished', tmp_path / 'unfinished')
    (tmp_path / 'unfinished').touch()
    asked = []
    monkeypatch.setattr(make_venv, 'install', lambda *arguments: asked.append(arguments))
    make_venv.make(environment)
    assert asked == [(environment, None, [], 'kilted')]


def test_without_a_distribution_ros_comes_from_wheels(make_venv, installed):
    make_venv.install(installed, None, [])
    words = [word for call in installed.calls for word in call]
    assert any(word.endswith('requirements-wheels.txt') for word in words)


@pytest.mark.parametrize(('wheels', 'rclpy'), [('kilted', '9.'), ('jazzy', '7.')])
def test_the_wheels_are_those_of_the_distribution_that_is_asked_for(
    make_venv, installed, wheels, rclpy
):
    make_venv.install(installed, None, [], wheels)
    pinned = dict(
        line.split('==') for line in installed.constraints.read_text().splitlines() if '==' in line
    )
    assert pinned['ros-rclpy'].startswith(rclpy)
    assert 'pytest' in pinned


def test_torch_of_a_neighbor_is_not_downloaded_again(make_venv, monkeypatch, installed):
    seen = [None, '2.13.0+cpu']  # before and after it is linked
    monkeypatch.setattr(make_venv, 'torch_version', lambda _: seen.pop(0))
    monkeypatch.setattr(make_venv, 'link_from_neighbor', lambda *_: installed.folder / 'other')
    make_venv.install_torch(installed)
    assert installed.calls == []


def test_a_distribution_brings_ros_itself(make_venv, monkeypatch, installed):
    monkeypatch.setattr(make_venv, 'kept_versions', lambda: {'numpy': '1.26.4'})
    make_venv.install(installed, 'jazzy', ['ros-jazzy-cv-bridge'])
    words = [word for call in installed.calls for word in call]
    assert not any(word.endswith('requirements-wheels.txt') for word in words)
    assert 'numpy==1.26.4' in installed.constraints.read_text().splitlines()
    assert 'transforms3d' in words  # a stand-in may need it


def test_the_package_and_the_stand_ins_come_last(make_venv, installed):
    make_venv.install(installed, None, [])
    stand_ins, package = installed.calls[-2:]
    assert stand_ins[1].endswith('ros_wheels/install.py')
    assert stand_ins[-1] == str(installed.python)
    assert '-e' in package


def test_the_first_torch_that_can_be_had_is_the_only_one(make_venv, installed):
    make_venv.install_torch(installed)
    assert len(installed.calls) == 1
    assert installed.calls[0][-1].endswith('+cpu')


def test_a_large_torch_is_the_last_resort(make_venv, monkeypatch, installed):
    monkeypatch.setattr(make_venv.Path, 'exists', lambda _: False)  # no driver
    installed.has_small_torch = False
    make_venv.install_torch(installed)
    assert len(installed.calls) == 3
    assert '+cpu' not in installed.calls[-1][-1]


def test_what_is_missing_is_said_without_a_stack_trace(tmp_path):
    lie = (
        'import runpy, sys; sys.version_info = (3, 9, 0, "final", 0); '
        f'sys.path.insert(0, {str(PROGRAM.parent)!r}); '
        f'sys.argv = ["make_venv.py", "--venv", {str(tmp_path / "made")!r}]; '
        f'runpy.run_path({str(PROGRAM)!r}, run_name="__main__")'
    )
    environment = {name: value for name, value in os.environ.items() if name not in SOURCED}
    done = subprocess.run(
        [sys.executable, '-c', lie], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert 'Python 3.9' in done.stderr
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'made').exists()
