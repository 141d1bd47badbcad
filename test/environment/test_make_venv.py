import os
from pathlib import Path
import subprocess
import sys

import pytest

SOURCED = {'ROS_DISTRO': 'jazzy', 'AMENT_PREFIX_PATH': '/opt/ros/jazzy'}


@pytest.fixture
def make_venv(load_program):
    return load_program('make_venv.py')


@pytest.fixture
def project(make_venv, monkeypatch, tmp_path):
    """A small project in place of this one; returns its folder."""
    for name in (
        'setup.py',
        'environment/constraints.txt',
        'environment/README.md',
        'ros_wheels/part/part.py',
        'vggt_ros/module.py',
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('first')
    monkeypatch.setattr(make_venv, 'ROOT', tmp_path)
    monkeypatch.setattr(make_venv, 'HERE', tmp_path / 'environment')
    return tmp_path


def test_a_sourced_distribution_is_used(make_venv):
    assert make_venv.uses_distribution(SOURCED, has_rclpy=True)


@pytest.mark.parametrize('missing', ['ROS_DISTRO', 'AMENT_PREFIX_PATH'])
def test_half_a_distribution_is_none(make_venv, missing):
    environment = {name: value for name, value in SOURCED.items() if name != missing}
    assert not make_venv.uses_distribution(environment, has_rclpy=True)


def test_a_distribution_for_another_python_is_not_used(make_venv):
    assert not make_venv.uses_distribution(SOURCED, has_rclpy=False)


@pytest.mark.parametrize('version', [(3, 9, 18), (3, 14, 0)])
def test_another_python_is_refused_with_a_remedy(make_venv, monkeypatch, version):
    monkeypatch.setattr(make_venv.sys, 'version_info', version)
    with pytest.raises(make_venv.MissingError, match=r'3\.10\.\.3\.13.*apt install.*make PYTHON='):
        make_venv.check_machine(builds_messages=False)


@pytest.mark.parametrize('module', ['venv', 'ensurepip'])
def test_a_python_without_venv_is_refused_with_a_remedy(make_venv, monkeypatch, module):
    found = make_venv.importlib.util.find_spec
    monkeypatch.setattr(
        make_venv.importlib.util, 'find_spec', lambda name: None if name == module else found(name)
    )
    version = '.'.join(map(str, sys.version_info[:2]))
    with pytest.raises(
        make_venv.MissingError, match=rf'{module}.*apt install python{version}-venv'
    ):
        make_venv.check_machine(builds_messages=False)


@pytest.mark.parametrize('compiler', ['cc', 'c++'])
def test_a_compiler_is_asked_for_where_messages_are_built(make_venv, monkeypatch, compiler):
    monkeypatch.setattr(
        make_venv.shutil, 'which', lambda name: None if name == compiler else f'/usr/bin/{name}'
    )
    make_venv.check_machine(builds_messages=False)
    with pytest.raises(make_venv.MissingError, match='apt install build-essential'):
        make_venv.check_machine(builds_messages=True)


def test_headers_are_asked_for_where_messages_are_built(make_venv, monkeypatch, tmp_path):
    monkeypatch.setattr(make_venv.shutil, 'which', lambda name: f'/usr/bin/{name}')
    monkeypatch.setattr(make_venv.sysconfig, 'get_path', lambda _: str(tmp_path))
    make_venv.check_machine(builds_messages=False)
    with pytest.raises(make_venv.MissingError, match=r'Python\.h.*apt install python.*-dev'):
        make_venv.check_machine(builds_messages=True)
    (tmp_path / 'Python.h').touch()
    make_venv.check_machine(builds_messages=True)


@pytest.mark.parametrize(
    'name', ['setup.py', 'environment/constraints.txt', 'ros_wheels/part/part.py']
)
def test_the_fingerprint_follows_what_is_installed(make_venv, project, name):
    before = make_venv.fingerprint('wheels')
    (project / name).write_text('second')
    assert make_venv.fingerprint('wheels') != before


def test_the_fingerprint_follows_new_files(make_venv, project):
    before = make_venv.fingerprint('wheels')
    (project / 'ros_wheels' / 'part' / 'more.py').write_text('first')
    assert make_venv.fingerprint('wheels') != before


@pytest.mark.parametrize(
    'name',
    [
        'environment/README.md',
        'vggt_ros/module.py',  # installed editable
        'ros_wheels/part/__pycache__/part.pyc',
        'ros_wheels/part/build/lib/part.py',
        'ros_wheels/part/part.egg-info/PKG-INFO',
    ],
)
def test_the_fingerprint_ignores_what_installs_nothing(make_venv, project, name):
    before = make_venv.fingerprint('wheels')
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text('second')
    assert make_venv.fingerprint('wheels') == before


def test_the_fingerprint_tells_distributions_apart(make_venv, project):
    del project
    kinds = ('wheels', 'ROS 2 humble', 'ROS 2 jazzy')
    assert len({make_venv.fingerprint(kind) for kind in kinds}) == len(kinds)


def test_an_environment_is_complete_only_after_it_was_finished(make_venv, project, tmp_path):
    folder = tmp_path / 'made'
    folder.mkdir()
    venv = make_venv.Venv(folder)
    assert not venv.is_complete('wheels')
    venv.finish('wheels')
    assert venv.is_complete('wheels')
    assert not venv.is_complete('ROS 2 jazzy')
    (project / 'setup.py').write_text('second')
    assert not venv.is_complete('wheels')


def test_a_complete_environment_is_left_alone(make_venv, monkeypatch, project, tmp_path):
    del project
    for name in SOURCED:
        monkeypatch.delenv(name, raising=False)
    venv = make_venv.Venv(tmp_path)
    venv.finish('wheels')
    monkeypatch.setattr(make_venv.subprocess, 'run', lambda *_, **__: pytest.fail('it did work'))
    make_venv.make(venv)


def test_an_interrupted_environment_is_taken_up_again_and_another_one_is_made_anew(
    make_venv, monkeypatch, tmp_path
):
    venv = make_venv.Venv(tmp_path / 'made')
    made = []
    monkeypatch.setattr(make_venv, 'run', made.append)

    def pretend(version, sees_system):
        venv.python.parent.mkdir(parents=True, exist_ok=True)
        venv.python.write_text(f'#!/bin/sh\necho "{version}"\n')
        venv.python.chmod(0o755)
        (tmp_path / 'made' / 'pyvenv.cfg').write_text(
            f'include-system-site-packages = {str(sees_system).lower()}\n'
        )

    pretend(sys.version, sees_system=False)
    venv.create(sees_system=False)
    assert not made
    venv.create(sees_system=True)
    assert '--system-site-packages' in made.pop()
    pretend('3.9.18 (another one)', sees_system=False)
    venv.create(sees_system=False)
    assert made.pop()[-1] == str(tmp_path / 'made')


def test_torch_is_looked_for_in_the_interpreter_that_is_asked(make_venv, tmp_path):
    python = tmp_path / 'python'
    python.write_text('#!/bin/sh\necho 2.13.0+cpu\n')
    python.chmod(0o755)
    assert make_venv.torch_version(python) == '2.13.0+cpu'
    python.write_text('#!/bin/sh\nexit 1\n')
    assert make_venv.torch_version(python) is None


def test_what_is_missing_is_said_without_a_stack_trace():
    program = Path(__file__).parents[2] / 'environment' / 'make_venv.py'
    lie = (
        'import runpy, sys; sys.version_info = (3, 9, 0); '
        f'sys.path.insert(0, {str(program.parent)!r}); '
        f'sys.argv = ["make_venv.py", "--venv", "nowhere"]; '
        f'runpy.run_path({str(program)!r}, run_name="__main__")'
    )
    environment = {k: v for k, v in os.environ.items() if k not in SOURCED}
    done = subprocess.run(
        [sys.executable, '-c', lie], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert 'Python 3.9' in done.stderr
    assert 'Traceback' not in done.stderr
