"""All settings of vggt_ros: one tree, defaults here and nowhere else.

The dotted path of a field is the name of its ROS parameter. `config/vggt.yaml` and
`docs/parameters.md` are generated from this tree (`make docs`), and a test keeps them equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vggt_ros.errors import ConfigError
from vggt_ros.settings.input_config import InputSettings
from vggt_ros.settings.parameter import parameter
from vggt_ros.settings.refine_config import RefineSettings
from vggt_ros.settings.world_config import (
    FrameSettings,
    GravitySettings,
    LoopSettings,
    MapSettings,
    OccupancySettings,
    PathSettings,
    ScaleSettings,
    TfSettings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Which network runs, where and how."""

    checkpoint: str = parameter(
        'facebook/VGGT-1B',
        'Weights: nano, a Hugging Face id, or a path to a .safetensors or .pt file.',
        read_only=True,
    )
    backbone: str = parameter(
        'vggt',
        'Kind of network: vggt, or what another package registers as vggt_ros.predictors.',
        read_only=True,
    )
    offline: bool = parameter(
        False, 'Never use the network to find weights, only the local cache.', read_only=True
    )
    revision: str = parameter(
        '',
        'Commit, tag or branch of the hub repository that the weights come from; empty for the '
        'newest. Only a commit is always the same.',
        read_only=True,
    )
    sha256: str = parameter(
        '',
        'SHA-256 that the weights file must have, in hexadecimal digits; empty if it may be any.',
        read_only=True,
    )
    hub_timeout: float = parameter(
        60.0,
        'Give up loading when nothing came from the hub for so long; 0 never.',
        unit='s',
        minimum=0.0,
        maximum=3600.0,
        read_only=True,
    )
    device: str = parameter(
        'auto', 'Where the network runs: auto, cpu, cuda or cuda:N.', read_only=True
    )
    precision: str = parameter(
        'auto',
        'Arithmetic of the backbone; auto is bf16 or fp16 on CUDA and fp32 on the CPU.',
        choices=('auto', 'bf16', 'fp16', 'fp32'),
        read_only=True,
    )
    dense_precision: str = parameter(
        'fp32',
        'Arithmetic of the depth and the point head except for their last layers; bf16 and fp16 '
        'change depth by less than 1 %.',
        choices=('bf16', 'fp16', 'fp32'),
        read_only=True,
    )
    compile: bool = parameter(
        False,
        'Compile the transformer blocks at start-up: faster windows, the start takes up to a '
        'minute longer.',
        read_only=True,
    )
    image_size: int = parameter(
        0,
        'Width of the image the network sees; 0 takes the width it was trained with.',
        unit='px',
        minimum=0,
        maximum=1036,
        read_only=True,
    )
    resize_mode: str = parameter(
        'crop',
        'crop: full width, tall images lose top and bottom; pad: whole image on a white square.',
        choices=('crop', 'pad'),
        read_only=True,
    )
    oom_policy: str = parameter(
        'shrink',
        'When the memory of the device does not suffice for a window. shrink: try once more with '
        'half the frames, and make no larger windows until a reset; skip: give up its new frames; '
        'shutdown: end the node with an error.',
        choices=('shrink', 'skip', 'shutdown'),
        read_only=True,
    )
    token_cache: int = parameter(
        32,
        'Frames of each camera whose encoder tokens are kept for later windows; 0 encodes every '
        'window anew.',
        unit='frames',
        minimum=0,
        maximum=1024,
        read_only=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeSettings:
    """Which frames are worth a place in a window."""

    min_parallax: float = parameter(
        8.0,
        'Median image motion since the last keyframe, as if the image were 518 px wide.',
        unit='px',
        minimum=0.0,
        maximum=100.0,
    )
    max_interval: float = parameter(
        2.0,
        'Take a keyframe after this time, if the image moved at all.',
        unit='s',
        minimum=0.05,
        maximum=60.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """How many frames one forward pass sees."""

    size: int = parameter(
        8,
        'Frames of each camera in one forward pass.',
        unit='frames',
        minimum=2,
        maximum=64,
        read_only=True,
    )
    overlap: int = parameter(
        4,
        'Frames shared with the newest window of the map; they carry scale and pose over.',
        unit='frames',
        minimum=1,
        maximum=63,
        read_only=True,
    )
    max_wait: float = parameter(
        2.0,
        'Run an incomplete window when its newest frame has waited this long.',
        unit='s',
        minimum=0.1,
        maximum=60.0,
    )

    def __post_init__(self) -> None:
        """Raise ConfigError if a window would bring no new frame."""
        if self.overlap >= self.size:
            raise ConfigError(
                f'window.overlap must be in 1..{self.size - 1} (window.size is {self.size}); '
                f'got {self.overlap}'
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudSettings:
    """Which pixels become points, in `~/points` and in the map."""

    point_source: str = parameter(
        'depth',
        'depth: depth and camera give the points; point_head: the network predicts them directly.',
        choices=('depth', 'point_head'),
    )
    confidence_mode: str = parameter(
        'percentile',
        'percentile: drop the least confident share of a window; absolute: drop below a value.',
        choices=('percentile', 'absolute'),
    )
    confidence_percentile: float = parameter(
        20.0,
        'Share of the pixels of a window that is dropped.',
        unit='%',
        minimum=0.0,
        maximum=99.0,
    )
    confidence_min: float = parameter(
        1.5,
        'Smallest confidence kept in absolute mode; VGGT gives 1 and more.',
        minimum=1.0,
        maximum=1e6,
    )
    edge_rtol: float = parameter(
        0.03,
        'Drop pixels at depth steps larger than this part of the depth; 0 keeps them.',
        minimum=0.0,
        maximum=1.0,
    )
    min_depth: float = parameter(
        0.0, 'Drop nearer points; map units.', unit='m', minimum=0.0, maximum=1000.0
    )
    max_depth: float = parameter(
        0.0, 'Drop farther points; map units, 0 for no limit.', unit='m', minimum=0.0, maximum=1e4
    )
    decimation: int = parameter(
        1, 'Publish every n-th row and column of ~/points.', unit='px', minimum=1, maximum=16
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthSettings:
    """The published depth image."""

    encoding: str = parameter(
        '32FC1',
        '32FC1: meters, NaN where invalid; 16UC1: millimeters, 0 where invalid.',
        choices=('32FC1', '16UC1'),
        read_only=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSettings:
    """Point tracks; computed only while they have a subscriber."""

    num_points: int = parameter(
        128, 'Points tracked at a time.', unit='points', minimum=1, maximum=4096
    )
    min_visibility: float = parameter(
        0.5, 'A track below this visibility in a frame is not continued.', minimum=0.0, maximum=1.0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsSettings:
    """Health reports."""

    period: float = parameter(
        1.0, 'Time between messages on /diagnostics.', unit='s', minimum=0.1, maximum=60.0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VggtConfig:
    """Everything that can be set, by room."""

    autostart: bool = parameter(
        True, 'Configure and activate at start-up without a lifecycle manager.', read_only=True
    )
    mode: str = parameter(
        'mapping',
        'mapping: what is seen enters the map. localization: the map of map.load_path stays as it '
        'is, and only tells where the robot is.',
        choices=('mapping', 'localization'),
        read_only=True,
    )
    model: ModelSettings = field(default_factory=ModelSettings)
    input: InputSettings = field(default_factory=InputSettings)
    frames: FrameSettings = field(default_factory=FrameSettings)
    keyframe: KeyframeSettings = field(default_factory=KeyframeSettings)
    window: WindowSettings = field(default_factory=WindowSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
    cloud: CloudSettings = field(default_factory=CloudSettings)
    depth: DepthSettings = field(default_factory=DepthSettings)
    map: MapSettings = field(default_factory=MapSettings)
    tracks: TrackSettings = field(default_factory=TrackSettings)
    path: PathSettings = field(default_factory=PathSettings)
    tf: TfSettings = field(default_factory=TfSettings)
    scale: ScaleSettings = field(default_factory=ScaleSettings)
    gravity: GravitySettings = field(default_factory=GravitySettings)
    loop: LoopSettings = field(default_factory=LoopSettings)
    occupancy: OccupancySettings = field(default_factory=OccupancySettings)
    diagnostics: DiagnosticsSettings = field(default_factory=DiagnosticsSettings)

    def __post_init__(self) -> None:
        """Raise ConfigError if settings contradict each other."""
        if self.mode == 'localization' and not self.map.load_path:
            raise ConfigError(
                "mode is localization and map.load_path is '': there is no map to localize in; "
                'set map.load_path to the folder of a saved map, or mode to mapping'
            )
        if self.map.load_path and not (self.refine.verifies and self.loop.enable):
            raise ConfigError(
                f'map.load_path is {self.map.load_path!r}, and places are recognized by images '
                f'only; set loop.enable to true and refine.mode to poses or depth (it is '
                f'{self.refine.mode}, loop.enable {str(self.loop.enable).lower()})'
            )
        if self.frames.camera and self.input.num_cameras > 1:
            raise ConfigError(
                f'frames.camera is the frame of one camera, input.num_cameras is '
                f'{self.input.num_cameras}; leave frames.camera ({self.frames.camera!r}) empty '
                f'and let the drivers put the frames into the headers'
            )
