"""`vggt_ros doctor`: what is there, what is missing, and what would help."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
import importlib.metadata
import json
import os
from pathlib import Path
import platform
import subprocess
import sys
from typing import Any

import torch

from vggt_ros import __version__
from vggt_ros.errors import CheckpointError, VggtRosError
from vggt_ros.inference.checkpoint import locate
from vggt_ros.inference.self_test import run_self_test
from vggt_ros.middleware_profile import PROFILE_VARIABLES, SOCKET_LIMIT
from vggt_ros.settings.config import ModelSettings

# A cloud of VGGT has megabytes; the usual buffer of a socket holds a fraction of one.
_MIN_SOCKET_BYTES = 8_000_000
_MIN_SHARED_BYTES = 64_000_000
_SHARED_MEMORY = Path('/dev/shm')
_EXIT_TROUBLE = 1


# What was found, and whether that is as it should be.
Line = tuple[bool, str]


def add_parser(commands: Any) -> None:
    """Add `doctor` to the subcommands of an argparse parser."""
    parser = commands.add_parser(
        'doctor', help='look for what is missing, and say what would help'
    )
    parser.add_argument('--node', default='/vggt', help='full name of the node to look at')
    parser.add_argument(
        '--checkpoint', default='nano', metavar='ID', help='nano, a hub id, or a weights file'
    )
    parser.add_argument('--seconds', type=float, default=5.0, help='how long messages are counted')
    parser.add_argument(
        '--self-test',
        action='store_true',
        help='run nano on a stored window and compare with stored numbers, nothing else',
    )
    parser.add_argument('--device', default='auto', help='of the self-test, as model.device')
    parser.add_argument('--precision', default='auto', help='as model.precision')
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what was found; return 0 if nothing is in the way."""
    troubles = []
    for title, lines in _sections(options):
        sys.stdout.write(f'{title}\n')
        for is_well, line in lines:
            sys.stdout.write(f'  {"" if is_well else "! "}{line}\n')
            sys.stdout.flush()
            if not is_well:
                troubles.append(line)
    if not troubles:
        sys.stdout.write('nothing is in the way\n')
        return 0
    order = '; the first of a section may be the cause of the others' if troubles[1:] else ''
    sys.stdout.write(f'{len(troubles)} to look at{order}\n')
    return _EXIT_TROUBLE


def _sections(options: argparse.Namespace) -> list[tuple[str, Iterable[Line]]]:
    if options.self_test:
        return [
            ('machine', machine_lines()),
            ('self-test', self_test_lines(options.device, options.precision)),
        ]
    return [
        ('machine', machine_lines()),
        ('weights', weights_lines(options.checkpoint)),
        ('middleware', middleware_lines()),
        ('graph', graph_lines(options.node, options.seconds)),
    ]


def machine_lines() -> Iterator[Line]:
    """Yield what the code runs on."""
    yield True, f'vggt_ros {__version__}, Python {platform.python_version()}, {platform.machine()}'
    yield True, f'PyTorch {torch.__version__}'
    if not torch.cuda.is_available():
        yield True, 'no CUDA device: the network runs on the CPU, which suffices for nano only'
        return
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        yield True, f'cuda:{index} {properties.name}, {properties.total_memory / 1e9:.1f} GB'


def self_test_lines(device: str, precision: str) -> Iterator[Line]:
    """Yield whether this device gives the numbers that are stored for a window."""
    try:
        found = run_self_test(ModelSettings(device=device, precision=precision))
    except VggtRosError as error:
        yield False, str(error)
        return
    yield True, f'nano on {found.device} in {found.precision}, three images'
    for name, bound in found.bounds.items():
        is_well = name not in found.wrong
        advice = '' if is_well else ': this driver, PyTorch or device computes wrongly'
        yield is_well, f'{name} {found.errors[name]:.2g} of {bound:g} allowed{advice}'


def weights_lines(checkpoint: str) -> Iterator[Line]:
    """Yield whether the weights are there; nothing is downloaded."""
    try:
        preset, path = locate(checkpoint, offline=True)
    except CheckpointError as error:
        yield False, f'{checkpoint}: {error}'
        return
    if not path.is_file():
        yield False, f'{checkpoint}: there is no file {path}'
        return
    yield True, f'{checkpoint}: {path} ({path.stat().st_size / 1e6:.0f} MB)'
    if preset.notice:
        yield True, preset.notice


def middleware_lines() -> Iterator[Line]:
    """Yield what carries the messages, and how large they may be."""
    try:
        version = importlib.metadata.version('ros-rclpy')
        yield True, f'rclpy {version} from wheels: no distribution is sourced'
    except importlib.metadata.PackageNotFoundError:
        distribution = os.environ.get('ROS_DISTRO')
        if distribution is None:
            yield False, 'no ROS 2: source a distribution, or run `make venv` for the wheels'
            return
        yield True, f'ROS 2 {distribution}'
    names = ('RMW_IMPLEMENTATION', 'ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE')
    yield True, ', '.join(f'{name} {os.environ.get(name, "not set")}' for name in names)
    profiles = [name for name in PROFILE_VARIABLES if os.environ.get(name)]
    for name in profiles:
        path = Path(os.environ[name].removeprefix('file://'))
        yield path.is_file(), f'{name} {path}{"" if path.is_file() else ": there is no such file"}'
    if not profiles:
        yield (
            True,
            'no profile for large messages here; the launch files set that of config/ for the '
            'node, drivers that are best effort need it, too: see docs/middleware.md',
        )
    if SOCKET_LIMIT.is_file():
        limit = int(SOCKET_LIMIT.read_text(encoding='ascii'))
        remedy = ': clouds from or to other machines are lost; see docs/middleware.md'
        is_enough = limit >= _MIN_SOCKET_BYTES
        yield True, f'net.core.rmem_max {limit}{"" if is_enough else remedy}'
    if _SHARED_MEMORY.is_dir():
        free = os.statvfs(_SHARED_MEMORY)
        num_bytes = free.f_bavail * free.f_frsize
        remedy = ': make room, or give the container more (docker run --shm-size=1g)'
        is_enough = num_bytes >= _MIN_SHARED_BYTES
        yield is_enough, f'{num_bytes / 1e6:.0f} MB free in /dev/shm{"" if is_enough else remedy}'


def graph_lines(node: str, seconds: float) -> Iterator[Line]:
    """Yield what a running node hears and says; looked at in a process that has ROS."""
    words = [sys.executable, '-m', 'vggt_ros.ros.tools.graph_doctor', node, str(seconds)]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    if found.returncode:
        last = found.stderr.strip().splitlines()[-1:] or [f'exit code {found.returncode}']
        yield False, f'ROS 2 cannot be used from this Python: {last[0]}'
        return
    for line in found.stdout.splitlines():
        is_well, text = json.loads(line)
        yield bool(is_well), str(text)
