"""Middleware profile for large messages: which variables choose one, and who has chosen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FAST_DDS_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
_WITH_FAST_DDS_2 = ('humble', 'iron', 'jazzy')
PROFILE_VARIABLES = (*FAST_DDS_VARIABLES, 'CYCLONEDDS_URI')
# Other ways to choose how Fast DDS carries messages: a variable, files where it is started.
_CHOICES = (*PROFILE_VARIABLES, 'FASTDDS_BUILTIN_TRANSPORTS')
_FILES = ('DEFAULT_FASTDDS_PROFILES.xml', 'DEFAULT_FASTRTPS_PROFILES.xml')
# The least that the profile of Cyclone DDS asks for; it does not start with less.
_CYCLONE_BYTES = 10_000_000
SOCKET_LIMIT = Path('/proc/sys/net/core/rmem_max')


def profile_variables(
    environment: Mapping[str, str],
    config: Path,
    *,
    folder: Path | None = None,
    socket_limit: Path = SOCKET_LIMIT,
) -> dict[str, str]:
    """Return the variables that a process needs for large messages; none if the user chose.

    Args:
        environment: The variables that are set.
        config: The folder `config/` of this package.
        folder: Where the process is started, None for the current folder.
        socket_limit: File with the largest buffer of a socket that the kernel allows, bytes.
    """
    here = Path.cwd() if folder is None else folder
    if any(environment.get(name) for name in _CHOICES):
        return {}
    middleware = environment.get('RMW_IMPLEMENTATION') or 'rmw_fastrtps_cpp'
    if middleware.startswith('rmw_fastrtps'):
        if any((here / name).exists() for name in _FILES):
            return {}
        # Fast DDS 3 warns about the name of Fast DDS 2, which does not know the other one.
        is_2 = environment.get('ROS_DISTRO') in _WITH_FAST_DDS_2
        return {FAST_DDS_VARIABLES[is_2]: str(config / 'fastdds_large_data.xml')}
    if middleware.startswith('rmw_cyclonedds') and _allowed_bytes(socket_limit) >= _CYCLONE_BYTES:
        return {'CYCLONEDDS_URI': f'file://{config / "cyclonedds.xml"}'}
    return {}


def _allowed_bytes(socket_limit: Path) -> int:
    return int(socket_limit.read_text(encoding='ascii')) if socket_limit.is_file() else 0
