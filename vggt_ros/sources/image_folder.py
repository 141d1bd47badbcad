"""A folder of pictures, taken one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re

import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.sources.frame_picker import FrameChoice, FramePicker
from vggt_ros.sources.image_file import FILM_SUFFIXES, IMAGE_SUFFIXES, read_image
from vggt_ros.sources.picture_size import of_one_size, sizes_in_header
from vggt_ros.sources.picture_times import focal_hint_px, picture_times
from vggt_ros.sources.source import check_num_frames, check_rate, SourceFrame, stamp_ns_at

DEFAULT_RATE_HZ = 10.0


class ImageFolder:
    """The pictures directly in a folder, ordered by name with numbers as numbers; a `Recording`.

    Those of the size that most have are taken, the others are told (`picture_size`). Names that
    start with a dot are skipped: they are what file systems leave beside pictures. Stamps are
    those in the names or of Exif where all files have them (`picture_times`), else they count
    from 0 at a rate.

    Args:
        path: The folder.
        rate_hz: Frames a second, whatever the files say; None for their times, and 10 without.
        num_frames: Stop after so many, None for all.

    Attributes:
        name: Of the folder.
        has_time: Whether the files carry their times.
        drops: Files of other sizes.
        focal_hint_px: Focal length of the first picture by its Exif, pixels, a hint only; None if
            there is none.

    Raises:
        SourceError: The folder cannot be listed, holds no pictures, or several of which no two
            have one size.
        ConfigError: The rate or the number of frames is out of range.
    """

    layout = 'images'
    cameras = ('camera',)
    world_from_cam = None
    truth = ''
    K = None
    num_depths = 0

    def __init__(
        self, path: Path, rate_hz: float | None = None, *, num_frames: int | None = None
    ) -> None:
        if rate_hz is not None:
            check_rate(rate_hz)
        check_num_frames(num_frames)
        self.name = path.absolute().name
        listed = picture_paths(path)[:num_frames]
        found = of_one_size(listed)
        self._is_upright = found.is_upright
        times = picture_times(found.paths) if rate_hz is None else None
        self.has_time = times is not None
        self._paths = found.paths if times is None else times.paths
        self._rate_hz = rate_hz or DEFAULT_RATE_HZ
        even_ns = [stamp_ns_at(i, self._rate_hz) for i in range(len(self._paths))]
        self.stamps_ns = np.array(even_ns if times is None else times.stamps_ns, dtype=np.int64)
        num_others = len(listed) - len(found.paths)
        self.drops = {'other_size': num_others} if num_others else {}
        size = self.size
        self.focal_hint_px = None if size is None else focal_hint_px(self._paths[0], size)
        self.notes = tuple(
            note
            for note in (
                f'no file carries a time: stamps count {self._rate_hz:g} a second from 0'
                if times is None
                else times.note,
                '' if self.focal_hint_px is None else _hint(self.focal_hint_px),
            )
            if note
        )

    @property
    def num_frames(self) -> int:
        """How many frames an iteration yields."""
        return len(self._paths)

    @property
    def rate_hz(self) -> float | None:
        """Frames a second; None if the files carry their times."""
        return None if self.has_time else self._rate_hz

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the first picture, pixels; None if it cannot be opened."""
        sizes = sizes_in_header(self._paths[0])
        return None if sizes is None else sizes[0 if self._is_upright else 1]

    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames; each file is read when its turn comes.

        Raises:
            SourceError: A file cannot be read.
        """
        return self.frames(FrameChoice().picker())

    def frames(self, picker: FramePicker) -> Iterator[SourceFrame]:
        """Yield the frames that are picked; the others are not read.

        Raises:
            SourceError: A file cannot be read.
        """
        for path, stamp_ns in zip(self._paths, self.stamps_ns.tolist(), strict=True):
            if picker.is_done:
                return
            if picker.takes(stamp_ns):
                image = read_image(path, is_upright=self._is_upright)
                yield SourceFrame(image=image, stamp_ns=stamp_ns)


def _hint(focal_px: float) -> str:
    return (
        f'Exif tells a focal length of about {focal_px:.0f} pixels (35 mm equivalent); it is a '
        f'hint and not used'
    )


def picture_paths(folder: Path) -> list[Path]:
    """Return the pictures directly in a folder, ordered by name with numbers as numbers.

    Raises:
        SourceError: The folder cannot be listed or holds no pictures.
    """
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise SourceError(
            f'the folder {folder} cannot be listed ({error}); check its name and permissions'
        ) from error
    paths = [entry for entry in entries if _is_picture(entry)]
    if not paths:
        raise SourceError(
            f'the folder {folder} holds no images ({", ".join(IMAGE_SUFFIXES)}) among its '
            f'{len(entries)} entries; give the folder that directly contains them'
        )
    return sorted(paths, key=natural_order)


def has_pictures(folder: Path) -> bool:
    """Return whether there are pictures directly in a folder; False if it cannot be listed."""
    try:
        return any(_is_picture(entry) for entry in folder.iterdir())
    except OSError:
        return False


def _is_picture(path: Path) -> bool:
    return (
        path.suffix.lower() in IMAGE_SUFFIXES + FILM_SUFFIXES
        and not path.name.startswith('.')
        and not path.is_dir()
    )


def natural_order(path: Path) -> tuple[list[str | int], str]:
    """Return the key that sorts files by name with numbers as numbers: 2 before 10."""
    # Splitting at a group alternates text and digits, so that like is compared with like.
    parts = re.split('([0-9]+)', path.name.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name
