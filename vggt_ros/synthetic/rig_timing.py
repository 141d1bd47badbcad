"""Rig timing: arrival of the images of several cameras, some of which do not come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One image on its way.

    Attributes:
        moment: When it was taken, counted from 0: those of one moment belong together.
        camera: By which camera.
        stamp_ns: What its header says.
    """

    moment: int
    camera: int
    stamp_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RigTiming:
    """Cameras that are triggered together, more or less.

    Attributes:
        jitter_s: Stamps are off by half of this at most.
        lag_s: Mean of the time that a message takes; those of one camera keep their order.
        dropped: Share of the images that are lost.
        dead_camera: A camera that delivers nothing for a while; None for none.
        dead_from: When that begins, in parts of all moments.
        dead_until: When it ends.
        late_camera: A camera whose stamps are too large, as of a driver that stamps what it
            receives; None for none.
        late_s: By how much.
    """

    jitter_s: float = 0.004
    lag_s: float = 0.02
    dropped: float = 0.0
    dead_camera: int | None = None
    dead_from: float = 0.4
    dead_until: float = 0.6
    late_camera: int | None = None
    late_s: float = 0.08

    def arrivals(
        self, num_moments: int, num_cameras: int, *, start_ns: int, period_ns: int, seed: int
    ) -> list[Arrival]:
        """Return what arrives, in the order of arrival.

        Args:
            num_moments: How often the cameras are triggered.
            num_cameras: How many there are.
            start_ns: Stamp of the first moment, without jitter.
            period_ns: Between two moments.
            seed: The same seed gives the same arrivals.
        """
        rng = np.random.default_rng([seed, 23])
        found = []
        for camera in range(num_cameras):
            arrives_ns = 0
            for moment in range(num_moments):
                is_dead = self.dead_from <= moment / num_moments < self.dead_until
                is_lost = rng.uniform() < self.dropped
                if is_lost or (is_dead and camera == self.dead_camera):
                    continue
                jitter_ns = int(rng.uniform(-0.5, 0.5) * self.jitter_s * _NS_PER_S)
                taken_ns = start_ns + moment * period_ns + jitter_ns
                stamp_ns = taken_ns
                if camera == self.late_camera:
                    stamp_ns += round(self.late_s * _NS_PER_S)
                lag_ns = int(rng.exponential(self.lag_s) * _NS_PER_S)
                arrives_ns = max(arrives_ns + 1, taken_ns + lag_ns)
                arrival = Arrival(moment=moment, camera=camera, stamp_ns=stamp_ns)
                found.append((arrives_ns, camera, arrival))
        return [arrival for _, _, arrival in sorted(found, key=lambda each: each[:2])]


def possible_sets(arrivals: list[Arrival], least: int) -> set[int]:
    """Return the moments of which at least so many cameras delivered an image."""
    moments, counts = np.unique([each.moment for each in arrivals], return_counts=True)
    return set(moments[counts >= least].tolist())
