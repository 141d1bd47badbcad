"""Which ROS 2 to use: the distribution that is sourced, or the wheels from PyPI."""

from __future__ import annotations

from collections.abc import Collection, Mapping
import importlib.metadata

from machine import MissingError

# Distributions that have wheels; constraints-*.txt has their versions.
WHEELS = ('kilted', 'jazzy')
DEFAULT_WHEELS = 'kilted'
# Compiled against each other in a distribution: another numpy breaks its cv_bridge.
KEPT = ('matplotlib', 'numpy', 'pillow', 'scipy')
# Without these even the stand-ins of tools/no_ros/ros_wheels/ are of no use.
NEEDED = {'numpy': 'python3-numpy', 'cv2': 'python3-opencv', 'tf2_msgs': 'ros-{distro}-tf2-msgs'}
REPLACEABLE = {
    'cv_bridge': 'ros-{distro}-cv-bridge',
    'sensor_msgs_py': 'ros-{distro}-sensor-msgs-py',
    'tf2_ros': 'ros-{distro}-tf2-ros-py',
    'tf_transformations': 'ros-{distro}-tf-transformations',
}


def sourced_distribution(environment: Mapping[str, str]) -> str | None:
    """Return the name of the ROS 2 distribution whose setup file was sourced, None if none was.

    What colcon built on the wheels sets AMENT_PREFIX_PATH, too, but no ROS_DISTRO.
    """
    if not environment.get('AMENT_PREFIX_PATH'):
        return None
    return environment.get('ROS_DISTRO') or None


def check_wheels(wheels: str, distro: str | None) -> None:
    """Raise MissingError if wheels are asked for where a sourced distribution would be used.

    Args:
        wheels: One of WHEELS; the default goes with everything.
        distro: Name of the sourced distribution, None if none is.
    """
    if distro and wheels != DEFAULT_WHEELS:
        raise MissingError(
            f'the wheels of {wheels} are asked for and ROS 2 {distro} is sourced; take a terminal '
            'in which no distribution is sourced, or leave ROS_WHEELS out'
        )


def check_distribution(distro: str, importable: Collection[str], interpreter: str) -> list[str]:
    """Return the Debian packages that would replace stand-ins by the real thing.

    Args:
        distro: Name of the sourced distribution.
        importable: Names of modules that the interpreter can import.
        interpreter: Its path, for the message.

    Raises:
        MissingError: The distribution is of no use to this interpreter.
    """
    if 'rclpy' not in importable:
        raise MissingError(
            f'ROS 2 {distro} is sourced, but {interpreter} cannot import its rclpy; take the '
            'Python it was built for (make PYTHON=/usr/bin/python3 ...), or a terminal in which '
            'no distribution is sourced'
        )
    missing = [package for module, package in NEEDED.items() if module not in importable]
    if missing:
        raise MissingError(
            f'ROS 2 {distro} is not complete; apt install '
            + ' '.join(package.format(distro=distro) for package in missing)
            + ' (or all of it: rosdep install --from-paths . --ignore-src -y)'
        )
    return [
        package.format(distro=distro)
        for module, package in REPLACEABLE.items()
        if module not in importable
    ]


def kept_versions() -> dict[str, str]:
    """Return the versions of what this interpreter's distribution compiled against numpy."""
    versions = {}
    for name in KEPT:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def keep(constraints: str, versions: Mapping[str, str]) -> str:
    """Return pip constraints that leave what a distribution compiled against its numpy alone.

    Args:
        constraints: Text of constraints.txt: a line a package, `name==version` and perhaps a
            marker.
        versions: Version by name, of those of KEPT that are there. The others of KEPT are not
            constrained: pip takes the newest that goes with the distribution's numpy.
    """
    lines = [line for line in constraints.splitlines() if line.split('==')[0] not in KEPT]
    lines += [f'{name}=={version}' for name, version in sorted(versions.items())]
    return '\n'.join(lines) + '\n'
