"""Installs what the ROS 2 wheels lack into a Python environment.

    python tools/no_ros/ros_wheels/install.py --python .venv/bin/python

A part is left alone wherever the real package can be imported. Safe to repeat. Standard library
only.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile

HERE = Path(__file__).resolve().parent
MESSAGES = ('tf2_msgs', 'map_msgs')
STAND_INS = ('tf2_ros', 'cv_bridge', 'sensor_msgs_py', 'tf_transformations')
OUR_PREFIX = 'vggt-ros-'

_BUILT = shutil.ignore_patterns('build', '*.egg-info', '__pycache__')

# Runs in the environment that is looked at: who provides each of our import names?
_WHO_PROVIDES = """
import importlib.metadata, importlib.util, json, sys
owners = importlib.metadata.packages_distributions()
answer = {}
for name in sys.argv[1:]:
    names = [owner.lower().replace('_', '-') for owner in owners.get(name, [])]
    found = importlib.util.find_spec(name) is not None
    answer[name] = names or ['unknown'] if found else []
print(json.dumps(answer))
"""


def providers(python: Path) -> dict[str, list[str]]:
    """Return, for each of our import names, the distributions that provide it; [] if none."""
    asked = subprocess.run(
        [str(python), '-c', _WHO_PROVIDES, *MESSAGES, *STAND_INS],
        capture_output=True,
        text=True,
        check=True,
        env=_environment(),
    )
    answer: dict[str, list[str]] = json.loads(asked.stdout)
    return answer


def is_real(owners: list[str]) -> bool:
    """Tell whether something else than our stand-in provides a name."""
    return any(not owner.startswith(OUR_PREFIX) for owner in owners)


def install(python: Path) -> None:
    """Install all that is missing, and bring our own parts up to date."""
    owners = providers(python)
    missing = [name for name in MESSAGES if not owners[name]]
    if is_real(owners['tf2_msgs']) and missing:
        # A distribution's messages are of its own build; map_msgs is of use, not of need.
        _say(f'{", ".join(missing)}: left to the distribution')
    elif missing:
        _say(f'building {", ".join(missing)}')
        with tempfile.TemporaryDirectory(prefix='wheel_') as folder:
            built = subprocess.run(
                [str(python), str(HERE / 'build_wheel.py'), folder, *missing],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                env=_environment(),
            )
            _pip(python, *built.stdout.split())
    for name in STAND_INS:
        if is_real(owners[name]):
            _say(f'{name}: the real one is here')
            continue
        _say(f'{name}: installing the stand-in')
        with tempfile.TemporaryDirectory(prefix='stand_in_') as folder:
            # setuptools builds beside the sources, and would install old files it finds there.
            source = Path(folder) / name
            shutil.copytree(HERE / name, source, ignore=_BUILT)
            _pip(python, '--no-build-isolation', '--force-reinstall', str(source))


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), '-m', 'pip', '--disable-pip-version-check', 'install', '-qq']
    command += ['--no-deps', '--no-index', *arguments]
    subprocess.run(command, check=True, env=_environment())


def _environment() -> dict[str, str]:
    # The wheels set these for one interpreter; another one has to find its own libraries.
    hidden = {'LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE'}
    if os.environ.get('_ROS_WHEELS_BOOTSTRAP_COMPLETE') is None:
        hidden = set()
    return {key: value for key, value in os.environ.items() if key not in hidden}


def _say(text: str) -> None:
    sys.stderr.write(f'[ros_wheels] {text}\n')


def main() -> int:
    """Install into the environment named on the command line; return the exit code."""
    parser = argparse.ArgumentParser(description='Install what the ROS 2 wheels lack.')
    parser.add_argument('--python', type=Path, default=Path(sys.executable))
    try:
        install(parser.parse_args().python)
    except subprocess.CalledProcessError as error:
        _say(f'failed: {" ".join(map(str, error.cmd))}')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
