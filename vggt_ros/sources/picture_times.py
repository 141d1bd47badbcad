"""Picture times: when the files of a folder were taken, by their names or by Exif."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
import re

from PIL import Image

_NS_PER_S = 1_000_000_000
# Tags of Exif 2.31: the part of the camera, and in it the times and the focal length.
_EXIF = 0x8769
_DATE_TIME, _OFFSET_TIME, _SUBSEC_TIME = 0x9003, 0x9011, 0x9291
_FOCAL_LENGTH_35MM = 0xA405
# Digits after the last hyphen or underscore of a name: nanoseconds of this century and the last
# third of the one before, or seconds with a fraction. Whole seconds look like counts.
_NS_NAME = re.compile(r'(?:.*[_-])?(\d{18,19})')
_S_NAME = re.compile(r'(?:.*[_-])?(\d{1,10})\.(\d{3,9})')
_FILM_DIAGONAL_MM = (36.0**2 + 24.0**2) ** 0.5
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureTimes:
    """Times of the files of a folder.

    Attributes:
        paths: The files, in the order of their times.
        stamps_ns: When each was taken, strictly ascending.
        note: Where the times are from, one sentence.
    """

    paths: list[Path]
    stamps_ns: list[int]
    note: str


def picture_times(paths: Sequence[Path]) -> PictureTimes | None:
    """Return the times of files; None if one has none, or two have the same.

    Names count before Exif: who extracts frames from a recording writes the time into the name.

    Args:
        paths: At least one file, in the order of their names.
    """
    named = [_ns_of_name(path.stem) for path in paths]
    found = _ordered(paths, named, 'stamps are the numbers in the names of the files')
    if found is not None:
        return found
    taken = _exif_times(paths)
    found = _ordered(
        paths, taken, 'stamps are the dates in Exif, taken as UTC where no time zone is given'
    )
    # Another order than that of the names: the times are those of copies, or the names do not
    # count. Neither can be known, and names are what people see.
    return found if found is not None and found.paths == list(paths) else None


def _ordered(
    paths: Sequence[Path], stamps_ns: Sequence[int | None], note: str
) -> PictureTimes | None:
    known = [stamp_ns for stamp_ns in stamps_ns if stamp_ns is not None]
    if len(known) < len(paths) or len(set(known)) < len(known):
        return None
    order = sorted(range(len(paths)), key=lambda index: known[index])
    return PictureTimes(
        paths=[paths[i] for i in order], stamps_ns=[known[i] for i in order], note=note
    )


def _ns_of_name(stem: str) -> int | None:
    if (found := _NS_NAME.fullmatch(stem)) and int(found.group(1)) < 2**63:
        return int(found.group(1))
    if found := _S_NAME.fullmatch(stem):
        return int(found.group(1)) * _NS_PER_S + int(found.group(2).ljust(9, '0'))
    return None


def _exif_times(paths: Sequence[Path]) -> list[int | None]:
    """Return the times of the files up to the first one that has none."""
    times: list[int | None] = []
    for path in paths:
        times.append(_exif_ns(path))
        if times[-1] is None:
            break  # a folder without them is not read to its end
    return times + [None] * (len(paths) - len(times))


def _exif_ns(path: Path) -> int | None:
    try:
        with Image.open(path) as file:
            exif = file.getexif().get_ifd(_EXIF)
        words = [
            str(exif.get(tag, '')).strip('\0 ')
            for tag in (
                _DATE_TIME,
                _OFFSET_TIME,
                _SUBSEC_TIME,
            )
        ]
        date = datetime.strptime(words[0], '%Y:%m:%d %H:%M:%S').replace(tzinfo=timezone.utc)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return None
    zone = re.fullmatch(r'([+-])(\d\d):(\d\d)', words[1])
    if zone is not None:
        ahead = timedelta(hours=int(zone.group(2)), minutes=int(zone.group(3)))
        date -= ahead if zone.group(1) == '+' else -ahead
    fraction = words[2][:9] if words[2].isdecimal() else ''
    return (date - _EPOCH) // timedelta(seconds=1) * _NS_PER_S + int(fraction.ljust(9, '0'))


def focal_hint_px(path: Path, size: tuple[int, int]) -> float | None:
    """Return the focal length by Exif's equivalent for 35 mm film, pixels; None if not given.

    Equivalent is what has the same angle over the diagonal, which is 43.27 mm on film. A hint
    only: it is rounded to millimeters, and crops and stabilization do not change it.

    Args:
        path: The file.
        size: Width and height, pixels.
    """
    try:
        with Image.open(path) as file:
            exif = file.getexif().get_ifd(_EXIF)
        millimeters = float(exif.get(_FOCAL_LENGTH_35MM, 0))
    except (OSError, SyntaxError, ValueError, TypeError, EOFError, Image.DecompressionBombError):
        return None
    if not 0.0 < millimeters < 10_000.0:
        return None
    diagonal_px: float = (size[0] ** 2 + size[1] ** 2) ** 0.5
    return millimeters / _FILM_DIAGONAL_MM * diagonal_px
