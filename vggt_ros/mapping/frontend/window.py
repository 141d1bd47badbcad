"""The frames of one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.frame_set import FrameSet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """Frame sets of one forward pass, oldest first; within a set in the order of the cameras.

    Attributes:
        sets: The sets; the first `num_overlap_sets` are already in the map.
        num_overlap_sets: How many of them the overlap reference contains as well; 0 for the first
            window after a start or a reset.
        epoch: Number of resets before the window was made; a result of an older epoch is void.
    """

    sets: tuple[FrameSet[Frame], ...]
    num_overlap_sets: int
    epoch: int

    @classmethod
    def of_frames(cls, frames: Sequence[Frame], num_overlap: int = 0, epoch: int = 0) -> Window:
        """Return the window of one camera: every frame is a set of its own.

        Args:
            frames: The frames, oldest first.
            num_overlap: How many of them are already in the map.
            epoch: Number of resets before.
        """
        sets = tuple(FrameSet(frames=(frame,)) for frame in frames)
        return cls(sets=sets, num_overlap_sets=num_overlap, epoch=epoch)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All frames, in the order in which the network sees them."""
        return tuple(frame for each in self.sets for frame in each.frames)

    @property
    def num_overlap(self) -> int:
        """How many of the frames, the first ones, are already in the map."""
        return sum(len(each.frames) for each in self.sets[: self.num_overlap_sets])

    @property
    def new_frames(self) -> tuple[Frame, ...]:
        """The frames that the map does not have yet, oldest first."""
        return self.frames[self.num_overlap :]

    @property
    def set_rows(self) -> tuple[tuple[int, ...], ...]:
        """For every set the places of its frames in `frames`."""
        rows, start = [], 0
        for each in self.sets:
            rows.append(tuple(range(start, start + len(each.frames))))
            start += len(each.frames)
        return tuple(rows)

    def subsampled(self, size: int) -> Window:
        """Return a window of fewer sets: the newest ones, and some of the overlap.

        Args:
            size: Sets to keep, at least 2; at most half of them are overlap.
        """
        new_sets = self.sets[self.num_overlap_sets :]
        num_overlap = min(self.num_overlap_sets, size // 2)
        num_new = min(size - num_overlap, len(new_sets))
        overlap = self.sets[self.num_overlap_sets - num_overlap : self.num_overlap_sets]
        picked = [(i + 1) * len(new_sets) // num_new - 1 for i in range(num_new)]
        return replace(
            self,
            sets=(*overlap, *(new_sets[i] for i in picked)),
            num_overlap_sets=num_overlap,
        )
