"""Makes .venv complete, or says what the machine lacks; does nothing when all is there.

    python3 environment/make_venv.py [--venv .venv]

Needs nothing but the standard library of Python 3.10 to 3.13.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import hashlib
import importlib.util
import os
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig

from torch_choice import install_attempts, is_good

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / 'environment'
OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)
BUILT = {'__pycache__', 'build'}  # these folders follow from the others


class MissingError(Exception):
    """The machine lacks something that pip cannot install."""


def check_machine(*, builds_messages: bool) -> None:
    """Raise MissingError, naming the package to install, if something is not there.

    Args:
        builds_messages: True if tf2_msgs has to be compiled on this machine.
    """
    version = sys.version_info[:2]
    if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        raise MissingError(
            f'Python {version[0]}.{version[1]} at {sys.executable} is not in 3.10..3.13; '
            'install one of them (Debian, Ubuntu: apt install python3 python3-venv) '
            'and pass it: make PYTHON=python3.12 ...'
        )
    for module in ('venv', 'ensurepip'):
        if importlib.util.find_spec(module) is None:
            raise MissingError(
                f'{sys.executable} has no module {module}; '
                f'install it: apt install python{version[0]}.{version[1]}-venv'
            )
    if not builds_messages:
        return
    for compiler in ('cc', 'c++'):
        if shutil.which(compiler) is None:
            raise MissingError(
                f'no compiler ({compiler}); install it: apt install build-essential'
            )
    header = Path(sysconfig.get_path('include')) / 'Python.h'
    if not header.exists():
        raise MissingError(
            f'no {header}; install it: apt install python{version[0]}.{version[1]}-dev'
        )


def uses_distribution(environment: Mapping[str, str], *, has_rclpy: bool) -> bool:
    """Tell whether a ROS 2 distribution is sourced, whose packages are then used.

    Args:
        environment: The process's environment variables.
        has_rclpy: True if the interpreter can import rclpy.
    """
    return (
        bool(environment.get('ROS_DISTRO') and environment.get('AMENT_PREFIX_PATH')) and has_rclpy
    )


def fingerprint(kind: str) -> str:
    """Return a hash of all that decides what belongs into the environment."""
    digest = hashlib.sha256(f'{kind} {sys.version} {sys.executable} {ROOT}'.encode())
    sources = [*HERE.glob('*'), *(ROOT / 'ros_wheels').rglob('*'), ROOT / 'setup.py']
    for path in sorted(sources):
        inside = path.relative_to(ROOT)
        is_built = any(p in BUILT or p.endswith('.egg-info') for p in inside.parts)
        if path.is_file() and not is_built and path.suffix != '.md':
            digest.update(str(inside).encode() + path.read_bytes())
    return digest.hexdigest()


def torch_version(python: Path) -> str | None:
    """Return the version of the torch that an interpreter sees, None if it sees none."""
    asked = subprocess.run(
        [str(python), '-c', 'import torch; print(torch.__version__)'],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() if asked.returncode == 0 else None


class Venv:
    """A virtual environment and what is done to it."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / 'bin' / 'python'
        self._folder = folder
        self._stamp = folder / 'complete'

    def is_complete(self, kind: str) -> bool:
        """Tell whether an earlier run finished with the same inputs."""
        return self._stamp.exists() and self._stamp.read_text() == fingerprint(kind)

    def create(self, *, sees_system: bool) -> None:
        """Make the folder anew, unless an interpreter of the same kind is already in it."""
        self._stamp.unlink(missing_ok=True)
        if self._is_usable(sees_system=sees_system):
            return
        say(f'creating {self._folder.name} with {sys.executable}')
        options = ['--system-site-packages'] if sees_system else []
        run([sys.executable, '-m', 'venv', '--clear', *options, str(self._folder)])

    def pip(self, arguments: Sequence[str], *, quiet_failure: bool = False) -> bool:
        """Install something; return False if it failed and that is allowed."""
        command = [str(self.python), '-m', 'pip', '--disable-pip-version-check', 'install', '-qq']
        command += ['-c', str(HERE / 'constraints.txt'), *arguments]
        if not quiet_failure:
            run(command)
            return True
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def finish(self, kind: str) -> None:
        """Remember that everything is there."""
        self._stamp.write_text(fingerprint(kind))

    def _is_usable(self, *, sees_system: bool) -> bool:
        settings = self._folder / 'pyvenv.cfg'
        if not self.python.exists() or not settings.exists():
            return False
        wanted = f'include-system-site-packages = {str(sees_system).lower()}'
        asked = subprocess.run(
            [str(self.python), '-c', 'import pip, sys; print(sys.version)'],
            capture_output=True,
            text=True,
            check=False,
        )
        return wanted in settings.read_text() and asked.stdout.strip() == sys.version


def install_torch(venv: Venv) -> None:
    """Give the environment a torch, the smallest download that will do."""
    has_driver = shutil.which('nvidia-smi') is not None
    attempts = install_attempts(torch_version(venv.python), has_nvidia_driver=has_driver)
    for number, arguments in enumerate(attempts, start=1):
        is_last = number == len(attempts)
        say(f'installing {arguments[-1]}' + (' (several GB)' if is_last else ''))
        if venv.pip(arguments, quiet_failure=not is_last):
            return


def make(venv: Venv) -> None:
    """Bring the environment up to date."""
    has_rclpy = importlib.util.find_spec('rclpy') is not None
    is_distribution = uses_distribution(os.environ, has_rclpy=has_rclpy)
    kind = f'ROS 2 {os.environ["ROS_DISTRO"]}' if is_distribution else 'wheels'
    if venv.is_complete(kind):
        return
    check_machine(builds_messages=not is_distribution)
    sees_system = is_distribution or is_good(torch_version(Path(sys.executable)))
    venv.create(sees_system=sees_system)
    install_torch(venv)
    # A distribution brings its own numpy, OpenCV and messages, compiled for each other.
    names = ['requirements.txt', 'requirements-dev.txt']
    names += [] if is_distribution else ['requirements-wheels.txt']
    say(f'installing the rest for {kind}')
    venv.pip([word for name in names for word in ('-r', str(HERE / name))])
    run([sys.executable, str(ROOT / 'ros_wheels' / 'install.py'), '--python', str(venv.python)])
    venv.pip(['--no-deps', '--no-build-isolation', '-e', str(ROOT)])
    venv.finish(kind)
    say('the environment is complete')


def run(command: Sequence[str]) -> None:
    """Run a command; its failure ends this program with its output on the screen."""
    subprocess.run(command, check=True)


def say(text: str) -> None:
    """Tell the person at the terminal what is being done."""
    sys.stderr.write(f'[environment] {text}\n')


def main() -> int:
    """Make the environment; return the exit code."""
    parser = argparse.ArgumentParser(description='Make the virtual environment complete.')
    parser.add_argument('--venv', type=Path, default=ROOT / '.venv')
    try:
        make(Venv(parser.parse_args().venv))
    except MissingError as error:
        say(str(error))
        return 1
    except subprocess.CalledProcessError as error:
        say(f'failed: {" ".join(map(str, error.cmd))}')
        say('the next try goes on from here')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
