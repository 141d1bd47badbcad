"""Builds message packages with rosidl, in a throw-away environment, and packs them as wheels.

    python build_wheel.py OUTPUT_FOLDER PACKAGE [PACKAGE ...]

A package is a folder beside this file: tf2_msgs, map_msgs. Prints a line for each wheel. They fit
the Python that runs this file, and the ROS 2 wheels it has. Needs a C++ compiler and Python's
headers; cmake, ninja and rosidl come from pip.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
import hashlib
import importlib.metadata
import os
from pathlib import Path
import re
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

HERE = Path(__file__).resolve().parent
VERSION = '0.1.0'
MESSAGES = 'ros-geometry-msgs'  # what they are made of, with its std_msgs

# Entries of exported CMake targets that name folders of the machine the wheels were built on;
# CMake refuses targets with include folders that do not exist.
_FOREIGN_FOLDER = re.compile(r'/opt/python/[^;"]*;?')


class UnknownWheelsError(Exception):
    """The ROS 2 wheels are of a version that no build-requirements-*.txt knows."""


def requirements_for(version: str) -> Path:
    """Return the file with what builds for the runtime wheels of one distribution.

    Args:
        version: Of the wheel of geometry_msgs that is used at run time.

    Raises:
        UnknownWheelsError: There is no such file.
    """
    known = {}
    for path in HERE.glob('build-requirements-*.txt'):
        known |= dict.fromkeys(re.findall(rf'^{MESSAGES}==(.+)$', path.read_text(), re.M), path)
    if version not in known:
        raise UnknownWheelsError(
            f'{MESSAGES} {version} is installed, messages are built for '
            f'{", ".join(sorted(known))}; install one of these, or write a '
            'build-requirements-*.txt with the versions that go with it'
        )
    return known[version]


def build_wheels(output: Path, packages: Sequence[str]) -> list[Path]:
    """Build the wheels into a folder and return their paths.

    Args:
        output: The folder.
        packages: Names of folders beside this file.

    Raises:
        subprocess.CalledProcessError: pip, cmake or the compiler failed.
        UnknownWheelsError: The messages here are of a distribution that was never tried.
    """
    needed = requirements_for(importlib.metadata.version(MESSAGES))
    with tempfile.TemporaryDirectory(prefix='messages_') as scratch:
        prefix = Path(scratch) / 'environment'
        _make_environment(prefix, needed)
        _remove_foreign_folders(prefix)
        wheels = []
        for package in packages:
            build, installed = Path(scratch) / package / 'build', Path(scratch) / package / 'made'
            _compile(HERE / package, prefix, build, installed)
            wheels.append(_pack(f'vggt_ros_{package}', installed, output))
        return wheels


def _clean_environment(**extra: str) -> dict[str, str]:
    """Return the environment without what the ROS wheels put into it for another interpreter."""
    hidden = {'LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE', 'PYTHONPATH'}
    return {k: v for k, v in os.environ.items() if k not in hidden} | extra


def _make_environment(prefix: Path, needed: Path) -> None:
    subprocess.run([sys.executable, '-m', 'venv', str(prefix)], check=True)
    subprocess.run(
        [
            *(str(prefix / 'bin' / 'python'), '-m', 'pip', '--disable-pip-version-check'),
            *('install', '-qq', '-r', str(needed)),
        ],
        check=True,
        env=_clean_environment(),
    )


def _remove_foreign_folders(prefix: Path) -> None:
    for path in (prefix / 'share').rglob('*.cmake'):
        text = path.read_text()
        if _FOREIGN_FOLDER.search(text):
            path.write_text(_FOREIGN_FOLDER.sub('', text))


def _compile(source: Path, prefix: Path, build: Path, installed: Path) -> None:
    environment = _clean_environment(
        AMENT_PREFIX_PATH=str(prefix),
        CMAKE_PREFIX_PATH=str(prefix),
        LD_LIBRARY_PATH=str(prefix / 'lib'),
        PATH=f'{prefix / "bin"}{os.pathsep}{os.environ["PATH"]}',
    )
    packages = f'lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages'
    cmake = str(prefix / 'bin' / 'cmake')
    commands = (
        [
            *(cmake, '-S', str(source), '-B', str(build), '-G', 'Ninja'),
            f'-DCMAKE_INSTALL_PREFIX={installed}',
            f'-DPYTHON_INSTALL_DIR={packages}',
            f'-DPython3_EXECUTABLE={prefix / "bin" / "python"}',
            *('-DBUILD_TESTING=OFF', '-DCMAKE_BUILD_TYPE=Release'),
            '-DCMAKE_SKIP_INSTALL_RPATH=ON',  # the wheels find their libraries by the prefix
        ],
        [cmake, '--build', str(build)],
        [cmake, '--install', str(build)],
    )
    for command in commands:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False
        )
        if done.returncode != 0:
            sys.stderr.write(done.stdout + done.stderr)
            done.check_returncode()


def _pack(name: str, installed: Path, output: Path) -> Path:
    """Zip the install tree as a wheel (PEP 427)."""
    python = f'cp{sys.version_info[0]}{sys.version_info[1]}'
    platform = sysconfig.get_platform().replace('-', '_').replace('.', '_')
    tag = f'{python}-{python}-{platform}'
    files: dict[str, bytes] = {}
    for path in sorted(installed.rglob('*')):
        inside = path.relative_to(installed)
        if path.is_file() and not _is_left_out(inside):
            files[_path_in_wheel(name, inside)] = path.read_bytes()
    info = f'{name}-{VERSION}.dist-info'
    files[f'{info}/METADATA'] = (
        f'Metadata-Version: 2.1\nName: {name}\nVersion: {VERSION}\n'
        'Summary: messages for environments without a ROS installation\n'
    ).encode()
    files[f'{info}/WHEEL'] = (
        f'Wheel-Version: 1.0\nGenerator: vggt_ros\nRoot-Is-Purelib: false\nTag: {tag}\n'
    ).encode()
    record = ''.join(
        f'{path},{_hash(content)},{len(content)}\n' for path, content in files.items()
    )
    files[f'{info}/RECORD'] = f'{record}{info}/RECORD,,\n'.encode()
    output.mkdir(parents=True, exist_ok=True)
    wheel = output / f'{name}-{VERSION}-{tag}.whl'
    with zipfile.ZipFile(wheel, 'w', zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return wheel


def _is_left_out(inside: Path) -> bool:
    is_header = inside.parts[0] == 'include'
    is_metadata = any(part.endswith('.egg-info') for part in inside.parts)
    return is_header or is_metadata or inside.suffix in {'.pyc', '.c'}


def _path_in_wheel(name: str, inside: Path) -> str:
    parts = inside.parts
    if 'site-packages' in parts:
        return '/'.join(parts[parts.index('site-packages') + 1 :])
    return '/'.join((f'{name}-{VERSION}.data', 'data', *parts))


def _hash(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()
    return f'sha256={digest}'


if __name__ == '__main__':
    for built in build_wheels(Path(sys.argv[1]), sys.argv[2:]):
        sys.stdout.write(f'{built}\n')
