"""Which torch to install: never a second one of several GB."""

from __future__ import annotations

import re

PINNED = '2.13.0'
OLDEST = (2, 4)
TOO_NEW = (3, 0)
CPU_INDEX = 'https://download.pytorch.org/whl/cpu'


def is_good(version: str | None) -> bool:
    """Tell whether an installed torch (its `__version__`, None if there is none) will do."""
    found = re.match(r'(\d+)\.(\d+)', version or '')
    if found is None:
        return False
    return OLDEST <= (int(found.group(1)), int(found.group(2))) < TOO_NEW


def install_attempts(installed: str | None, *, has_nvidia_driver: bool) -> list[list[str]]:
    """Return pip arguments to try in order until one works; empty if nothing is to be done.

    Args:
        installed: Version of the torch that the environment already sees, None if there is none.
        has_nvidia_driver: True if this machine can use a CUDA build.
    """
    if is_good(installed):
        return []
    plain = [f'torch=={PINNED}']
    if has_nvidia_driver:
        return [plain]
    # Fail fast where an index is out of reach: the next attempt works everywhere.
    return [
        [f'torch=={PINNED}+cpu'],
        [
            *('--index-url', CPU_INDEX, '--timeout', '10', '--retries', '0'),
            f'torch=={PINNED}',
        ],
        plain,
    ]
