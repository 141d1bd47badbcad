import subprocess
import sys

import pytest


@pytest.fixture
def module(load_program):
    return load_program('neighbors.py')


@pytest.fixture
def make(module, tmp_path):
    """Make a small virtual environment that is finished."""

    def environment(name):
        subprocess.run(
            [sys.executable, '-m', 'venv', '--without-pip', str(tmp_path / name)], check=True
        )
        (tmp_path / name / 'complete').write_text('inputs')
        return module.VirtualEnvironment(tmp_path / name)

    return environment


def put(environment, name, needs=()):
    """Install a package of one module."""
    folder = environment.packages()
    info = folder / f'{name}-1.0.dist-info'
    info.mkdir()
    (folder / f'{name}.py').write_text(f'name = {name!r}\n')
    lines = ''.join(f'Requires-Dist: {each}>=0.5; python_version > "3"\n' for each in needs)
    (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{lines}')
    files = (f'{name}.py', f'{info.name}/METADATA', f'{info.name}/RECORD', f'../../../bin/{name}')
    (info / 'RECORD').write_text(''.join(f'{file},,\n' for file in files))
    (environment.folder / 'bin' / name).write_text('names the Python it belongs to')


def files(environment):
    return {path.name for path in environment.packages().iterdir()}


def test_a_package_and_what_it_needs_are_linked_and_nothing_else(module, make):
    neighbor, environment = make('.venv'), make('.venv-jazzy')
    for name, needs in (('large', ['part', 'for_another_system']), ('part', []), ('more', [])):
        put(neighbor, name, needs)
    assert module.link_from_neighbor('large', environment) == neighbor.folder
    names = {'large.py', 'large-1.0.dist-info', 'part.py', 'part-1.0.dist-info'}
    assert files(environment) == names
    assert not (environment.folder / 'bin' / 'large').exists()
    for name in ('large.py', 'large-1.0.dist-info/METADATA'):
        there, here = neighbor.packages() / name, environment.packages() / name
        assert here.samefile(there)  # on disk once


def test_what_is_linked_stays_when_the_neighbor_goes(module, make):
    neighbor, environment = make('.venv'), make('.venv-jazzy')
    put(neighbor, 'large')
    module.link_from_neighbor('large', environment)
    module_file = environment.packages() / 'large.py'
    (neighbor.packages() / 'large.py').unlink()
    assert module_file.read_text() == "name = 'large'\n"


def test_nothing_is_taken_from_a_neighbor_that_pip_is_at_work_in(module, make):
    neighbor, environment = make('.venv'), make('.venv-jazzy')
    put(neighbor, 'large')
    (neighbor.folder / 'unfinished').touch()
    assert module.link_from_neighbor('large', environment) is None
    assert files(environment) == set()


def test_nothing_is_taken_from_another_python(module, make, monkeypatch):
    neighbor, environment = make('.venv'), make('.venv-jazzy')
    put(neighbor, 'large')
    monkeypatch.setattr(module.sys, 'version', '3.99')
    assert module.link_from_neighbor('large', environment) is None


def test_without_a_neighbor_there_is_nothing(module, make):
    assert module.link_from_neighbor('large', make('.venv')) is None


def test_a_neighbor_on_another_disk_leaves_no_package_behind(module, make, monkeypatch):
    neighbor, environment = make('.venv'), make('.venv-jazzy')
    put(neighbor, 'large')

    def refuse(*_):
        raise OSError('Invalid cross-device link')

    monkeypatch.setattr(module.os, 'link', refuse)
    assert module.link_from_neighbor('large', environment) is None
    assert not (environment.packages() / 'large-1.0.dist-info' / 'METADATA').exists()
