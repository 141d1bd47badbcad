import subprocess
import sys
import threading

import pytest


@pytest.fixture
def module(load_program):
    return load_program('virtual_environment.py')


@pytest.fixture
def created(module, monkeypatch, tmp_path):
    """Commands that were run; `python -m venv` leaves a folder that looks like its work."""
    commands = []

    def pretend(command):
        commands.append(command)
        python = tmp_path / 'made' / 'bin' / 'python'
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        sees_system = str('--system-site-packages' in command).lower()
        (tmp_path / 'made' / 'pyvenv.cfg').write_text(
            f'include-system-site-packages = {sees_system}\n'
        )

    monkeypatch.setattr(module, 'run', pretend)
    return commands


@pytest.fixture
def environment(module, created, tmp_path):
    del created
    return module.VirtualEnvironment(tmp_path / 'made')


def test_it_is_complete_when_the_work_is_done(environment):
    assert not environment.is_complete('inputs')
    with environment.work('inputs', sees_system=False):
        assert not environment.is_complete('inputs')
    assert environment.is_complete('inputs')
    assert not environment.is_complete('other inputs')


def test_the_folder_is_made_once(environment, created):
    for inputs in ('first', 'second'):
        with environment.work(inputs, sees_system=False):
            pass
    assert len(created) == 1
    assert environment.is_complete('second')


def test_a_folder_that_sees_other_packages_is_made_anew(environment, created):
    for sees_system in (False, True):
        with environment.work('inputs', sees_system=sees_system):
            pass
    assert ['--system-site-packages' in command for command in created] == [False, True]


def test_a_folder_of_another_python_is_made_anew(environment, created):
    with environment.work('inputs', sees_system=False):
        pass
    environment.python.write_text('#!/bin/sh\necho "3.9.18 (another one)"\n')
    with environment.work('inputs', sees_system=False):
        pass
    assert len(created) == 2


def test_after_a_failed_installation_work_goes_on_in_the_same_folder(environment, created):
    with (
        pytest.raises(subprocess.CalledProcessError),
        environment.work('inputs', sees_system=False),
    ):
        raise subprocess.CalledProcessError(1, ['pip'])
    assert not environment.is_complete('inputs')
    with environment.work('inputs', sees_system=False):
        pass
    assert environment.is_complete('inputs')
    assert len(created) == 1


def test_after_an_interruption_nothing_of_the_folder_is_trusted(environment, created):
    with environment.work('inputs', sees_system=False):
        pass
    with pytest.raises(KeyboardInterrupt), environment.work('other', sees_system=False):
        raise KeyboardInterrupt
    (environment.folder / 'half a package').touch()
    assert not environment.is_complete('inputs')
    with environment.work('inputs', sees_system=False):
        assert not (environment.folder / 'half a package').exists()
    assert len(created) == 2


def test_everything_is_installed_under_the_constraints(module, environment, monkeypatch):
    commands = []
    monkeypatch.setattr(module, 'run', commands.append)
    environment.pip(['numpy'])
    (command,) = commands
    assert command[0] == str(environment.python)
    assert command[command.index('-c') + 1] == str(environment.constraints)
    assert command[-1] == 'numpy'


def test_a_failed_attempt_is_reported_and_does_not_raise(environment):
    environment.python.parent.mkdir(parents=True)
    for code, succeeded in ((0, True), (1, False)):
        environment.python.write_text(f'#!/bin/sh\nexit {code}\n')
        environment.python.chmod(0o755)
        assert environment.try_pip(['torch']) is succeeded


def test_an_answer_is_what_the_program_prints(module, tmp_path):
    python = type(tmp_path)(sys.executable)
    assert module.answer(python, 'print(6 * 7)') == '42'
    assert module.answer(python, 'raise SystemExit(1)') is None
    assert module.answer(tmp_path / 'nothing', 'print()') is None


def test_only_one_at_a_time_works_in_a_folder(module, tmp_path):
    entered = threading.Event()

    def second():
        with module.alone(tmp_path):
            entered.set()

    thread = threading.Thread(target=second)
    with module.alone(tmp_path):
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(10.0)
    thread.join()
