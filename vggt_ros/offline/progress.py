"""Progress of offline mapping, as of one moment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
import json
import math


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is.

    Attributes:
        num_done: Frames read so far.
        num_frames: Frames of the recording, None if that is known only at the end.
        elapsed_s: Wall time so far.
        state: Of the mapper.
        num_keyframes: Frames in the map.
        num_loops: Places that were recognized.
        is_metric: Whether lengths are meters.
        meters_per_unit: Of the map, NaN while nothing is known.
        log_sigma: Standard deviation of its log.
    """

    num_done: int
    num_frames: int | None
    elapsed_s: float
    state: str
    num_keyframes: int
    num_loops: int
    is_metric: bool
    meters_per_unit: float
    log_sigma: float

    @property
    def frames_per_s(self) -> float:
        """Frames a second since the start."""
        return self.num_done / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Time that is left if it goes on like this; None if that is not known."""
        if self.num_frames is None or self.frames_per_s <= 0:
            return None
        return max(0, self.num_frames - self.num_done) / self.frames_per_s

    @property
    def scale(self) -> str:
        """The scale in words."""
        if self.is_metric:
            return f'metric, sigma {100 * self.log_sigma:.1f} %'
        if math.isfinite(self.meters_per_unit):
            return f'{self.meters_per_unit:.3g} m a unit, sigma {100 * self.log_sigma:.0f} %'
        return 'not metric'

    def line(self) -> str:
        """Return one line for a person."""
        of_all = '' if self.num_frames is None else f'/{self.num_frames}'
        left = '' if self.left_s is None else f', {_clock(self.left_s)} left'
        return (
            f'{self.num_done}{of_all} frames, {self.frames_per_s:.1f} a second{left}; '
            f'{self.state}, {self.num_keyframes} keyframes, {self.num_loops} loops, {self.scale}'
        )

    def json(self) -> str:
        """Return one line for a program; what is not known is null."""
        values = asdict(self) | {'frames_per_s': self.frames_per_s, 'left_s': self.left_s}
        known = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
        return json.dumps({'event': 'progress', **known})


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{rest:02}' if hours else f'{minutes}:{rest:02}'
