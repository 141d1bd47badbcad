"""Given paths: what a user typed, checked before anything is opened."""

from __future__ import annotations

from pathlib import Path

from vggt_ros.errors import SourceError
from vggt_ros.sources.image_file import IMAGE_SUFFIXES, OTHER_IMAGE_SUFFIXES


def existing_path(text: str, remedy: str) -> Path:
    """Return the path that a user typed, with `~` expanded.

    Args:
        text: What was typed.
        remedy: What to give instead, for the error.

    Raises:
        SourceError: There is nothing of that name.
    """
    try:
        path = Path(text).expanduser()
        path.stat()
    # Besides a missing file: "~name" of no user, a null character.
    except (OSError, RuntimeError, ValueError) as error:
        raise SourceError(f'there is nothing to read at {text!r} ({error}); {remedy}') from error
    return path


def refuse_single_image(path: Path) -> None:
    """Refuse a file that is a picture.

    Raises:
        SourceError: It is one by its name.
    """
    if path.suffix.lower() in IMAGE_SUFFIXES + OTHER_IMAGE_SUFFIXES:
        raise SourceError(
            f'{path} is a single image, and one view makes no map; give a folder of images '
            f'({", ".join(IMAGE_SUFFIXES)}) or a video file'
        )
