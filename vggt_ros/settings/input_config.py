"""Settings of what comes in: cameras, their synchronization, transport and rectification.

Part of the tree in `vggt_ros/settings/config.py`; defaults are here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vggt_ros.errors import ConfigError
from vggt_ros.settings.parameter import parameter

MAX_CAMERAS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSettings:
    """How images of several cameras become sets."""

    slop: float = parameter(
        0.015,
        'Largest difference of the stamps in a set; below half of the time between two images.',
        unit='s',
        minimum=0.0,
        maximum=0.5,
    )
    min_cameras: int = parameter(
        0, 'Use sets of at least so many cameras; 0 for all.', unit='cameras', minimum=0, maximum=8
    )
    max_lag: float = parameter(
        0.25,
        'Wait so long, by the stamps of the other cameras, for a camera that lags.',
        unit='s',
        minimum=0.0,
        maximum=5.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """How images enter."""

    num_cameras: int = parameter(
        1,
        'Cameras. One is read from image and camera_info, several from image_0, camera_info_0 and '
        'so on.',
        unit='cameras',
        minimum=1,
        maximum=MAX_CAMERAS,
        read_only=True,
    )
    transport: str = parameter(
        'auto',
        'raw: sensor_msgs/Image; compressed: CompressedImage on the topic with /compressed behind '
        'it; auto: raw, unless only the compressed topic has a publisher.',
        choices=('auto', 'raw', 'compressed'),
        read_only=True,
    )
    use_camera_info: bool = parameter(
        True, 'Use the calibration on camera_info when it is published.', read_only=True
    )
    rectify: str = parameter(
        'auto',
        'Undo the distortion that camera_info describes. auto: unless the topic is rectified '
        'already, which its name tells (image_rect, image_rect_color); always; never.',
        choices=('auto', 'always', 'never'),
        read_only=True,
    )
    bits: int = parameter(
        0,
        'Bits that images with 16 use (mono16, rgb16, bayer_rggb16 and so on): 12 for a sensor '
        'with values up to 4095. 0 finds out, by the brightest value so far, and says so.',
        unit='bits',
        minimum=0,
        maximum=16,
        read_only=True,
    )
    generic_as_gray: bool = parameter(
        False,
        'Take 8UC1 and 16UC1, which do not say what their numbers are, for gray images, as of '
        'infrared and thermal cameras; 16UC1 is stretched to the range that was seen. Otherwise '
        'they are refused: they are depth, or labels, on most topics.',
        read_only=True,
    )
    qos_reliability: str = parameter(
        'auto',
        'Reliability of the subscriptions to images, depth and camera_info. auto: what each '
        'publisher offers, those that come later, too; best_effort matches every publisher, but '
        'loses large images of reliable ones; reliable matches reliable ones only.',
        choices=('auto', 'best_effort', 'reliable'),
        read_only=True,
    )
    qos_durability: str = parameter(
        'auto',
        'Durability of them. auto: as above, so that a camera_info that was published once, '
        'latched, is received; volatile: only what is published from now on.',
        choices=('auto', 'volatile', 'transient_local'),
        read_only=True,
    )
    qos_depth: int = parameter(
        0,
        'Queue of them; 0 for as many messages as come in a second, at most 250 MB.',
        minimum=0,
        maximum=100,
        read_only=True,
    )
    on_time_jump: str = parameter(
        'reset',
        'When the stamps of a camera begin again earlier, as when a recording loops. reset: '
        'forget the map, too; clear: only what waits, the map goes on in a segment of its own; '
        'ignore: go on as if nothing had happened.',
        choices=('reset', 'clear', 'ignore'),
    )
    watchdog_period: float = parameter(
        5.0,
        'Warn about a topic that is silent for so long, and say why; 0 never.',
        unit='s',
        minimum=0.0,
        maximum=3600.0,
    )
    sync: SyncSettings = field(default_factory=SyncSettings)

    def __post_init__(self) -> None:
        """Raise ConfigError if sets would need more cameras than there are."""
        if self.sync.min_cameras > self.num_cameras:
            raise ConfigError(
                f'input.sync.min_cameras must be in 0..{self.num_cameras} (input.num_cameras is '
                f'{self.num_cameras}); got {self.sync.min_cameras}'
            )

    @property
    def min_cameras(self) -> int:
        """Least cameras of a set."""
        return self.sync.min_cameras or self.num_cameras
