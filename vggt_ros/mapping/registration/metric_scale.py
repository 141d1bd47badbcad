"""Metric scale: meters per unit of the map, and the uncertainty of that."""

from __future__ import annotations

from dataclasses import dataclass
import math

from vggt_ros.mapping.registration.scale_measurement import ScaleMeasurement
from vggt_ros.settings.world_config import ScaleSettings

# Measurements farther off than this many standard deviations do not count.
_GATE_SIGMAS = 3.0
# Lengths are called meters when they are known so well.
MAX_LOCK_SIGMA = 0.05
# So many measurements in a row that agree with each other and not with the estimate replace it,
# as long as lengths have not been reported as meters.
_MAX_REJECTED = 5
# Meters per unit, as `scale.fixed` has it: from models under a microscope to mountains.
_RANGE = 1e-4, 1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleState:
    """What is known of meters.

    Attributes:
        is_metric: Whether lengths in the map are meters.
        meters_per_unit: Of the map, NaN while nothing is known; once metric, how far the newest
            window was off.
        log_sigma: Standard deviation of its log, infinite while nothing is known.
        source: rig, odometry, depth, model, fixed or gnss; empty while nothing is known.
        num_rejected: Measurements that did not count.
    """

    is_metric: bool
    meters_per_unit: float
    log_sigma: float
    source: str
    num_rejected: int = 0


def metric_by(measurement: ScaleMeasurement) -> ScaleState:
    """Return what is known of a map that was brought to meters by a measurement."""
    return ScaleState(
        is_metric=True,
        meters_per_unit=1.0,
        log_sigma=measurement.log_sigma,
        source=measurement.source,
    )


class MetricScale:
    """A filter for the log of the scale: one number that drifts from window to window.

    Before it is locked it says what the unit of the map is worth. Locking makes the unit a meter,
    once; from then on the estimate is how far the newest window is off, and `take_correction`
    puts each window right before it enters the map.

    Attributes:
        settings: `scale.*`.
        log_scale: Log of meters per unit of the map.
        log_sigma: Its standard deviation, infinite before the first measurement.
        is_locked: Whether lengths in the map are meters.
        source: Where the newest accepted measurement came from; empty before.
        num_accepted: Measurements that counted.
        num_rejected: Measurements that did not, for their residual or as too far off.
    """

    def __init__(self, settings: ScaleSettings) -> None:
        self.settings = settings
        self.clear()

    def clear(self) -> None:
        """Start again, as after a reset of the map."""
        self.log_scale = 0.0
        self.log_sigma = math.inf
        self.is_locked = False
        self.source = ''
        self.num_accepted = 0
        self.num_rejected = 0
        self._num_rejected_in_row = 0
        self._is_inherited = False

    def restore(self, is_locked: bool, log_sigma: float, source: str) -> None:
        """Begin with what an earlier session knew of the unit of the map.

        Args:
            is_locked: Whether lengths in the map are meters.
            log_sigma: As in `log_sigma`; of no account if they are not.
            source: As in `source`.
        """
        self.clear()
        if is_locked:
            self.is_locked = self._is_inherited = True
            self.log_sigma, self.source = log_sigma, source

    def forget_unless_locked(self) -> None:
        """Forget measurements of a unit that is not that of the map."""
        if not self.is_locked:
            self.clear()

    @property
    def is_held(self) -> bool:
        """Whether this session has measured meters, so that lengths do not drift."""
        return self.is_locked and not self._is_inherited

    @property
    def meters_per_unit(self) -> float:
        """Meters per unit of the map, NaN while nothing is known."""
        return math.exp(self.log_scale) if math.isfinite(self.log_sigma) else math.nan

    @property
    def state(self) -> ScaleState:
        """What is known now."""
        return ScaleState(
            is_metric=self.is_locked,
            meters_per_unit=self.meters_per_unit,
            log_sigma=self.log_sigma,
            source=self.source,
            num_rejected=self.num_rejected,
        )

    def start_fixed(self) -> float:
        """Take the scale from the settings; return meters per unit of the first window."""
        self.is_locked, self.log_sigma, self.source = True, 0.0, 'fixed'
        return self.settings.fixed

    def start(self, first: ScaleMeasurement) -> float | None:
        """Choose the unit of a map that begins; return it in meters, None if that is not known.

        Args:
            first: What the first window shows.
        """
        if not self.observe(first):
            return None
        self.log_scale = 0.0
        return first.meters_per_unit

    def drift(self, log_sigma: float) -> None:
        """Let the estimate age by one registration, whose scale has this standard deviation."""
        if self.settings.source != 'fixed':
            self.log_sigma = math.hypot(self.log_sigma, log_sigma)

    def observe(self, measurement: ScaleMeasurement) -> bool:
        """Take in a measurement of meters per unit; return False if it does not count."""
        low, high = _RANGE
        is_sane = low <= measurement.meters_per_unit <= high
        if measurement.residual > self.settings.max_residual or not is_sane:
            self.num_rejected += 1
            return False
        off = math.log(measurement.meters_per_unit) - self.log_scale
        if abs(off) > _GATE_SIGMAS * math.hypot(self.log_sigma, measurement.log_sigma):
            self.num_rejected += 1
            self._num_rejected_in_row += 1
            if self.is_locked or self._num_rejected_in_row < _MAX_REJECTED:
                return False
            self.log_sigma, self.num_accepted = math.inf, 0
        self._num_rejected_in_row = 0
        self._is_inherited = False
        self._update(off, measurement.log_sigma)
        self.num_accepted += 1
        self.source = measurement.source
        return True

    def take_lock(self) -> float | None:
        """Lock if the scale is well enough known.

        Returns:
            Meters per old unit of the map, to be applied to all of it; None if it has not changed.
        """
        if self.is_locked or self.num_accepted < self.settings.lock_after:
            return None
        if self.log_sigma > MAX_LOCK_SIGMA:
            return None
        self.is_locked = True
        return self._take()

    def take_correction(self) -> float:
        """Return what the newest window has to be multiplied by; 1 before the lock."""
        return self._take() if self.is_locked else 1.0

    def _take(self) -> float:
        factor, self.log_scale = math.exp(self.log_scale), 0.0
        return factor

    def _update(self, off: float, log_sigma: float) -> None:
        if math.isinf(self.log_sigma):
            self.log_scale, self.log_sigma = self.log_scale + off, log_sigma
            return
        gain = self.log_sigma**2 / (self.log_sigma**2 + log_sigma**2)
        self.log_scale += gain * off
        self.log_sigma *= math.sqrt(1.0 - gain)
