"""IMU gravity: which way is up, from the messages of an inertial measurement unit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
import math
import threading
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import InputError
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.mapping.registration.up_direction import UpDirection

# Kept so long, and no more often than this: windows ask for stamps of some seconds ago.
_KEPT_NS, _MIN_STEP_NS = 30_000_000_000, 4_000_000
# An orientation counts for an image if one before and one after are no farther apart.
_MAX_GAP_NS = 100_000_000
# At rest so long before and after the stamp, and for that long at least where the newest message
# ends it: turning and shaking no more, in rad/s and m/s^2.
_REST_NS, _MIN_REST_NS, _MIN_REST_SAMPLES = 250_000_000, 200_000_000, 8
_MAX_REST_TURN, _MAX_REST_SHAKE = 0.1, 0.3
_GRAVITY, _MAX_GRAVITY_ERROR = 9.8, 0.1
_MAX_NORM_ERROR = 0.01
_NOT_GIVEN = -1.0
_MAX_CONTRADICTION_RAD = math.radians(15.0)
# What a sensor says of itself counts up to here.
_MAX_SIGMA_RAD = math.radians(30.0)

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImuSample:
    """One message, in the frame of the IMU.

    Attributes:
        stamp_ns: ROS time in nanoseconds.
        quat_xyzw: Orientation in a z-up world; None if it is not given.
        orientation_sigma_rad: Of its roll and pitch; 0 if that is not known.
        turn_rate: Angular velocity, rad/s; None if it is not given.
        acceleration: Specific force, m/s^2: at rest it points up; None if it is not given.
    """

    stamp_ns: int
    quat_xyzw: tuple[float, float, float, float] | None = None
    orientation_sigma_rad: float = 0.0
    turn_rate: Triple | None = None
    acceleration: Triple | None = None


def imu_sample(message: Any, stamp_ns: int) -> ImuSample:
    """Return what a message says; what it marks as not given, by -1, is None.

    Args:
        message: With the fields of sensor_msgs/Imu.
        stamp_ns: Its stamp.
    """
    q, turn, force = message.orientation, message.angular_velocity, message.linear_acceleration
    has_orientation = message.orientation_covariance[0] != _NOT_GIVEN
    has_turn = message.angular_velocity_covariance[0] != _NOT_GIVEN
    has_force = message.linear_acceleration_covariance[0] != _NOT_GIVEN
    variance = max(0.0, *(float(message.orientation_covariance[i]) for i in (0, 4)))
    return ImuSample(
        stamp_ns=stamp_ns,
        quat_xyzw=(q.x, q.y, q.z, q.w) if has_orientation else None,
        orientation_sigma_rad=math.sqrt(variance) if has_orientation else 0.0,
        turn_rate=(turn.x, turn.y, turn.z) if has_turn else None,
        acceleration=(force.x, force.y, force.z) if has_force else None,
    )


class ImuGravity:
    """Answers which way is up; one thread tells, another one asks.

    Attributes:
        refused: How many messages and moments were refused, by reason.
    """

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stamps_ns: list[int] = []
        self._samples: list[ImuSample] = []

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest message that was taken, None before the first."""
        with self._lock:
            return self._stamps_ns[-1] if self._stamps_ns else None

    def clear(self) -> None:
        """Forget the messages."""
        with self._lock:
            self._stamps_ns.clear()
            self._samples.clear()

    def add(self, sample: ImuSample) -> None:
        """Take one message; cheap.

        Raises:
            InputError: It says nothing of gravity, or nothing that can be; it is counted.
        """
        try:
            _check(sample)
        except InputError as error:
            self.refused[error.reason] += 1
            raise
        with self._lock:
            if self._stamps_ns and sample.stamp_ns < self._stamps_ns[-1]:
                if self._stamps_ns[-1] - sample.stamp_ns < _KEPT_NS:
                    return  # out of order
                self._stamps_ns.clear()  # time began again
                self._samples.clear()
            if self._stamps_ns and sample.stamp_ns - self._stamps_ns[-1] < _MIN_STEP_NS:
                return
            self._stamps_ns.append(sample.stamp_ns)
            self._samples.append(sample)
            if sample.stamp_ns - self._stamps_ns[0] > 2 * _KEPT_NS:
                old = bisect_left(self._stamps_ns, sample.stamp_ns - _KEPT_NS)
                del self._stamps_ns[:old], self._samples[:old]

    def up_at(self, stamp_ns: int) -> UpDirection | None:
        """Return what is up at a stamp along the axes of the IMU.

        By the orientation, between the messages before and after; else by the accelerometer, if
        it was at rest around the stamp.

        Returns:
            None if neither is known; `sigma_rad` is what the message says, 0 if it says nothing.

        Raises:
            InputError: At rest, the acceleration is not that of gravity, or contradicts the
                orientation; it is counted.
        """
        with self._lock:
            first = bisect_left(self._stamps_ns, stamp_ns - _REST_NS)
            last = bisect_right(self._stamps_ns, stamp_ns + _REST_NS)
            samples = self._samples[first:last]
        try:
            felt = _felt_at_rest(samples)
            given = _given(samples, stamp_ns)
            if felt is None or given is None:
                return felt if given is None else given
            _check_agreement(felt.along_axes, given.along_axes)
        except InputError as error:
            self.refused[error.reason] += 1
            raise
        return given


def _check(sample: ImuSample) -> None:
    numbers = (sample.quat_xyzw or ()) + (sample.turn_rate or ()) + (sample.acceleration or ())
    if not all(map(math.isfinite, numbers)) or not math.isfinite(sample.orientation_sigma_rad):
        raise InputError(
            'imu_not_finite',
            'the message has numbers that are not finite; look at the driver of the IMU',
        )
    if sample.quat_xyzw is None and sample.acceleration is None:
        raise InputError(
            'imu_says_nothing',
            'orientation_covariance[0] and linear_acceleration_covariance[0] are -1: the message '
            'gives neither of the two; gravity cannot be known from it',
        )
    if sample.quat_xyzw is not None:
        norm = math.hypot(*sample.quat_xyzw)
        if abs(norm - 1.0) > _MAX_NORM_ERROR:
            raise InputError(
                'imu_orientation',
                f'the quaternion of the orientation has the length {norm:.3g} (must be 1 +- '
                f'{_MAX_NORM_ERROR:g}); a driver that knows no orientation must set '
                f'orientation_covariance[0] to -1',
            )


def _felt_at_rest(samples: list[ImuSample]) -> UpDirection | None:
    """Return up by the accelerometer, None unless it was at rest all the time."""
    if len(samples) < _MIN_REST_SAMPLES:
        return None
    if samples[-1].stamp_ns - samples[0].stamp_ns < _MIN_REST_NS:
        return None
    forces = [each.acceleration for each in samples if each.acceleration is not None]
    turns = [each.turn_rate for each in samples if each.turn_rate is not None]
    if len(forces) < len(samples):
        return None
    if turns and float(np.linalg.norm(np.array(turns), axis=1).max()) > _MAX_REST_TURN:
        return None
    felt = np.array(forces)
    mean = felt.mean(axis=0)
    shake = float(np.sqrt(((felt - mean) ** 2).sum(axis=1).mean()))
    if shake > _MAX_REST_SHAKE:
        return None
    size = float(np.linalg.norm(mean))
    if abs(size - _GRAVITY) > _MAX_GRAVITY_ERROR * _GRAVITY:
        raise InputError(
            'imu_gravity',
            f'at rest the acceleration is {size:.2f} m/s^2, and gravity {_GRAVITY} +- '
            f'{_MAX_GRAVITY_ERROR:.0%}: its unit must be m/s^2, with gravity in it (REP 145)',
        )
    return UpDirection(along_axes=mean / size, sigma_rad=0.0)


def _given(samples: list[ImuSample], stamp_ns: int) -> UpDirection | None:
    """Return up by the orientations just before and after a stamp, or by the newest."""
    near = [
        each
        for each in samples
        if each.quat_xyzw is not None and abs(each.stamp_ns - stamp_ns) <= _MAX_GAP_NS
    ]
    before = [each for each in near if each.stamp_ns <= stamp_ns][-1:]
    after = [each for each in near if each.stamp_ns > stamp_ns][:1]
    found = before + after
    if not found:
        return None
    ups = [_up_in_imu(each) for each in found]
    if len(ups) == 2:
        share = (stamp_ns - found[0].stamp_ns) / (found[1].stamp_ns - found[0].stamp_ns)
        ups = [(1.0 - share) * ups[0] + share * ups[1]]
    length = float(np.linalg.norm(ups[0]))
    sigma_rad = max(each.orientation_sigma_rad for each in found)
    return UpDirection(
        along_axes=ups[0] / max(length, 1e-9), sigma_rad=min(sigma_rad, _MAX_SIGMA_RAD)
    )


def _up_in_imu(sample: ImuSample) -> Float[np.ndarray, ' 3']:
    # The last row of world_from_imu is the world's z along the axes of the IMU.
    return np.asarray(matrix_from_quat_xyzw(np.array(sample.quat_xyzw))[2])


def _check_agreement(felt: Float[np.ndarray, ' 3'], given: Float[np.ndarray, ' 3']) -> None:
    angle_rad = math.acos(float(np.clip(felt @ given, -1.0, 1.0)))
    if angle_rad > _MAX_CONTRADICTION_RAD:
        raise InputError(
            'imu_contradiction',
            f'at rest, up is {math.degrees(angle_rad):.0f} degrees elsewhere by the orientation '
            f'than by the acceleration (limit {math.degrees(_MAX_CONTRADICTION_RAD):.0f}): one of '
            f'them is in another frame, as of a z axis that points down; REP 145 wants z up, and '
            f'+9.8 along it at rest',
        )
