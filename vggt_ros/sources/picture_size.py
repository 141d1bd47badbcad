"""Picture sizes of a folder: the files that one camera can have taken, and how it was held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
import logging
from pathlib import Path

from PIL import ExifTags, Image

from vggt_ros.errors import SourceError

# Orientations from this one on lie on their side.
_FIRST_SIDEWAYS = 5
_log = logging.getLogger(__name__)

Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSize:
    """The files of a folder that have one size.

    Attributes:
        paths: The files, in order; those that cannot be opened are among them.
        is_upright: Whether pictures are turned as Exif says. Not if they have one size only
            without that: then the camera was held level or down, and turned some of them.
    """

    paths: list[Path]
    is_upright: bool


def of_one_size(paths: Sequence[Path]) -> OneSize:
    """Return the files of the size that most have, and say which are left out, and why.

    A window has one size: pictures of other sizes in between would end every one.

    Args:
        paths: At least one file; only their headers are read.

    Raises:
        SourceError: No two of several files have the same size.
    """
    sizes = [sizes_in_header(path) for path in paths]
    upright = [None if each is None else each[0] for each in sizes]
    if len(set(upright) - {None}) <= 1:
        return OneSize(paths=list(paths), is_upright=True)
    if len({None if each is None else each[1] for each in sizes} - {None}) == 1:
        _log.warning(
            '%s holds pictures that Exif turns to different sides; they are taken as the sensor '
            'saw them, so that all have one size',
            paths[0].parent,
        )
        return OneSize(paths=list(paths), is_upright=False)
    counts = Counter(each for each in upright if each is not None)
    words = ', '.join(f'{n} of {w} x {h}' for (w, h), n in counts.most_common(4))
    most, number = counts.most_common(1)[0]
    if number < 2:
        raise SourceError(
            f'{paths[0].parent} holds images of {len(counts)} sizes ({words}), no two of which '
            f'are the same; one camera takes images of one size: scale or crop them'
        )
    _log.warning(
        '%s holds images of %d sizes (%s); a window has one size, so only those of %d x %d are '
        'taken: scale or crop the others',
        paths[0].parent,
        len(counts),
        words,
        *most,
    )
    kept = [path for path, size in zip(paths, upright, strict=True) if size in (most, None)]
    return OneSize(paths=kept, is_upright=True)


def sizes_in_header(path: Path) -> tuple[Size, Size] | None:
    """Return the size upright and as stored; None if the file cannot be opened."""
    try:
        with Image.open(path) as file:
            width, height = file.size
            orientation = file.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return None  # an error that names it comes when it is its turn
    stored = width, height
    return ((height, width) if orientation >= _FIRST_SIDEWAYS else stored), stored
