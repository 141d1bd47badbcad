"""A bounded, even sample of the frames of a stream of unknown length."""

from __future__ import annotations

from typing import Generic, TypeVar

_Frame = TypeVar('_Frame')


class FrameSample(Generic[_Frame]):
    """Keeps every n-th frame; n doubles whenever the bound is reached."""

    def __init__(self, max_frames: int) -> None:
        self._max_frames = max_frames
        self._stride = 1
        self._num_seen = 0
        self._frames: list[_Frame] = []

    def add(self, frame: _Frame) -> None:
        """Take the next frame of the stream."""
        if self._num_seen % self._stride == 0:
            self._frames.append(frame)
        self._num_seen += 1
        if len(self._frames) > self._max_frames:
            self._frames = self._frames[::2]
            self._stride *= 2

    def frames(self) -> tuple[_Frame, ...]:
        """Return the frames kept, at most `max_frames`, in the order they came."""
        return tuple(self._frames)
