"""The rig's clock: how far the stamps of its cameras are apart, by what their images show.

Stamps alone tell it modulo the time between two images: of a camera that is 80 ms late at 10 Hz
every stamp is 20 ms before one of the others, which is of the next moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float, Float32, Int64
import numpy as np

from vggt_ros.errors import InputError
from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.mapping.frontend.image_shift import image_shift, shift_view
from vggt_ros.mapping.frontend.motion_lag import motion_lag

AnyFrame = Frame | UndecodedFrame
_NS_PER_S = 1e9
# Images of one camera that are looked at before a verdict, and verdicts that must agree.
_NUM_IMAGES = 120
_NUM_VERDICTS = 2
# A camera that is this much faster than the other takes its images at moments of its own.
_MAX_IMAGES = 2 * _NUM_IMAGES
# How late a camera may be.
_MAX_LATE_S = 0.5
_MAX_LAG = 15
# So many of the images must be nearest to the same one of the other camera, counted by periods.
_LEAST_STEADY = 0.8
# Verdicts that differ by more than this part of a period contradict each other.
_MAX_DIFFERENCE = 0.25
_MAX_PERIOD_RATIO = 1.1
# An image is a step after the one before if its stamp is, give or take this part of a period.
_MAX_STEP_OFF = 0.4


class _Series:
    """The images of one camera: stamps, and how far each moved since the one before."""

    def __init__(self) -> None:
        self.stamps_ns: list[int] = []
        self.shifts: list[Float[np.ndarray, ' 2']] = []
        self._last: Float32[np.ndarray, '60 80'] | None = None

    def add(self, stamp_ns: int, view: Float32[np.ndarray, '60 80'] | None) -> None:
        shift = np.full(2, np.nan)
        if view is not None and self._last is not None:
            shift = image_shift(self._last, view)
        self._last = view
        self.stamps_ns.append(stamp_ns)
        self.shifts.append(shift)

    @property
    def period_ns(self) -> float:
        """Median time between two images; that some are missing does not matter."""
        return float(np.median(np.diff(np.array(self.stamps_ns, np.float64))))

    def periods(self, period_ns: float) -> Int64[np.ndarray, ' images']:
        """Return the number of each image, counted by periods from the first one."""
        steps = np.rint(np.diff(np.array(self.stamps_ns, np.float64)) / period_ns)
        return np.concatenate([[0], steps.cumsum()]).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    offset_s: float
    period_s: float
    num_agreeing: int = 1


class RigClock:
    """Looks at two cameras at a time, camera 0 and each of the others in turn; one thread.

    After 120 images of each it has a verdict, or the motion does not tell; two verdicts that agree
    are accepted. A rig that stands still tells nothing, and neither does one that moves evenly.
    """

    def __init__(self, num_cameras: int) -> None:
        """Know nothing yet.

        Args:
            num_cameras: Cameras, numbered from 0.
        """
        self._verdicts: dict[int, _Verdict] = {}
        self._num_cameras = num_cameras
        self._other = 1
        self._series = {0: _Series(), 1: _Series()}

    def look(self, frame: AnyFrame) -> AnyFrame:
        """Take a frame; return it, with its thumbnail if it was looked at.

        Args:
            frame: Later than the last frame of the same camera.
        """
        if self._num_cameras == 1 or frame.camera not in self._series:
            return frame
        series = self._series[frame.camera]
        try:
            frame = frame.with_thumbnail()
        except InputError:  # whoever needs its pixels will say why
            series.add(frame.stamp_ns, None)
        else:
            series.add(frame.stamp_ns, shift_view(frame.thumbnail().gray))
        lengths = [len(each.stamps_ns) for each in self._series.values()]
        if min(lengths) >= _NUM_IMAGES:
            self._judge()
        if min(lengths) >= _NUM_IMAGES or max(lengths) >= _MAX_IMAGES:
            self._look_at(self._other % (self._num_cameras - 1) + 1)
        return frame

    def offset_s(self, camera: int) -> float:
        """Return the stamps of a camera minus those of camera 0 for images of one moment.

        Returns:
            Seconds; NaN while the images have not told.
        """
        if camera == 0:
            return 0.0
        verdict = self._verdicts.get(camera)
        if verdict is None or verdict.num_agreeing < _NUM_VERDICTS:
            return float('nan')
        return verdict.offset_s

    def restart(self) -> None:
        """Forget the images at hand, as after a jump of time or a change of size."""
        self._look_at(self._other)

    def _look_at(self, other: int) -> None:
        self._other = other
        self._series = {0: _Series(), other: _Series()}

    def _judge(self) -> None:
        verdict = _verdict(self._series[0], self._series[self._other])
        if verdict is None:
            return
        last = self._verdicts.get(self._other)
        if last is not None:
            difference_s = abs(verdict.offset_s - last.offset_s)
            if difference_s <= _MAX_DIFFERENCE * verdict.period_s:
                verdict = replace(verdict, num_agreeing=last.num_agreeing + 1)
        self._verdicts[self._other] = verdict


def _verdict(first: _Series, other: _Series) -> _Verdict | None:
    period_ns = first.period_ns
    ratio = other.period_ns / period_ns
    if not 1 / _MAX_PERIOD_RATIO <= ratio <= _MAX_PERIOD_RATIO:
        return None
    numbers, other_numbers = first.periods(period_ns), other.periods(period_ns)
    stamps_ns, other_ns = np.array(first.stamps_ns), np.array(other.stamps_ns)
    nearest = np.abs(other_ns[:, None] - stamps_ns).argmin(axis=1)
    ahead = other_numbers - numbers[nearest]
    steps, counts = np.unique(ahead, return_counts=True)
    if counts.max() < _LEAST_STEADY * len(ahead):
        return None
    step = int(steps[counts.argmax()])
    offset_ns = float(np.median((other_ns - stamps_ns[nearest])[ahead == step]))
    other_numbers -= step
    begin = int(min(numbers[0], other_numbers[0]))
    num = int(max(numbers[-1], other_numbers[-1])) - begin + 1
    if num > 2 * _MAX_IMAGES:  # most of them are missing
        return None
    max_lag = max(1, min(_MAX_LAG, round(_MAX_LATE_S * _NS_PER_S / period_ns)))
    lag = motion_lag(
        _by_number(first, numbers - begin, num, period_ns),
        _by_number(other, other_numbers - begin, num, period_ns),
        max_lag,
    )
    if lag is None:
        return None
    return _Verdict(
        offset_s=(offset_ns + lag * period_ns) / _NS_PER_S, period_s=period_ns / _NS_PER_S
    )


def _by_number(
    series: _Series, numbers: Int64[np.ndarray, ' images'], num: int, period_ns: float
) -> Float[np.ndarray, 'num 2']:
    """Return the shifts of the steps by number, NaN for those that are missing or longer."""
    found = np.full((num, 2), np.nan)
    steps = np.diff(np.array(series.stamps_ns, np.float64)) / period_ns
    is_step = np.concatenate([[False], np.abs(steps - 1.0) < _MAX_STEP_OFF])
    found[numbers[is_step]] = np.array(series.shifts)[is_step]
    return found
