"""A folder of pictures, taken one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re

from vggt_ros.errors import SourceError
from vggt_ros.sources.image_file import FILM_SUFFIXES, IMAGE_SUFFIXES, read_image
from vggt_ros.sources.picture_size import of_one_size
from vggt_ros.sources.source import check_num_frames, check_rate, SourceFrame, stamp_ns_at


class ImageFolder:
    """The pictures directly in a folder, ordered by name with numbers as numbers (2 before 10).

    Those of the size that most have are taken, the others are told (`picture_size`). Names that
    start with a dot are skipped: they are what file systems leave beside pictures.

    Args:
        path: The folder.
        rate_hz: Frames a second; the files carry no stamps.
        num_frames: Stop after so many, None for all.

    Raises:
        SourceError: The folder cannot be listed, holds no pictures, or several of which no two
            have one size.
        ConfigError: The rate or the number of frames is out of range.
    """

    def __init__(
        self, path: Path, rate_hz: float = 10.0, *, num_frames: int | None = None
    ) -> None:
        check_rate(rate_hz)
        check_num_frames(num_frames)
        found = of_one_size(picture_paths(path)[:num_frames])
        self._paths, self._is_upright = found.paths, found.is_upright
        self._rate_hz = rate_hz

    @property
    def num_frames(self) -> int:
        """How many frames an iteration yields."""
        return len(self._paths)

    @property
    def rate_hz(self) -> float:
        """Frames a second."""
        return self._rate_hz

    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames; each file is read when its turn comes.

        Raises:
            SourceError: A file cannot be read.
        """
        for index, path in enumerate(self._paths):
            image = read_image(path, is_upright=self._is_upright)
            yield SourceFrame(image=image, stamp_ns=stamp_ns_at(index, self._rate_hz))


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
    return sorted(paths, key=_natural_order)


def _is_picture(path: Path) -> bool:
    return (
        path.suffix.lower() in IMAGE_SUFFIXES + FILM_SUFFIXES
        and not path.name.startswith('.')
        and not path.is_dir()
    )


def _natural_order(path: Path) -> tuple[list[str | int], str]:
    # Splitting at a group alternates text and digits, so that like is compared with like.
    parts = re.split('([0-9]+)', path.name.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name
