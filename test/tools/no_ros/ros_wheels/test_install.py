import importlib.util
from pathlib import Path
import sys

import pytest

PATH = Path(__file__).parents[4] / 'tools' / 'no_ros' / 'ros_wheels' / 'install.py'
OURS = 'vggt-ros-standin-cv-bridge'


@pytest.fixture
def installer():
    specification = importlib.util.spec_from_file_location('ros_wheels_install', PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def pip_calls(installer, monkeypatch):
    """What would have been installed, by the name of the last word."""
    calls = []
    monkeypatch.setattr(
        installer, '_pip', lambda _python, *arguments: calls.append(Path(arguments[-1]).name)
    )
    return calls


def answer(installer, monkeypatch, **owners):
    names = (*installer.MESSAGES, *installer.STAND_INS)
    monkeypatch.setattr(
        installer, 'providers', lambda _: {name: owners.get(name, []) for name in names}
    )


@pytest.mark.parametrize(
    ('owners', 'real'),
    [
        ([], False),
        ([OURS], False),
        (['unknown'], True),  # from a distribution's PYTHONPATH, without metadata
        (['cv-bridge'], True),
        ([OURS, 'cv-bridge'], True),
    ],
)
def test_everything_that_is_not_ours_is_real(installer, owners, real):
    assert installer.is_real(owners) is real


def test_providers_are_those_of_the_interpreter_that_is_asked(installer):
    found = installer.providers(Path(sys.executable))
    assert set(found) == {*installer.MESSAGES, *installer.STAND_INS}
    for name, owners in found.items():
        assert bool(owners) == (importlib.util.find_spec(name) is not None)


def test_a_python_without_any_of_them_provides_nothing(installer, monkeypatch, tmp_path):
    python = tmp_path / 'python'
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o755)
    monkeypatch.delenv('PYTHONPATH', raising=False)
    names = (*installer.MESSAGES, *installer.STAND_INS)
    assert installer.providers(python) == {name: [] for name in names}


def test_packages_outside_of_any_distribution_count(installer, monkeypatch, tmp_path):
    (tmp_path / 'tf2_msgs').mkdir()
    (tmp_path / 'tf2_msgs' / '__init__.py').touch()
    python = tmp_path / 'python'
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    found = installer.providers(python)
    assert found['tf2_msgs'] == ['unknown']
    assert installer.is_real(found['tf2_msgs'])


def test_the_real_packages_are_left_alone(installer, monkeypatch, pip_calls):
    names = (*installer.MESSAGES, *installer.STAND_INS)
    answer(installer, monkeypatch, **{name: ['unknown'] for name in names})
    installer.install(Path(sys.executable))
    assert pip_calls == []


def test_only_what_is_missing_or_ours_is_installed(installer, monkeypatch, pip_calls):
    answer(installer, monkeypatch, tf2_msgs=['unknown'], cv_bridge=[OURS], tf2_ros=['tf2-ros-py'])
    installer.install(Path(sys.executable))
    assert pip_calls == ['cv_bridge', 'sensor_msgs_py', 'tf_transformations']


@pytest.mark.parametrize('there', [(), ('tf2_msgs',)])
def test_messages_are_built_where_nothing_provides_them(installer, monkeypatch, pip_calls, there):
    owners = {name: ['unknown'] for name in installer.STAND_INS}
    owners |= {name: [f'vggt-ros-{name.replace("_", "-")}'] for name in there}
    answer(installer, monkeypatch, **owners)
    commands = []

    def build(command, **options):
        commands.append(command)
        return installer.subprocess.CompletedProcess(command, 0, stdout='/folder/built.whl\n')

    monkeypatch.setattr(installer.subprocess, 'run', build)
    installer.install(Path(sys.executable))
    assert commands[0][:2] == [sys.executable, str(PATH.parent / 'build_wheel.py')]
    assert commands[0][3:] == [name for name in installer.MESSAGES if name not in there]
    assert pip_calls == ['built.whl']


def test_messages_of_a_distribution_are_not_mixed_with_ours(installer, monkeypatch, pip_calls):
    owners = {name: ['unknown'] for name in (*installer.MESSAGES, *installer.STAND_INS)}
    answer(installer, monkeypatch, **{**owners, 'map_msgs': []})
    installer.install(Path(sys.executable))
    assert pip_calls == []


def test_sources_are_installed_without_what_an_earlier_build_left(
    installer, monkeypatch, tmp_path
):
    for name in ('setup.py', 'cv_bridge/core.py', 'build/lib/cv_bridge/removed.py'):
        (tmp_path / 'cv_bridge' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'cv_bridge' / name).touch()
    monkeypatch.setattr(installer, 'HERE', tmp_path)
    monkeypatch.setattr(installer, 'STAND_INS', ('cv_bridge',))
    answer(installer, monkeypatch, tf2_msgs=['unknown'])
    seen = []
    monkeypatch.setattr(
        installer,
        '_pip',
        lambda _python, *arguments: seen.extend(
            str(path.relative_to(arguments[-1])) for path in Path(arguments[-1]).rglob('*.py')
        ),
    )
    installer.install(Path(sys.executable))
    assert sorted(seen) == ['cv_bridge/core.py', 'setup.py']
    assert (tmp_path / 'cv_bridge' / 'build').exists()


def test_libraries_set_up_for_another_python_are_not_passed_on(installer, monkeypatch):
    monkeypatch.setenv('LD_LIBRARY_PATH', '/opt/ros/lib')
    monkeypatch.delenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', raising=False)
    assert installer._environment()['LD_LIBRARY_PATH'] == '/opt/ros/lib'
    monkeypatch.setenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', '1')
    assert 'LD_LIBRARY_PATH' not in installer._environment()


def test_every_stand_in_has_sources(installer):
    for name in installer.STAND_INS:
        assert (PATH.parent / name / 'setup.py').exists()
        assert (PATH.parent / name / name / '__init__.py').exists()
    for name in installer.MESSAGES:
        assert (PATH.parent / name / 'CMakeLists.txt').exists()
