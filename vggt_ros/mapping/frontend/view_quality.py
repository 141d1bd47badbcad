"""View quality: whether images can be followed, and why they cannot; for people."""

from __future__ import annotations

from dataclasses import dataclass

from vggt_ros.settings.config import KeyframeSettings

# Below and above there is hardly anything in an image of 8 bits but noise.
_DARK_GRAY, _BRIGHT_GRAY = 12.0, 243.0
# Corners that motion is measured by.
MIN_CORNERS = 12
# A camera that starts to move, or a robot that is about to, is not told anything.
_PATIENCE_S = 3.0
# Images that show nothing, and images that do not change by a single gray value, for so long are
# no accident. Noise changes all images of a camera that is alive.
_BLIND_S, _FROZEN_S = 1.0, 2.0
_FROZEN_SETS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewQuality:
    """What can be seen in the newest frame set, in its best image.

    Attributes:
        mean_gray: Mean brightness, 0 to 255.
        num_corners: Points that motion can be measured by in the last keyframe set.
        motion_px: Median motion since the last keyframe set, as if the image were 518 px wide;
            infinite for another picture.
        blind_s: For how long no image showed anything that can be followed, seconds by stamps.
        frozen_s: For how long all images were the same to the last gray value, likewise.
        num_frozen: Frame sets in a row that were.
    """

    mean_gray: float
    num_corners: int
    motion_px: float
    blind_s: float = 0.0
    frozen_s: float = 0.0
    num_frozen: int = 0


def why_no_window(quality: ViewQuality | None, waited_s: float, settings: KeyframeSettings) -> str:
    """Return why images make no window; empty if nothing is in the way, or not for long.

    Args:
        quality: Of the newest images, None before the first.
        waited_s: Time since the last keyframe set came, seconds.
        settings: `keyframe.*`.
    """
    if quality is None or waited_s < _PATIENCE_S:
        return ''
    return _nothing_to_see(quality, waited_s) or (
        f'no parallax for {waited_s:.0f} s: the image moved by {quality.motion_px:.1f} px of '
        f'518 (keyframe.min_parallax is {settings.min_parallax:g} px): move the camera sideways'
    )


def why_blind(quality: ViewQuality | None) -> str:
    """Return why the images that come cannot be followed; empty if they can, or not for long.

    Args:
        quality: Of the newest images, None before the first.
    """
    if quality is None:
        return ''
    if quality.blind_s >= _BLIND_S:
        return _nothing_to_see(quality, quality.blind_s) or (
            f'the images show nothing that can be followed for {quality.blind_s:.0f} s'
        )
    if quality.num_frozen >= _FROZEN_SETS and quality.frozen_s >= _FROZEN_S:
        return (
            f'the images are the same to the last gray value for {quality.frozen_s:.0f} s: the '
            f'camera or its driver hangs, or nothing moves in a simulation without noise'
        )
    return ''


def _nothing_to_see(quality: ViewQuality, duration_s: float) -> str:
    gray = f'mean brightness {quality.mean_gray:.0f} of 255'
    if quality.mean_gray < _DARK_GRAY:
        return (
            f'the images are too dark ({gray}) for {duration_s:.0f} s: take the cover off, make '
            f'light or raise the exposure; of 16-bit images the upper 8 bits are used'
        )
    if quality.mean_gray > _BRIGHT_GRAY:
        return f'the images are too bright ({gray}) for {duration_s:.0f} s: lower the exposure'
    if quality.num_corners < MIN_CORNERS:
        return (
            f'the images have no texture ({quality.num_corners} corners, {MIN_CORNERS} are '
            f'needed, {gray}) for {duration_s:.0f} s: point the camera at something with detail, '
            f'check its focus'
        )
    return ''
