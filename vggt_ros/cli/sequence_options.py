"""Sequence options: the words that name a recording, and which part of it is wanted."""

from __future__ import annotations

import argparse
from pathlib import Path

from vggt_ros.sources.detection import KINDS, open_sequence
from vggt_ros.sources.sequence import FrameSequence


def add_sequence_options(parser: argparse.ArgumentParser) -> None:
    """Add `PATH` and what may be said of it; `opened` reads the answers."""
    parser.add_argument(
        'path', type=Path, metavar='PATH', help='images, a video, a bag or a data set'
    )
    parser.add_argument('--format', choices=KINDS, help='of the input; told by its files')
    parser.add_argument(
        '--topic',
        dest='topics',
        default='',
        metavar='A,B',
        help='of the images in a bag, one for each camera',
    )
    parser.add_argument('--depth-topic', metavar='NAME', help='of measured depth in a bag')
    parser.add_argument(
        '--odometry-topic',
        metavar='NAME',
        help='of odometry in a bag; if left out, what /tf says of the frame odom; none for none',
    )
    parser.add_argument(
        '--imu-topic',
        metavar='NAME',
        help='of an IMU in a bag; if left out, the only one; none for none',
    )
    parser.add_argument('--truth-topic', metavar='NAME', help='of true poses in a bag')
    parser.add_argument(
        '--gnss-topic',
        metavar='NAME',
        help='of NavSatFix in a bag; if left out, the only one; none for none',
    )
    parser.add_argument(
        '--camera',
        dest='cameras',
        type=_numbers,
        metavar='N,M',
        help='which one of a data set, or several as a rig',
    )
    parser.add_argument(
        '--calibration',
        type=Path,
        metavar='FILE',
        help='of the camera, instead of that of the input: camera_info as YAML, or fx fy cx cy',
    )
    add_selection(parser)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(','))


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which frames are taken."""
    parser.add_argument('--start', type=float, default=0.0, metavar='S', help='skip so much time')
    parser.add_argument('--stop', type=float, metavar='S', help='end there, from the first frame')
    parser.add_argument('--every', type=int, default=1, metavar='N', help='take each n-th frame')
    parser.add_argument('--fps', type=float, metavar='HZ', help='take at most so many a second')
    parser.add_argument('--max-frames', type=int, metavar='N', help='take no more than so many')
    parser.add_argument(
        '--rate', type=float, metavar='HZ', help='images a second where files carry no time'
    )


def opened(options: argparse.Namespace) -> FrameSequence:
    """Open what the options name.

    Raises:
        SourceError: There is nothing that can be read, or several things.
        ConfigError: A number is out of range.
    """
    return open_sequence(
        options.path,
        layout=options.format,
        rate_hz=options.rate,
        camera=options.cameras,
        topics=tuple(word for word in options.topics.split(',') if word),
        depth_topic=options.depth_topic,
        odometry_topic=options.odometry_topic,
        imu_topic=options.imu_topic,
        truth_topic=options.truth_topic,
        gnss_topic=options.gnss_topic,
        calibration=options.calibration,
        start_s=options.start,
        stop_s=options.stop,
        every=options.every,
        fps=options.fps,
        max_frames=options.max_frames,
    )
