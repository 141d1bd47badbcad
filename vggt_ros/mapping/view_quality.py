"""View quality: whether images can be followed, and why there is no window yet; for people."""

from __future__ import annotations

from dataclasses import dataclass

from vggt_ros.config import KeyframeSettings

# Below and above there is hardly anything in an image of 8 bits but noise.
_DARK_GRAY, _BRIGHT_GRAY = 12.0, 243.0
# Corners that motion is measured by.
MIN_CORNERS = 12
# A camera that starts to move, or a robot that is about to, is not told anything.
_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewQuality:
    """What can be seen in the newest frame set, in its best image.

    Attributes:
        mean_gray: Mean brightness, 0 to 255.
        num_corners: Points that motion can be measured by in the last key set.
        motion_px: Median motion since the last key set, as if the image were 518 px wide;
            infinite for another picture.
    """

    mean_gray: float
    num_corners: int
    motion_px: float


def why_no_window(quality: ViewQuality | None, waited_s: float, settings: KeyframeSettings) -> str:
    """Return why images make no window; empty if nothing is in the way, or not for long.

    Args:
        quality: Of the newest images, None before the first.
        waited_s: Time since the last key set came, seconds.
        settings: `keyframe.*`.
    """
    if quality is None or waited_s < _PATIENCE_S:
        return ''
    gray = f'mean brightness {quality.mean_gray:.0f} of 255'
    if quality.mean_gray < _DARK_GRAY:
        return (
            f'the images are too dark ({gray}) for {waited_s:.0f} s: take the cover off, make '
            f'light or raise the exposure; of 16-bit images the upper 8 bits are used'
        )
    if quality.mean_gray > _BRIGHT_GRAY:
        return f'the images are too bright ({gray}) for {waited_s:.0f} s: lower the exposure'
    if quality.num_corners < MIN_CORNERS:
        return (
            f'the images have no texture ({quality.num_corners} corners, {MIN_CORNERS} are '
            f'needed, {gray}) for {waited_s:.0f} s: point the camera at something with detail, '
            f'check its focus'
        )
    return (
        f'no parallax for {waited_s:.0f} s: the image moved by {quality.motion_px:.1f} px of '
        f'518 (keyframe.min_parallax is {settings.min_parallax:g} px): move the camera sideways'
    )
