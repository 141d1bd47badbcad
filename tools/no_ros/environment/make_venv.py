"""Makes .venv complete, or says what the machine lacks; does nothing when all is there.

    python3 tools/no_ros/environment/make_venv.py [--venv .venv] [--wheels kilted or jazzy]

Needs nothing but the standard library of Python 3.10 to 3.13.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path
import shutil
import subprocess
import sys

from machine import check_build_tools, check_python, MissingError
from neighbors import link_from_neighbor
from ros_choice import (
    check_distribution,
    check_wheels,
    DEFAULT_WHEELS,
    keep,
    kept_versions,
    NEEDED,
    REPLACEABLE,
    sourced_distribution,
    WHEELS,
)
from torch_choice import install_attempts, is_good
from virtual_environment import alone, answer, run, VirtualEnvironment

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
ROS_WHEELS = Path('tools', 'no_ros', 'ros_wheels')
INTERRUPTED = 130


def make(environment: VirtualEnvironment, wheels: str = DEFAULT_WHEELS) -> None:
    """Bring the environment up to date.

    Args:
        environment: The folder.
        wheels: Whose wheels are used where no distribution is sourced, of WHEELS.

    Raises:
        MissingError: The machine lacks something.
        CalledProcessError: An installation failed.
    """
    check_python()
    distro = sourced_distribution(os.environ)
    check_wheels(wheels, distro)
    fingerprint = fingerprint_of_inputs(distro, wheels)
    if environment.is_complete(fingerprint):
        return
    stand_ins_for = check_packages_of(distro) if distro else []
    if distro is None:
        check_build_tools()
    sees_system = distro is not None or is_good(torch_version(Path(sys.executable)))
    say(f'making {environment.folder} with {sys.executable} for {describe(distro, wheels)}')
    with environment.work(fingerprint, sees_system=sees_system):
        install(environment, distro, stand_ins_for, wheels)
    say('the environment is complete')


def install(
    environment: VirtualEnvironment,
    distro: str | None,
    stand_ins_for: list[str],
    wheels: str = DEFAULT_WHEELS,
) -> None:
    """Install everything, the largest first."""
    pins = (HERE / 'constraints.txt').read_text()
    ros_pins = (HERE / f'constraints-{wheels}.txt').read_text()
    environment.constraints.write_text(keep(pins, kept_versions()) if distro else pins + ros_pins)
    install_torch(environment)
    say('installing what is named in tools/no_ros/environment/requirements*.txt')
    names = ['requirements.txt', 'requirements-dev.txt']
    names += [] if distro else ['requirements-wheels.txt']
    words = [word for name in names for word in ('-r', str(HERE / name))]
    if stand_ins_for:
        say(f'stand-ins are used; for the real ones: apt install {" ".join(stand_ins_for)}')
        words.append('transforms3d')
    environment.pip(words)
    installer = ROOT / ROS_WHEELS / 'install.py'
    run([sys.executable, str(installer), '--python', str(environment.python)])
    environment.pip(['--no-deps', '--no-build-isolation', '-e', str(ROOT)])


def install_torch(environment: VirtualEnvironment) -> None:
    """Install a torch, the smallest download that will do, or none if a neighbor has one."""
    if not is_good(torch_version(environment.python)):
        neighbor = link_from_neighbor('torch', environment)
        if neighbor:
            say(f'torch is linked from {neighbor}')
    has_driver = Path('/proc/driver/nvidia/version').exists() or bool(shutil.which('nvidia-smi'))
    attempts = install_attempts(torch_version(environment.python), has_nvidia_driver=has_driver)
    if not attempts:
        return
    for arguments in attempts[:-1]:
        say(f'looking for a CPU build: {" ".join(arguments)}')
        if environment.try_pip(arguments):
            return
    say(f'installing {" ".join(attempts[-1])}, which may be several GB')
    environment.pip(attempts[-1])


def torch_version(python: Path) -> str | None:
    """Return the version of the torch that an interpreter sees, None if it sees none."""
    return answer(python, 'import torch; print(torch.__version__)')


def check_packages_of(distro: str) -> list[str]:
    """Return the packages that would replace stand-ins; raise MissingError if vital ones lack."""
    names = ['rclpy', *NEEDED, *REPLACEABLE]
    # Really imported, one by one: a module for another Python is found, but cannot be imported.
    importable = {
        name for name in names if answer(Path(sys.executable), f'import {name}') is not None
    }
    return check_distribution(distro, importable, sys.executable)


def fingerprint_of_inputs(distro: str | None, wheels: str = DEFAULT_WHEELS) -> str:
    """Return a hash of all that decides what belongs into the environment."""
    told = f'{distro} {wheels} {sys.version} {sys.base_prefix} {ROOT}'
    digest = hashlib.sha256(told.encode())
    sources = [*HERE.glob('*'), *(ROOT / ROS_WHEELS).rglob('*'), ROOT / 'setup.py']
    for path in sorted(sources):
        inside = path.relative_to(ROOT)
        if path.is_file() and not is_by_product(inside):
            digest.update(str(inside).encode() + path.read_bytes())
    return digest.hexdigest()


def is_by_product(inside: Path) -> bool:
    """Tell whether a path below the repository was made by Python or by pip."""
    made = any(part in {'__pycache__', 'build'} or '.egg-info' in part for part in inside.parts)
    return made or inside.suffix == '.md'


def describe(distro: str | None, wheels: str) -> str:
    """Return a few words for the person at the terminal."""
    return f'ROS 2 {distro}' if distro else f'the wheels of ROS 2 {wheels}'


def leave(folder: Path) -> None:
    """Go on with the interpreter below, if this one lives in the folder that is to be made."""
    if Path(sys.prefix).resolve() != folder.resolve():
        return
    base = Path(sys.base_prefix) / 'bin' / f'python{sys.version_info[0]}.{sys.version_info[1]}'
    kept = dict(os.environ)
    # Set by the ROS 2 wheels for the interpreter that is left.
    if kept.pop('_ROS_WHEELS_BOOTSTRAP_COMPLETE', None):
        kept.pop('LD_LIBRARY_PATH', None)
    os.execve(base, [str(base), *sys.argv], kept)


def say(text: str) -> None:
    """Tell the person at the terminal what is being done."""
    sys.stderr.write(f'[environment] {text}\n')


def main() -> int:
    """Make the environment; return the exit code."""
    parser = argparse.ArgumentParser(description='Make the virtual environment complete.')
    parser.add_argument('--venv', type=Path, default=ROOT / '.venv')
    parser.add_argument('--wheels', choices=WHEELS, default=DEFAULT_WHEELS)
    chosen = parser.parse_args()
    folder = chosen.venv.absolute()
    leave(folder)
    try:
        with alone(HERE):
            make(VirtualEnvironment(folder), chosen.wheels)
    except MissingError as error:
        say(str(error))
        return 1
    except subprocess.CalledProcessError as error:
        say(f'failed: {" ".join(map(str, error.cmd))}')
        say('the next try goes on from here')
        return 1
    except KeyboardInterrupt:
        say('interrupted; the next try starts anew')
        return INTERRUPTED
    return 0


if __name__ == '__main__':
    sys.exit(main())
