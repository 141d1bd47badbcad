"""What pip cannot install: Python itself, its headers, a compiler."""

from __future__ import annotations

import importlib.util
from pathlib import Path
import platform
import shutil
import sys
import sysconfig

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)
WHEELS_ARE_FOR = ('Linux', 'x86_64')


class MissingError(Exception):
    """The machine lacks something; the message names it and the package that brings it."""


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raise MissingError if this interpreter is too old or too new, or cannot make environments.

    Args:
        version: Major and minor version of the interpreter.
    """
    name = f'python{version[0]}.{version[1]}'
    if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        raise MissingError(
            f'{sys.executable} is Python {version[0]}.{version[1]}, wanted is 3.10 to 3.13; '
            'install one of them (Debian, Ubuntu: apt install python3 python3-venv python3-dev) '
            'and name it: make PYTHON=python3.12 ...'
        )
    for module in ('venv', 'ensurepip'):
        if importlib.util.find_spec(module) is None:
            raise MissingError(
                f'{sys.executable} has no module {module}; '
                f'install it (Debian, Ubuntu: apt install {name}-venv)'
            )


def check_build_tools() -> None:
    """Raise MissingError if messages cannot be compiled and linked to the ROS 2 wheels here."""
    here = (platform.system(), platform.machine())
    if here != WHEELS_ARE_FOR:
        raise MissingError(
            f'this is {" ".join(here)}, the ROS 2 wheels are for {" ".join(WHEELS_ARE_FOR)}; '
            'install a ROS 2 distribution and source its setup.bash first'
        )
    for compiler in ('cc', 'c++'):
        if shutil.which(compiler) is None:
            raise MissingError(
                f'no compiler ({compiler}); '
                'install it (Debian, Ubuntu: apt install build-essential)'
            )
    header = Path(sysconfig.get_path('include')) / 'Python.h'
    if not header.exists():
        major, minor = sys.version_info[:2]
        raise MissingError(
            f'no {header}; install it (Debian, Ubuntu: apt install python{major}.{minor}-dev)'
        )
