"""All settings of `camera_player`."""

from __future__ import annotations

from dataclasses import dataclass

from vggt_ros.settings.parameter import parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerConfig:
    """What is played, how fast, and to whom."""

    input: str = parameter(
        'synthetic',
        'Folder of images, video file, or synthetic for a walk through a made-up room.',
        read_only=True,
    )
    rate: float = parameter(
        0.0,
        'Images a second; 0 takes the rate of the video, 10 for images and the walk.',
        unit='Hz',
        minimum=0.0,
        maximum=1000.0,
        read_only=True,
    )
    loop: bool = parameter(False, 'Start over at the end; stamps go on.', read_only=True)
    stamps: str = parameter(
        'even',
        'even: start time plus the time in the input; now: the time of sending.',
        choices=('even', 'now'),
        read_only=True,
    )
    frame_id: str = parameter(
        'camera_optical_frame', 'Optical frame of the camera, for the headers.', read_only=True
    )
    reliability: str = parameter(
        'reliable',
        'Reliability of the publishers; reliable matches every subscription.',
        choices=('reliable', 'best_effort'),
        read_only=True,
    )
    compressed: bool = parameter(
        False, 'Publish JPEG on image_raw/compressed, too.', read_only=True
    )
    num_frames: int = parameter(
        0,
        'Stop after so many images; 0 plays all, of the walk 200.',
        minimum=0,
        maximum=1_000_000,
        read_only=True,
    )
    width: int = parameter(
        320, 'Width of the walk.', unit='px', minimum=16, maximum=4096, read_only=True
    )
    height: int = parameter(
        240, 'Height of the walk.', unit='px', minimum=16, maximum=4096, read_only=True
    )
    seed: int = parameter(0, 'Which walk.', minimum=0, maximum=2**31 - 1, read_only=True)
    wait_for_subscribers: int = parameter(
        1,
        'Start when the images have so many subscribers; 0 starts at once.',
        minimum=0,
        maximum=100,
        read_only=True,
    )
    wait_timeout: float = parameter(
        60.0,
        'Give up when they do not come within this time.',
        unit='s',
        minimum=0.0,
        maximum=86400.0,
        read_only=True,
    )
    start_delay: float = parameter(
        0.5,
        'Wait this long before the first image, for subscribers of camera_info to be found.',
        unit='s',
        minimum=0.0,
        maximum=3600.0,
        read_only=True,
    )
