"""Opening of inputs: what a user names becomes frames, some of them if she asks for that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vggt_ros.errors import ConfigError, SourceError
from vggt_ros.sources.dataset_formats import DEFAULT_RATE_HZ, open_dataset
from vggt_ros.sources.open import open_source
from vggt_ros.sources.source import check_num_frames, Source, SourceFrame

_NS_PER_S = 1_000_000_000
FILES = 'images', 'video'


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which frames of a recording are taken.

    Attributes:
        start_s: Those from so many seconds after the first one on.
        stop_s: Those before so many seconds after the first one; None for all.
        every: Each n-th of those.
        fps: At most so many a second, by their stamps; None for all.
        max_frames: No more than so many; None for all.
    """

    start_s: float = 0.0
    stop_s: float | None = None
    every: int = 1
    fps: float | None = None
    max_frames: int | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError where nothing can be selected."""
        check_num_frames(self.max_frames)
        if self.every < 1:
            raise ConfigError(f'--every must be at least 1; got {self.every}')
        if self.fps is not None and self.fps <= 0:
            raise ConfigError(f'--fps must be above 0; got {self.fps:g}')
        if self.start_s < 0 or (self.stop_s is not None and self.stop_s <= self.start_s):
            raise ConfigError(
                f'--start must be at least 0 and --stop after it; got {self.start_s:g} and '
                f'{self.stop_s} s'
            )

    @property
    def is_all(self) -> bool:
        """Whether every frame is taken."""
        return self == Selection()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Input:
    """A recording that is open: a `Source`.

    Attributes:
        path: Where it is.
        name: For people.
        layout: `images`, `video`, or the layout of a data set.
        source: Its frames.
        selection: Which of them are taken.
    """

    path: Path
    name: str
    layout: str
    source: Source
    selection: Selection

    @property
    def num_frames(self) -> int | None:
        """How many frames an iteration yields, None if only the end tells."""
        count = self.source.num_frames
        if not (self.selection.start_s or self.selection.stop_s or self.selection.fps):
            count = None if count is None else -(-count // self.selection.every)
        elif not self.selection.is_all:
            return self.selection.max_frames
        limit = self.selection.max_frames
        return count if limit is None or count is None else min(count, limit)

    @property
    def rate_hz(self) -> float | None:
        """Frames a second by which the stamps advance, None if they do so unevenly."""
        return self.source.rate_hz if self.selection.is_all else None

    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames that are taken; raises SourceError where one cannot be read."""
        return _picked(self.source, self.selection)


def open_input(
    path: Path,
    *,
    layout: str | None = None,
    rate_hz: float | None = None,
    selection: Selection | None = None,
    topic: str | None = None,
    camera: str | None = None,
    calibration: Path | None = None,
) -> Input:
    """Open a data set, a folder of images or a video; the files tell which it is.

    Args:
        path: A folder or a file.
        layout: `images`, `video` or a layout of `dataset_formats`; None to look.
        rate_hz: Images a second where the files carry no time; None for 10, and for a video's
            own rate.
        selection: Which frames; None for all.
        topic: Of the images in a bag.
        camera: Of several in the recording.
        calibration: File that is taken instead of that of the recording.

    Raises:
        SourceError: There is nothing of a known kind, or it cannot be read.
        ConfigError: The rate is out of range, or an option is of no use for the input.
    """
    given = {'--topic': topic, '--camera': camera, '--calibration': calibration}
    for option, value in given.items():
        if value is not None:
            raise ConfigError(f'{option} {value} is of no use for {path}: leave it out')
    path = path.expanduser().absolute()
    selection = Selection() if selection is None else selection
    if path.is_dir() and layout not in FILES:
        try:
            dataset = open_dataset(
                path, layout=layout, rate_hz=DEFAULT_RATE_HZ if rate_hz is None else rate_hz
            )
        except SourceError as error:
            if layout is not None or 'no data set of a known layout' not in str(error):
                raise
        else:
            return Input(
                path=path,
                name=dataset.name,
                layout=dataset.layout,
                source=dataset,
                selection=selection,
            )
    source = open_source(str(path), rate_hz=rate_hz)
    found = 'images' if path.is_dir() else 'video'
    if layout not in (None, found):
        raise SourceError(f'{path} is not of the format {layout}; it is taken for {found}')
    return Input(path=path, name=path.stem, layout=found, source=source, selection=selection)


def _picked(source: Source, selection: Selection) -> Iterator[SourceFrame]:
    first_ns: int | None = None
    due_ns = 0
    num_in_time = num_taken = 0
    for frame in source:
        first_ns = frame.stamp_ns if first_ns is None else first_ns
        since_ns = frame.stamp_ns - first_ns
        if selection.stop_s is not None and since_ns >= selection.stop_s * _NS_PER_S:
            return
        if since_ns < selection.start_s * _NS_PER_S:
            continue
        num_in_time += 1
        if (num_in_time - 1) % selection.every:
            continue
        if selection.fps is not None:
            period_ns = round(_NS_PER_S / selection.fps)
            if since_ns < due_ns:
                continue
            due_ns = max(due_ns + period_ns, since_ns + period_ns // 2)
        yield frame
        num_taken += 1
        if num_taken == selection.max_frames:
            return
