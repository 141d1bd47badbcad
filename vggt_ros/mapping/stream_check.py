"""Whether a frame continues the stream of one camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vggt_ros.mapping.frame import Frame, UndecodedFrame

# A step back further than this is a clock or a recording that starts again.
_RESTART_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a frame can not be used.

    Attributes:
        reason: Key of the drop counter.
        message: The value, the limit and the remedy.
        restarts: True if the stream starts again after this frame, so that the frames before it
            that still wait must not share a window with those after it.
    """

    reason: str
    message: str
    restarts: bool = False


class StreamCheck:
    """Checks each frame against those before it; one thread at a time."""

    def __init__(self) -> None:
        self._last_stamp_ns = 0
        self._last_size: tuple[int, int] | None = None

    def refusal(self, frame: Frame | UndecodedFrame) -> Refusal | None:
        """Return why `frame` can not be used, None if it can."""
        return self._stamp_refusal(frame) or self._size_refusal(frame) or _K_refusal(frame)

    def _stamp_refusal(self, frame: Frame | UndecodedFrame) -> Refusal | None:
        if frame.stamp_ns <= 0:
            return Refusal(
                reason='stamp_zero',
                message=f'image with stamp {frame.stamp_ns} ns; a stamp must be positive: '
                'let the driver fill in header.stamp',
            )
        step_ns = frame.stamp_ns - self._last_stamp_ns
        if step_ns > 0:
            self._last_stamp_ns = frame.stamp_ns
            return None
        restarts = step_ns < -_RESTART_NS
        if restarts:
            self._last_stamp_ns = frame.stamp_ns
        remedy = (
            'the stream starts again from here'
            if restarts
            else 'publish images in the order of their stamps, from one publisher'
        )
        return Refusal(
            reason='stamp_backwards',
            message=f'image with stamp {frame.stamp_ns} ns, {-step_ns} ns before the last one '
            f'(it must be later); {remedy}',
            restarts=restarts,
        )

    def _size_refusal(self, frame: Frame | UndecodedFrame) -> Refusal | None:
        width, height = frame.size
        if min(height, width) == 0:
            return Refusal(
                reason='image_empty',
                message=f'image of {width} x {height} pixels; it needs at least one',
            )
        last_size, self._last_size = self._last_size, (width, height)
        if last_size is None or last_size == (width, height):
            return None
        return Refusal(
            reason='size_changed',
            message=f'image of {width} x {height} pixels after {last_size[0]} x {last_size[1]}; '
            'a window has one size: the stream starts again with the new one',
            restarts=True,
        )


def _K_refusal(frame: Frame | UndecodedFrame) -> Refusal | None:
    if frame.K is None:
        return None
    if np.isfinite(frame.K).all() and frame.K[0, 0] > 0 and frame.K[1, 1] > 0:
        return None
    return Refusal(
        reason='bad_camera_info',
        message=f'intrinsics K = {frame.K.ravel().tolist()}; all must be finite and the focal '
        'lengths positive: calibrate the camera or set input.use_camera_info to false',
    )
