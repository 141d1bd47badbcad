"""Window buffer: keyframe sets that wait for a window, and the windows made of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
import threading
import time

import numpy as np

from vggt_ros.mapping.frontend.counters import Counters
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.frame_set import FrameSet
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.settings.config import WindowSettings

# Live: keyframes that may wait, in windows. More would only be left out later.
_MAX_PENDING_WINDOWS = 4
# And in bytes, as long as a window is complete.
_MAX_PENDING_BYTES = 250_000_000


class WindowBuffer:
    """Makes windows of the map's last frames and the keyframes that came since.

    Live, when inference is late, keyframes are dropped so that the window spans all that is
    pending up to the newest; the overlap with the map is never dropped. Offline nothing is
    dropped: what does not fit waits for the next window, and the caller bounds what it adds.

    Any thread may call any method; only `wait` blocks. `lock` is held for every change, so that
    its owner can make changes here and elsewhere one step.
    """

    def __init__(
        self,
        settings: WindowSettings,
        counters: Counters,
        *,
        offline: bool = False,
        lock: threading.RLock | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty.

        Args:
            settings: `window.*`; assign `settings` to change them.
            counters: Counts the dropped frames.
            offline: True to drop nothing and to make incomplete windows only after `flush`.
            lock: Held for every change; None for a lock of its own.
            clock: Seconds, monotonic.
        """
        self.settings = settings
        self._counters = counters
        self._offline = offline
        self._clock = clock
        self._changed = threading.Condition(lock or threading.RLock())
        self._pending: list[FrameSet[Frame]] = []
        self._fresh: deque[Frame] = deque()
        self._newest_since_s = 0.0
        self._registered: tuple[FrameSet[Frame], ...] = ()
        self._at_work: list[Window] = []
        # What the next window builds on, as if the map had all its frames.
        self._ahead: Window | None = None
        self._limit: int | None = None
        self._flushing = False
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """Number of resets so far."""
        return self._epoch

    @property
    def limit(self) -> int | None:
        """Largest window, in sets, that the memory of the device bears, None if it bears all."""
        with self._changed:
            return self._limit

    @property
    def num_pending(self) -> int:
        """Frames that are neither used nor dropped yet, those in a window at work included."""
        with self._changed:
            return _num_frames(self._pending) + sum(
                len(window.new_frames) for window in self._at_work
            )

    def push(self, frame_set: FrameSet[Frame]) -> None:
        """Add a keyframe set of the same image size as those that wait."""
        with self._changed:
            self._pending.append(frame_set)
            self._fresh.extend(frame_set.frames)
            self._newest_since_s = self._clock()
            self._flushing = False
            if not self._offline and self._is_full():
                dropped = self._pending.pop(_most_crowded(self._pending))
                self._counters.drop('late', len(dropped.frames))
            self._changed.notify_all()

    def _is_full(self) -> bool:
        num_sets = len(self._pending)
        if num_sets > _MAX_PENDING_WINDOWS * self.settings.size:
            return True
        num_bytes = sum(frame.num_bytes for each in self._pending for frame in each.frames)
        return num_sets > max(self.settings.size, 2) and num_bytes > _MAX_PENDING_BYTES

    def flush(self) -> None:
        """Make windows of what is pending at once, complete or not: the stream has ended."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()

    def drop_pending(self, reason: str) -> None:
        """Drop the keyframes that wait; a window at work is not touched."""
        with self._changed:
            self._counters.drop(reason, _num_frames(self._pending))
            self._pending.clear()
            self._fresh.clear()

    def reset(self) -> None:
        """Forget the map's last frames, too; windows made before are void."""
        with self._changed:
            self.drop_pending('reset')
            self._registered = ()
            self._ahead = None
            self._limit = None
            self._epoch += 1

    def forget_overlap(self) -> None:
        """Let the next window share no frame with the map: the overlap could not be registered."""
        with self._changed:
            self._registered = ()
            self._ahead = None

    def wait(self, timeout_s: float, *, may_take: bool = True) -> Window | Frame | None:
        """Return what can be worked on as soon as there is something.

        Args:
            timeout_s: Wait no longer.
            may_take: False to return no window.

        Returns:
            The next window; else a frame that waits and was not returned before, so that it can
            be encoded before its window is complete, unless more wait than the window takes: some
            of them will be dropped; None after `timeout_s` without either.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while True:
                window = self.take() if may_take else None
                if window is not None:
                    return window
                if self._fresh and not self._is_behind():
                    return self._fresh.popleft()
                remaining_s = deadline_s - time.monotonic()
                if remaining_s <= 0:
                    return None
                incomplete_s = self._until_incomplete_s() if may_take else 0.0
                # Past that time only another frame can change anything.
                self._changed.wait(
                    min(remaining_s, incomplete_s) if incomplete_s > 0 else remaining_s
                )

    def take(self) -> Window | None:
        """Return the next window if there is one now.

        While another one is at work it shares frames with that one, as if the map had them.
        """
        with self._changed:
            overlap = self._overlap()
            if not self._is_ready(len(overlap)):
                return None
            new_sets = self._take_new(self._size() - len(overlap))
            waiting = {frame.id for each in self._pending for frame in each.frames}
            self._fresh = deque(frame for frame in self._fresh if frame.id in waiting)
            window = Window(
                sets=(*overlap, *new_sets), num_overlap_sets=len(overlap), epoch=self._epoch
            )
            self._at_work.append(window)
            self._ahead = window
            return window

    def shrink(self, window: Window) -> Window:
        """Replace a window that was taken by one of half the size, and make none larger.

        The new frames that it leaves out are dropped; without a third set it has none to spare.

        Args:
            window: At least three sets.
        """
        with self._changed:
            smaller = window.subsampled(max(2, len(window.sets) // 2))
            self._limit = len(smaller.sets)
            if self.is_at_work(window):
                num_dropped = len(window.new_frames) - len(smaller.new_frames)
                self._counters.drop('out_of_memory', num_dropped)
                self._at_work[self._at_work.index(window)] = smaller
                if self._ahead is window:
                    self._ahead = smaller
            return smaller

    def is_at_work(self, window: Window) -> bool:
        """Return False for a window that was finished, or whose new frames wait again."""
        with self._changed:
            return window in self._at_work

    def finish(self, window: Window, *, registered: Collection[int] = ()) -> None:
        """Say what became of a window that was taken; those that were taken later follow.

        Of later ones that share frames which the map does not have, the new frames wait again.

        Args:
            window: The window.
            registered: Ids of its frames that the map has now; the newest of them are the next
                window's overlap. Empty for a window that did not enter the map.
        """
        with self._changed:
            self._at_work.remove(window)
            if self._ahead is window:
                self._ahead = None
            if registered:
                assert window.epoch == self._epoch, 'a window from before a reset is void'
                known = (_only(each, registered) for each in window.sets)
                kept = tuple(each for each in known if each is not None)
                self._registered = kept[-self.settings.overlap :]
            self._take_back_untied()
            self._changed.notify_all()

    def _take_back_untied(self) -> None:
        """Let frames wait again whose windows share frames with one that left those out."""
        known = {frame.id for each in self._registered for frame in each.frames}
        for window in [each for each in self._at_work if each.epoch == self._epoch]:
            shared = {frame.id for frame in window.frames[: window.num_overlap]}
            if not shared <= known:
                index = self._at_work.index(window)
                untied, self._at_work[index:] = self._at_work[index:], []
                self._pending[:0] = [
                    new for each in untied for new in each.sets[each.num_overlap_sets :]
                ]
                self._ahead = None
                return
            known = {frame.id for frame in window.frames}

    def _overlap(self) -> tuple[FrameSet[Frame], ...]:
        if not self._pending:
            return ()
        size = self._pending[0].frames[0].size
        # After a change of size the old frames cannot be in a window with the new ones.
        known = self._registered if self._ahead is None else self._ahead.sets
        overlap = tuple(each for each in known if each.frames[0].size == size)
        return overlap[-self._max_overlap() :]

    def _max_overlap(self) -> int:
        return self.settings.overlap if self._limit is None else self._limit // 2

    def _size(self) -> int:
        return self.settings.size if self._limit is None else self._limit

    def _is_ready(self, num_overlap: int) -> bool:
        num_new = len(self._pending)
        complete = self._size() - (self._max_overlap() if num_overlap else 0)
        if num_new >= complete:
            return True
        if self._flushing:
            return num_new >= 1
        waited = self._until_incomplete_s() <= 0
        return waited and num_new >= (1 if num_overlap else 2)

    def _is_behind(self) -> bool:
        return not self._offline and len(self._pending) > self._size() - len(self._overlap())

    def _until_incomplete_s(self) -> float:
        if self._offline or not self._pending:
            return float('inf')
        return self._newest_since_s + self.settings.max_wait - self._clock()

    def _take_new(self, capacity: int) -> list[FrameSet[Frame]]:
        pending = self._pending
        if self._offline:
            self._pending = pending[capacity:]
            return pending[:capacity]
        self._pending = []
        if len(pending) <= capacity:
            return pending
        # Even steps from the last frame of the map, which is at -1, to the newest pending one.
        picked = np.arange(1, capacity + 1) * len(pending) // capacity - 1
        taken = [pending[i] for i in picked]
        self._counters.drop('late', _num_frames(pending) - _num_frames(taken))
        return taken


def _num_frames(frame_sets: Iterable[FrameSet[Frame]]) -> int:
    return sum(len(each.frames) for each in frame_sets)


def _only(frame_set: FrameSet[Frame], ids: Collection[int]) -> FrameSet[Frame] | None:
    """Return what a set has of the named frames, None if it has none."""
    frames = tuple(frame for frame in frame_set.frames if frame.id in ids)
    return FrameSet(frames=frames) if frames else None


def _most_crowded(frame_sets: list[FrameSet[Frame]]) -> int:
    """Return the index of the set, not the newest, whose neighbors are closest in time."""
    stamps_ns = np.array([each.stamp_ns for each in frame_sets])
    return 1 + int(np.argmin(stamps_ns[2:] - stamps_ns[:-2]))
