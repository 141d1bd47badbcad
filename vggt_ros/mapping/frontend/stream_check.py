"""Stream check: tests that a frame continues the stream of its camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame

# A step back further than this may be a clock or a recording that starts again.
_RESTART_NS = 1_000_000_000
# A step ahead further than this may be a stamp that is none.
_LEAP_NS = 600 * _RESTART_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a frame cannot be used.

    Attributes:
        reason: Key of the drop counter.
        message: The value, the limit and the remedy.
        restarts: True if the stream starts again after this frame, so that the frames before it
            that still wait must not share a window with those after it.
    """

    reason: str
    message: str
    restarts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeJump:
    """A frame that goes on where a frame before it, which was refused, had jumped back to.

    Attributes:
        message: From where to where.
    """

    message: str


class StreamCheck:
    """Checks each frame of one camera against those before it; one thread at a time.

    One stamp that is far off is an outlier: it is refused, and nothing else happens. Only a second
    frame that goes on from there makes it a jump.
    """

    def __init__(self) -> None:
        self._last_stamp_ns = 0
        self._outlier_ns: int | None = None
        self._last_size: tuple[int, int] | None = None

    def check(self, frame: Frame | UndecodedFrame) -> Refusal | TimeJump | None:
        """Return why `frame` cannot be used; None, or the jump after which it can, if it can."""
        refusal = _K_refusal(frame) or _empty_refusal(frame)
        if refusal is not None:
            return refusal
        verdict = self._check_stamp(frame.stamp_ns)
        if isinstance(verdict, Refusal):
            return verdict
        return self._size_refusal(frame) or verdict

    def restart(self) -> None:
        """Take any stamp next: another camera of the same clock has jumped."""
        self._last_stamp_ns = 0
        self._outlier_ns = None

    def _check_stamp(self, stamp_ns: int) -> Refusal | TimeJump | None:
        if stamp_ns <= 0:
            return Refusal(
                reason='stamp_zero',
                message=f'image with stamp {stamp_ns} ns; a stamp must be positive: '
                'let the driver fill in header.stamp',
            )
        last_ns, outlier_ns = self._last_stamp_ns, self._outlier_ns
        step_ns = stamp_ns - last_ns
        if last_ns == 0 or 0 < step_ns <= _LEAP_NS:
            self._last_stamp_ns, self._outlier_ns = stamp_ns, None
            return None
        if step_ns == 0:
            return Refusal(
                reason='stamp_repeated',
                message=f'image with stamp {stamp_ns} ns, the same as the last one; publish every '
                f'image once, from one publisher',
            )
        if outlier_ns is not None and 0 < stamp_ns - outlier_ns <= _LEAP_NS:
            self._last_stamp_ns, self._outlier_ns = stamp_ns, None
            if step_ns > 0:
                return None
            return TimeJump(
                message=f'the stamps jumped {-step_ns * 1e-9:.3f} s back, from {last_ns} to '
                f'{stamp_ns} ns'
            )
        if -_RESTART_NS <= step_ns < 0:
            return Refusal(
                reason='stamp_backwards',
                message=f'image with stamp {stamp_ns} ns, {-step_ns} ns before the last one '
                '(it must be later); publish images in the order of their stamps, from one '
                'publisher',
            )
        self._outlier_ns = stamp_ns
        where = f'{abs(step_ns) * 1e-9:.3f} s {"after" if step_ns > 0 else "before"} the last one'
        return Refusal(
            reason='stamp_outlier',
            message=f'image with stamp {stamp_ns} ns, {where} (limits {_RESTART_NS * 1e-9:g} s '
            f'before, {_LEAP_NS * 1e-9:g} s after); if the next image goes on from there, the '
            f'stream does: see input.on_time_jump',
        )

    def _size_refusal(self, frame: Frame | UndecodedFrame) -> Refusal | None:
        width, height = frame.size
        last_size, self._last_size = self._last_size, (width, height)
        if last_size is None or last_size == (width, height):
            return None
        return Refusal(
            reason='size_changed',
            message=f'image of {width} x {height} pixels after {last_size[0]} x {last_size[1]}; '
            'a window has one size: the stream starts again with the new one',
            restarts=True,
        )


def _empty_refusal(frame: Frame | UndecodedFrame) -> Refusal | None:
    width, height = frame.size
    if min(height, width) > 0:
        return None
    return Refusal(
        reason='image_empty',
        message=f'image of {width} x {height} pixels; it needs at least one',
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
