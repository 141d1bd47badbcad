"""Images wait a moment for the calibration of their camera."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import time
from typing import TypeAlias

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vggt_ros.ros.middleware.payload import message_bytes

AnyImage: TypeAlias = Image | CompressedImage
_PATIENCE_S = 1.0
# Of one camera. Beyond that nothing is lost either: the wait ends.
_MAX_HELD, _MAX_HELD_BYTES = 100, 200_000_000


class CalibrationGate:
    """Holds the first images back until the first CameraInfo is there, or does not come.

    An image and its CameraInfo arrive in any order. Without the wait the first frames of every
    run would count as uncalibrated, and the scale of the map would be theirs. No image is lost by
    it: when it is known that there is no calibration, or when too many wait, all of them go on.

    Attributes:
        calibration: The newest CameraInfo, None as long as there is none.
    """

    def __init__(
        self,
        is_expected: Callable[[], bool],
        on_silence: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start waiting.

        Args:
            is_expected: Whether anybody publishes a CameraInfo.
            on_silence: Called once if images go on without a CameraInfo that was expected.
            clock: Monotonic time, seconds.
        """
        self.calibration: CameraInfo | None = None
        self._is_expected = is_expected
        self._on_silence = on_silence
        self._clock = clock
        self._held: deque[AnyImage] = deque()
        self._held_bytes = 0
        self._waiting_since_s: float | None = None
        self._is_open = False

    def images(self, message: AnyImage) -> list[AnyImage]:
        """Return the images that can go on now, oldest first, this one the last of them."""
        self._held.append(message)
        self._held_bytes += message_bytes(message)
        if self._waiting_since_s is None:
            self._waiting_since_s = self._clock()
        if self._is_open or self.calibration is not None or not self._is_expected():
            return self._open()
        is_full = len(self._held) >= _MAX_HELD or self._held_bytes >= _MAX_HELD_BYTES
        return self._give_up() if is_full or self._has_waited() else []

    def overdue(self) -> list[AnyImage]:
        """Return the images that have waited long enough, oldest first; call once a second.

        A stream that is shorter than the wait brings no image that would ask for them.
        """
        if self._waiting_since_s is None or self._is_open:
            return []
        return self._give_up() if self._has_waited() else []

    def calibrate(self, message: CameraInfo) -> list[AnyImage]:
        """Take a CameraInfo; return the images that waited for it, oldest first."""
        self.calibration = message
        return self._open()

    def _has_waited(self) -> bool:
        since_s = self._waiting_since_s
        return since_s is not None and self._clock() - since_s >= _PATIENCE_S

    def _give_up(self) -> list[AnyImage]:
        self._on_silence()
        return self._open()

    def _open(self) -> list[AnyImage]:
        self._is_open = True
        images = list(self._held)
        self._held.clear()
        self._held_bytes = 0
        return images
