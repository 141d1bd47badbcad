"""Frame counters: what happened to the frames, with latencies, for the diagnostics."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
import threading

import numpy as np

# Latencies kept for the percentiles: a few minutes of windows.
_HISTORY = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What happened to the frames since the start; resets of the map do not clear it.

    Attributes:
        frames_in: Frames that arrived, those that were refused included.
        frames_used: Frames that are in the map.
        drops: Number of dropped frames by reason.
        windows: Windows that entered the map.
        windows_failed: Windows that did not, because the prediction or the overlap was unusable,
            or the images did not confirm them.
        refinements: Number of windows by what their images made of them: `network` and `tracks`
            were adjusted from that start, `rotation` had rotations refined only, `not_verified`
            were not confirmed and did not enter the map. Empty without refinement.
        latency_p50_s: Median time from taking a window to its update, NaN before the first.
        latency_p95_s: Its 95th percentile.
    """

    frames_in: int
    frames_used: int
    drops: Mapping[str, int]
    windows: int
    windows_failed: int
    refinements: Mapping[str, int]
    latency_p50_s: float
    latency_p95_s: float

    @property
    def num_dropped(self) -> int:
        """Dropped frames over all reasons."""
        return sum(self.drops.values())


class Counters:
    """Counts frames and windows; any thread may call any method.

    Every frame that comes in is used once, dropped once under one reason, or still pending.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames_in = 0
        self._frames_used = 0
        self._drops: Counter[str] = Counter()
        self._windows = 0
        self._windows_failed = 0
        self._refinements: Counter[str] = Counter()
        self._latencies_s: deque[float] = deque(maxlen=_HISTORY)

    def frame_in(self) -> None:
        """Count a frame that arrived."""
        with self._lock:
            self._frames_in += 1

    def drop(self, reason: str, num_frames: int = 1) -> None:
        """Count frames that are dropped for `reason`."""
        if num_frames:
            with self._lock:
                self._drops[reason] += num_frames

    def window_used(
        self, num_new_frames: int, latency_s: float, refined_from: str | None = None
    ) -> None:
        """Count a window that entered the map with its new frames.

        Args:
            num_new_frames: Those that are in the map now.
            latency_s: From taking the window to its update.
            refined_from: Which start its images made it from; None if they were not asked.
        """
        with self._lock:
            if refined_from is not None:
                self._refinements[refined_from] += 1
            self._windows += 1
            self._frames_used += num_new_frames
            self._latencies_s.append(latency_s)

    def window_failed(self, num_new_frames: int) -> None:
        """Count a window that failed; its new frames are dropped as `window_failed`."""
        with self._lock:
            self._windows_failed += 1
            self._drops['window_failed'] += num_new_frames

    def window_not_verified(self, num_new_frames: int) -> None:
        """Count a window that its images do not confirm; new frames drop as `not_verified`."""
        with self._lock:
            self._windows_failed += 1
            self._refinements['not_verified'] += 1
            self._drops['not_verified'] += num_new_frames

    def counts(self) -> Counts:
        """Return all counts as of one moment."""
        with self._lock:
            latencies_s = list(self._latencies_s) or [float('nan')]
            p50_s, p95_s = np.percentile(latencies_s, (50, 95))
            return Counts(
                frames_in=self._frames_in,
                frames_used=self._frames_used,
                drops=dict(self._drops),
                windows=self._windows,
                windows_failed=self._windows_failed,
                refinements=dict(self._refinements),
                latency_p50_s=float(p50_s),
                latency_p95_s=float(p95_s),
            )
