import sys

import pytest


@pytest.fixture
def machine(load_program):
    return load_program('machine.py')


@pytest.fixture
def complete(machine, monkeypatch, tmp_path):
    """A machine that has everything; returns the folder of Python's headers."""
    (tmp_path / 'Python.h').touch()
    monkeypatch.setattr(machine.shutil, 'which', lambda name: f'/usr/bin/{name}')
    monkeypatch.setattr(machine.sysconfig, 'get_path', lambda _: str(tmp_path))
    monkeypatch.setattr(machine.platform, 'system', lambda: 'Linux')
    monkeypatch.setattr(machine.platform, 'machine', lambda: 'x86_64')
    return tmp_path


@pytest.mark.parametrize('version', [(3, 10), (3, 11), (3, 12), (3, 13)])
def test_supported_pythons_are_accepted(machine, version):
    machine.check_python(version)


@pytest.mark.parametrize('version', [(3, 9), (3, 14)])
def test_another_python_is_refused_with_a_remedy(machine, version):
    with pytest.raises(
        machine.MissingError, match=rf'Python 3\.{version[1]}.*apt install.*make PY'
    ):
        machine.check_python(version)


@pytest.mark.parametrize('module', ['venv', 'ensurepip'])
def test_a_python_without_venv_is_refused_with_a_remedy(machine, monkeypatch, module):
    find = machine.importlib.util.find_spec
    monkeypatch.setattr(
        machine.importlib.util, 'find_spec', lambda name: None if name == module else find(name)
    )
    version = '.'.join(map(str, sys.version_info[:2]))
    with pytest.raises(machine.MissingError, match=rf'{module}.*apt install python{version}-venv'):
        machine.check_python()


def test_a_complete_machine_is_accepted(machine, complete):
    del complete
    machine.check_build_tools()


@pytest.mark.parametrize('compiler', ['cc', 'c++'])
def test_a_missing_compiler_is_named_with_a_remedy(machine, monkeypatch, complete, compiler):
    del complete
    monkeypatch.setattr(
        machine.shutil, 'which', lambda name: None if name == compiler else f'/usr/bin/{name}'
    )
    with pytest.raises(machine.MissingError, match='apt install build-essential'):
        machine.check_build_tools()


def test_missing_headers_are_named_with_a_remedy(machine, complete):
    (complete / 'Python.h').unlink()
    with pytest.raises(machine.MissingError, match=r'Python\.h.*apt install python3.*-dev'):
        machine.check_build_tools()


@pytest.mark.parametrize(('system', 'cpu'), [('Darwin', 'arm64'), ('Linux', 'aarch64')])
def test_a_machine_without_ros_wheels_is_sent_to_a_distribution(
    machine, monkeypatch, complete, system, cpu
):
    del complete
    monkeypatch.setattr(machine.platform, 'system', lambda: system)
    monkeypatch.setattr(machine.platform, 'machine', lambda: cpu)
    with pytest.raises(machine.MissingError, match=rf'{system} {cpu}.*ROS 2 distribution'):
        machine.check_build_tools()
