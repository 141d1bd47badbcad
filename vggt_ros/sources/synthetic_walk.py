"""A walk through a made-up room, with exact intrinsics and poses."""

from __future__ import annotations

from collections.abc import Iterator

from vggt_ros.sources.source import check_num_frames, check_rate, SourceFrame, stamp_ns_at
from vggt_ros.synthetic.sequence import SyntheticSequence


class SyntheticWalk:
    """The frames of a `SyntheticSequence`, rendered while they are asked for.

    Args:
        seed: The same seed gives the same room and the same walk.
        num_frames: Length of the walk.
        width: Columns of the images.
        height: Rows of the images.
        rate_hz: Frames a second.

    Raises:
        ConfigError: The rate or the number of frames is out of range.
    """

    def __init__(
        self,
        seed: int = 0,
        num_frames: int = 200,
        width: int = 320,
        height: int = 240,
        rate_hz: float = 10.0,
    ) -> None:
        check_rate(rate_hz)
        check_num_frames(num_frames)
        self._rate_hz = rate_hz
        self._sequence = SyntheticSequence(
            seed=seed, num_frames=num_frames, width=width, height=height, rate_hz=rate_hz
        )

    @property
    def num_frames(self) -> int:
        """How many frames an iteration yields."""
        return len(self._sequence)

    @property
    def rate_hz(self) -> float:
        """Frames a second."""
        return self._rate_hz

    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames with their true intrinsics and poses."""
        for index in range(self.num_frames):
            # One at a time: a batch would come as a burst, and a player could not keep time.
            (image,) = self._sequence.render([index]).rgb
            yield SourceFrame(
                image=image,
                stamp_ns=stamp_ns_at(index, self._rate_hz),
                K=self._sequence.K.copy(),
                world_from_cam=self._sequence.world_from_cam(index).copy(),
            )
