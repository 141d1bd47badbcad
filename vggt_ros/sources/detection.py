"""Detection of recordings: what a path holds is told by its content, and opened.

A folder is a data set if it has the files of a layout, else a bag, else a folder of images. A file
is a bag by its ending, else a video.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vggt_ros.errors import OptionError, SourceError
from vggt_ros.sources.bag import Bag
from vggt_ros.sources.bag_reader import is_bag
from vggt_ros.sources.calibration import Calibration, read_calibration
from vggt_ros.sources.dataset_formats import (
    DEFAULT_RATE_HZ,
    LAYOUTS,
    layouts_of,
    open_dataset,
    sequences_in,
)
from vggt_ros.sources.frame_picker import FrameChoice
from vggt_ros.sources.given_path import existing_path, refuse_single_image
from vggt_ros.sources.image_folder import has_pictures, ImageFolder
from vggt_ros.sources.recording import Recording
from vggt_ros.sources.rig_dataset import RigDataset
from vggt_ros.sources.sequence import FrameSequence
from vggt_ros.sources.video import Video

IMAGES, VIDEO, BAG = 'images', 'video', 'bag'
# All that `layout` may be.
KINDS = (IMAGES, VIDEO, BAG, *LAYOUTS)
_VIDEO_SUFFIXES = ('.mp4', '.mov', '.avi', '.mkv', '.webm', '.m4v')
# Files that stand for the folder that they are in.
_STAND_FOR_FOLDERS = ('metadata.yaml', 'transforms.json', 'cameras.json', 'condition.npz')
_MAX_LISTED = 30


def open_sequence(
    path: Path | str,
    *,
    layout: str | None = None,
    rate_hz: float | None = None,
    camera: int | Sequence[int] | None = None,
    topics: Sequence[str] = (),
    depth_topic: str | None = None,
    odometry_topic: str | None = None,
    imu_topic: str | None = None,
    truth_topic: str | None = None,
    gnss_topic: str | None = None,
    calibration: Path | None = None,
    start_s: float = 0.0,
    stop_s: float | None = None,
    every: int = 1,
    fps: float | None = None,
    skip_frames: int = 0,
    max_frames: int | None = None,
) -> FrameSequence:
    """Open what a path holds.

    Args:
        path: A folder or file.
        layout: One of `KINDS`; None to tell it by the content.
        rate_hz: Frames a second of files that carry no time; of a video or of images it overrules
            the time they have. None for 10, and for the time of a video.
        camera: Which camera of a data set, as its layout counts; several for a rig, the first of
            which the others are placed on; None for the usual one.
        topics: Of the images of a bag, one for each camera; empty to choose one.
        depth_topic: Of a bag; None for the one that obviously belongs to the images.
        odometry_topic: Of a bag, with poses of the robot.
        imu_topic: Of a bag, of an IMU; None for the only one, `none` for none.
        truth_topic: Of a bag, with true poses.
        gnss_topic: Of a bag, with fixes of satellites; None for the only one, `none` for none.
        calibration: A file that overrules the camera's (`calibration.read_calibration`).
        start_s: Seconds after the first frame from which on frames are taken.
        stop_s: Seconds after the first frame at which it ends.
        every: Take every n-th frame of each camera.
        fps: Take at most so many frames a second of each camera.
        skip_frames: Leave out so many of the frames of each camera that would be taken first.
        max_frames: Take at most so many frames of each camera.

    Raises:
        SourceError: There is nothing that can be read, or several things; the message lists them
            to copy.
        OptionError: An option does not fit what is there.
        ConfigError: A number is out of range.
    """
    choice = FrameChoice(
        start_s=start_s,
        stop_s=stop_s,
        every=every,
        fps=fps,
        skip_frames=skip_frames,
        max_frames=max_frames,
    )
    found = existing_path(str(path), 'give a data set, a bag, a folder of images or a video file')
    if found.is_file() and found.name in _STAND_FOR_FOLDERS:
        found = found.parent
    kind = _kind(found) if layout is None else layout
    if kind not in KINDS:
        raise OptionError(f'there is no layout {layout!r}; known are {", ".join(KINDS)}')
    _refuse_options(
        kind,
        found,
        camera=camera is not None,
        topics=bool(topics)
        or any((depth_topic, odometry_topic, imu_topic, truth_topic, gnss_topic)),
    )
    overruling = None if calibration is None else _read_option(calibration)
    if kind == BAG:
        _refuse_rate(rate_hz, found)
        bag = Bag(
            found,
            topics=topics,
            depth_topic=depth_topic,
            odometry_topic=odometry_topic,
            imu_topic=imu_topic,
            truth_topic=truth_topic,
            gnss_topic=gnss_topic,
            calibration=overruling,
        )
        return FrameSequence(bag, choice, path=found.absolute())
    recording = _recording(kind, found, rate_hz, camera)
    if overruling is not None and isinstance(recording, RigDataset):
        raise OptionError(
            f'{overruling.origin} is of one camera, and {len(recording.cameras)} are asked for; '
            f'leave it out, or give one camera'
        )
    return FrameSequence(recording, choice, overruling, path=found.absolute())


def _read_option(calibration: Path) -> Calibration:
    try:
        return read_calibration(calibration)
    except SourceError as error:
        raise OptionError(f'the calibration cannot be used: {error}') from error


def _recording(
    kind: str, path: Path, rate_hz: float | None, camera: int | Sequence[int] | None
) -> Recording:
    if kind == VIDEO:
        return Video(path, rate_hz=rate_hz)
    if kind == IMAGES:
        return ImageFolder(path, rate_hz)
    numbers = [camera] if camera is None or isinstance(camera, int) else camera
    datasets = [
        open_dataset(
            path,
            layout=kind,
            rate_hz=DEFAULT_RATE_HZ if rate_hz is None else rate_hz,
            camera=number,
        )
        for number in numbers
    ]
    if datasets[0].has_time:
        _refuse_rate(rate_hz, path)
    return datasets[0] if len(datasets) == 1 else RigDataset(datasets)


def _kind(path: Path) -> str:
    """Return what a path holds, one of `KINDS`.

    Raises:
        SourceError: Nothing, or several things.
    """
    if path.is_file():
        refuse_single_image(path)
        return BAG if is_bag(path) else VIDEO
    layouts = layouts_of(path)
    if len(layouts) > 1:
        raise SourceError(
            f'{path} has the files of {len(layouts)} layouts, {", ".join(layouts)}; name one of '
            f'them (--format)'
        )
    if layouts:
        return layouts[0]
    if is_bag(path):
        return BAG
    if has_pictures(path):
        return IMAGES
    inside = _inside(path)
    if inside:
        listed = ''.join(f'\n  {each}' for each in inside[:_MAX_LISTED])
        more = len(inside) - _MAX_LISTED
        listed += f'\n  and {more} more' if more > 0 else ''
        raise SourceError(f'{path} holds {len(inside)} recordings; give one of{listed}')
    raise SourceError(
        f'{path} holds no data set of a known layout ({", ".join(LAYOUTS)}), no bag, no images '
        f'and no video; see docs/inputs.md for what each must contain'
    )


def _inside(path: Path) -> list[Path]:
    """Return what a folder holds that could be given instead."""
    sequences = sequences_in(path)
    try:
        entries = sorted(each for each in path.iterdir() if not each.name.startswith('.'))
    except OSError as error:
        raise SourceError(f'the folder {path} cannot be listed: {error}') from error
    others = [
        each
        for each in entries
        if is_bag(each)
        or (each.is_dir() and has_pictures(each))
        or each.suffix.lower() in _VIDEO_SUFFIXES
    ]
    return sequences + [each for each in others if each not in sequences]


def _refuse_options(kind: str, path: Path, *, camera: bool, topics: bool) -> None:
    """Refuse options of another kind of recording, which would not be heeded."""
    if topics and kind != BAG:
        raise OptionError(f'{path} is of the kind {kind}; topics are of bags: leave them out')
    if camera and kind in (IMAGES, VIDEO, BAG):
        instead = 'give topics' if kind == BAG else 'it has one: leave it out'
        raise OptionError(
            f'{path} is of the kind {kind}; cameras have no numbers there; {instead}'
        )


def _refuse_rate(rate_hz: float | None, path: Path) -> None:
    if rate_hz is not None:
        raise OptionError(f'{path} carries its own time; leave out the rate of {rate_hz:g} Hz')
