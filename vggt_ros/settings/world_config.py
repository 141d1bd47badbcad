"""Settings of what is known about the world: frames, scale, map, loops.

Part of the tree in `vggt_ros/settings/config.py`; defaults are here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
import logging

from vggt_ros.errors import ConfigError
from vggt_ros.settings.parameter import parameter

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSettings:
    """Names of coordinate frames."""

    map: str = parameter('map', 'Fixed frame of the map, z up.', read_only=True)
    odom: str = parameter(
        'odom', 'Frame of the odometry, of which the base is a descendant in TF.', read_only=True
    )
    base: str = parameter('base_link', 'Frame of the robot, z up.', read_only=True)
    visual_odom: str = parameter(
        'vggt_odom',
        'Frame of ~/odometry: begins as the map does and is never corrected; not in TF.',
        read_only=True,
    )
    camera: str = parameter(
        '', 'Optical frame of the camera; empty takes it from the image header.', read_only=True
    )

    def __post_init__(self) -> None:
        """Take slashes off, as tf2 does; raise ConfigError if two frames have one name."""
        for each in fields(self):
            name = getattr(self, each.name)
            if name.startswith('/'):
                _log.warning(
                    'frames.%s is %r; names of frames have no leading slash in tf2: %r is used',
                    each.name,
                    name,
                    name[1:],
                )
                object.__setattr__(self, each.name, name[1:])
        names = (self.map, self.odom, self.base, self.visual_odom)
        if len(set(names)) < len(names):
            raise ConfigError(
                f'frames.map, frames.odom, frames.base and frames.visual_odom must differ; got '
                f'{", ".join(map(repr, names))}'
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TfSettings:
    """Which transforms are broadcast, and which are asked for."""

    mode: str = parameter(
        'auto',
        'auto: map_to_odom if TF knows the base in the odometry, else map_to_base if it knows the '
        'camera on the base, else map_to_camera, and more as soon as TF knows more; none: no TF.',
        choices=('auto', 'map_to_odom', 'map_to_base', 'map_to_camera', 'none'),
        read_only=True,
    )
    publish_rate: float = parameter(
        20.0,
        'Rate at which map -> odom is sent again.',
        unit='Hz',
        minimum=1.0,
        maximum=100.0,
        read_only=True,
    )
    tolerance: float = parameter(
        0.1,
        'map -> odom is stamped so far ahead of now, so that it can be used until the next one.',
        unit='s',
        minimum=0.0,
        maximum=2.0,
    )
    lookup_timeout: float = parameter(
        0.2,
        'Wait so long, once a window, for transforms at the stamps of its images.',
        unit='s',
        minimum=0.0,
        maximum=10.0,
    )
    cache_time: float = parameter(
        30.0,
        'Keep transforms so long; a slow window asks for old ones.',
        unit='s',
        minimum=10.0,
        maximum=120.0,
        read_only=True,
    )
    smoothing_time: float = parameter(
        0.0,
        'Spread a correction of map -> odom over this time; 0 jumps.',
        unit='s',
        minimum=0.0,
        maximum=10.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSettings:
    """Where meters come from."""

    source: str = parameter(
        'auto',
        'rig: the places of several cameras in TF; odometry: camera motion in TF below '
        'frames.odom; depth: the topic depth; model: the network, if it means meters (VGGT does '
        'not); fixed: scale.fixed; auto: the rig, else odometry and depth as they come, else the '
        'model; none: never meters.',
        choices=('auto', 'none', 'fixed', 'rig', 'odometry', 'depth', 'model'),
        read_only=True,
    )
    fixed: float = parameter(
        1.0,
        'Meters per unit of the first window, for scale.source fixed.',
        minimum=1e-4,
        maximum=1e4,
        read_only=True,
    )
    min_baseline: float = parameter(
        0.1,
        'Camera motion in a window below which odometry says nothing about scale.',
        unit='m',
        minimum=0.001,
        maximum=10.0,
    )
    max_residual: float = parameter(
        0.1,
        'Largest disagreement of the shapes that are compared, relative; a window above it does '
        'not count.',
        minimum=0.001,
        maximum=1.0,
    )
    lock_after: int = parameter(
        5,
        'Windows that must agree before lengths are called meters.',
        unit='windows',
        minimum=1,
        maximum=1000,
    )
    require_metric: bool = parameter(
        False, 'Publish no transform, pose, map or grid before the scale is metric.'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GravitySettings:
    """What tells which way is up, so that roll and pitch do not drift."""

    use_imu: bool = parameter(
        True, 'Use the topic imu (sensor_msgs/Imu) when it is published.', read_only=True
    )
    sigma: float = parameter(
        1.0,
        'Standard deviation of the direction of gravity, mounting of the IMU included.',
        unit='deg',
        minimum=0.05,
        maximum=20.0,
    )
    level_base: bool = parameter(
        False,
        'Take frames.base for level at all times where no IMU tells: a robot with wheels on flat '
        'floor. Wrong on ramps, legs and wings.',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """How places are recognized and what that changes."""

    enable: bool = parameter(
        True, 'Recognize places and correct the map where the path closes a loop.', read_only=True
    )
    min_gap: float = parameter(
        15.0,
        'Do not look for places that were left less than this ago.',
        unit='s',
        minimum=1.0,
        maximum=3600.0,
    )
    min_similarity: float = parameter(
        0.5,
        'Cosine of two descriptors, relative to the mean of all, from which two places are '
        'compared by a window over both.',
        minimum=0.0,
        maximum=1.0,
    )
    max_places: int = parameter(
        1000,
        'Views of places remembered, about 0.1 MB each; those of the most crowded places go '
        'first.',
        unit='places',
        minimum=10,
        maximum=100_000,
        read_only=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSettings:
    """The accumulated voxel map."""

    enable: bool = parameter(True, 'Accumulate points into ~/map/points.', read_only=True)
    voxel_size: float = parameter(
        0.02,
        'Edge of a voxel; map units.',
        unit='m',
        minimum=0.001,
        maximum=10.0,
        read_only=True,
    )
    max_points: int = parameter(
        1_000_000,
        'Bound of the map; the voxels seen longest ago go first.',
        unit='points',
        minimum=1000,
        maximum=50_000_000,
    )
    max_radius: float = parameter(
        0.0,
        'Forget points farther than this from the camera; 0 keeps them all.',
        unit='m',
        minimum=0.0,
        maximum=1e4,
    )
    dynamic: str = parameter(
        'remove',
        'remove: points that later images see through leave the map, and what moves within a '
        'window is not drawn; keep: whatever was seen once stays.',
        choices=('keep', 'remove'),
    )
    publish_rate: float = parameter(
        0.5,
        'Rate limit of ~/map/points, ~/map/points_update and ~/occupancy.',
        unit='Hz',
        minimum=0.01,
        maximum=10.0,
    )
    save_path: str = parameter(
        '~/.ros/vggt_maps',
        'Folder that ~/save_map makes a new folder in for every map; nothing is written '
        'elsewhere.',
        read_only=True,
    )
    load_path: str = parameter(
        '',
        'Folder of a saved map to go on with, at the start and by ~/load_map; empty for none.',
    )
    autosave_period: float = parameter(
        0.0,
        'Save the map so often, as `autosave` in map.save_path in place of the one before; 0 '
        'never does.',
        unit='s',
        minimum=0.0,
        maximum=86_400.0,
    )
    max_saves: int = parameter(
        100,
        'Maps in that folder; ~/save_map refuses to make more, and deletes none. 0 for any '
        'number.',
        unit='maps',
        minimum=0,
        maximum=1_000_000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupancySettings:
    """The occupancy grid, for planners."""

    enable: bool = parameter(False, 'Publish ~/occupancy.', read_only=True)
    resolution: float = parameter(
        0.05, 'Edge of a cell.', unit='m', minimum=0.01, maximum=1.0, read_only=True
    )
    floor: str = parameter(
        'auto',
        'Where heights count from. auto: a floor found in the map, if the map began at the camera '
        'and is known to be z-up, else z = 0; zero: z = 0 of the map.',
        choices=('auto', 'zero'),
    )
    min_height: float = parameter(
        0.1,
        'Points lower than this above the floor are floor, not obstacle.',
        unit='m',
        minimum=-100.0,
        maximum=100.0,
    )
    max_height: float = parameter(
        2.0,
        'Points higher than this above the floor are passed under.',
        unit='m',
        minimum=-100.0,
        maximum=100.0,
    )
    max_range: float = parameter(
        5.0,
        'Farther points mark nothing.',
        unit='m',
        minimum=0.1,
        maximum=100.0,
    )
    robot_width: float = parameter(
        0.5,
        'Narrower gaps lead nowhere: for the estimate of coverage on /diagnostics.',
        unit='m',
        minimum=0.01,
        maximum=100.0,
    )

    def __post_init__(self) -> None:
        """Raise ConfigError if nothing is an obstacle."""
        if self.min_height >= self.max_height:
            raise ConfigError(
                f'occupancy.max_height must be above occupancy.min_height '
                f'({self.min_height:g}); got {self.max_height:g}'
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSettings:
    """The published trajectory."""

    max_size: int = parameter(
        1024, 'Poses kept in ~/path; the oldest go first.', unit='poses', minimum=2, maximum=100000
    )
