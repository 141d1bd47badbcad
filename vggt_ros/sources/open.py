"""Opening of sources to play: what a user typed becomes an even stream of frames.

What is to be mapped as it was recorded, with its own time, is opened by
`detection.open_sequence`.
"""

from __future__ import annotations

from vggt_ros.sources.given_path import existing_path, refuse_single_image
from vggt_ros.sources.image_folder import ImageFolder
from vggt_ros.sources.source import Source
from vggt_ros.sources.video import Video

SYNTHETIC = 'synthetic'
_DEFAULT_RATE_HZ = 10.0
_DEFAULT_WALK_FRAMES = 200


def open_source(
    text: str,
    *,
    rate_hz: float | None = None,
    num_frames: int | None = None,
    width: int = 320,
    height: int = 240,
    seed: int = 0,
) -> Source:
    """Open what `text` names.

    Args:
        text: A folder of images, a video file, or `synthetic` (or nothing) for a walk through a
            made-up room. A folder of that name is reached as `./synthetic`.
        rate_hz: Frames a second; None for the video's own rate, and 10 for the others.
        num_frames: Stop after so many; None for all there are, and 200 for the walk.
        width: Columns of the walk's images; images of files keep their size.
        height: Rows of the walk's images.
        seed: Which walk.

    Raises:
        SourceError: There is nothing of that name, or it cannot be read, or it is one image.
        ConfigError: The rate or the number of frames is out of range.
    """
    even_rate_hz = _DEFAULT_RATE_HZ if rate_hz is None else rate_hz
    if text in ('', SYNTHETIC):
        # Here, because it imports torch, which takes seconds and which files do not need.
        from vggt_ros.sources.synthetic_walk import SyntheticWalk

        return SyntheticWalk(
            seed=seed,
            num_frames=_DEFAULT_WALK_FRAMES if num_frames is None else num_frames,
            width=width,
            height=height,
            rate_hz=even_rate_hz,
        )
    path = existing_path(text, f'give a folder of images, a video file, or "{SYNTHETIC}"')
    if path.is_dir():
        return ImageFolder(path, even_rate_hz, num_frames=num_frames)
    refuse_single_image(path)
    return Video(path, rate_hz=rate_hz, num_frames=num_frames)
