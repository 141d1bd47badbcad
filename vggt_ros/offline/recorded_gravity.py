"""Recorded gravity: what the IMU of a bag says is up, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
import logging
import math
from typing import Any

from vggt_ros.errors import InputError
from vggt_ros.mapping.registration.imu_gravity import imu_sample, ImuGravity
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.sources.bag_imu import BagImu

# Messages after an image say how it was at its stamp, too.
_AHEAD_NS = 300_000_000
_log = logging.getLogger(__name__)


class RecordedGravity:
    """Reads the messages of an IMU beside the frames, as far as they are needed.

    Attributes:
        gravity: What they say; counts what it refused.
    """

    def __init__(self, imu: BagImu, sigma_rad: float) -> None:
        """Read nothing yet.

        Args:
            imu: Of the bag that the frames are of.
            sigma_rad: Standard deviation of its direction, mounting included.
        """
        self.gravity = ImuGravity()
        self._imu = imu
        self._sigma_rad = sigma_rad
        self._messages: Iterator[tuple[int, Any]] = imu.messages()
        self._read_ns = -1
        self._told: set[str] = set()

    def up_in_cam(self, stamp_ns: int, camera: int) -> UpDirection | None:
        """Return what is up along the axes of a camera; None if that cannot be known.

        Args:
            stamp_ns: Of an image as recorded; later than those before, but for a second or so.
            camera: Which one.
        """
        turn = self._imu.cam_from_imu[camera]
        if turn is None:
            return None
        self._read_until(stamp_ns + _AHEAD_NS)
        try:
            up = self.gravity.up_at(stamp_ns)
        except InputError as error:
            self._tell(error)
            return None
        if up is None:
            return None
        return replace(up.turned(turn), sigma_rad=math.hypot(up.sigma_rad, self._sigma_rad))

    def _read_until(self, stamp_ns: int) -> None:
        while self._read_ns < stamp_ns:
            found = next(self._messages, None)
            if found is None:
                return
            self._read_ns = max(self._read_ns, found[0])
            try:
                self.gravity.add(imu_sample(found[1], found[0]))
            except InputError as error:
                self._tell(error)

    def _tell(self, error: InputError) -> None:
        if error.reason not in self._told:
            self._told.add(error.reason)
            _log.warning('%s: %s', self._imu.topic, error)
