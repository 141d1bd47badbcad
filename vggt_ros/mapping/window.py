"""The frames of one forward pass."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vggt_ros.mapping.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """Frames of one forward pass, oldest first.

    Attributes:
        frames: The frames; the first `num_overlap` are already in the map.
        num_overlap: How many of them the map's last window contained as well; 0 for the first
            window after a start or a reset.
        epoch: Number of resets before the window was made; a result of an older epoch is void.
    """

    frames: tuple[Frame, ...]
    num_overlap: int
    epoch: int

    def thinned(self, size: int) -> Window:
        """Return a window of fewer frames: the newest ones, and some of the overlap.

        Args:
            size: Frames to keep, at least 2; at most half of them are overlap.
        """
        num_overlap = min(self.num_overlap, size // 2)
        num_new = min(size - num_overlap, len(self.new_frames))
        overlap = self.frames[self.num_overlap - num_overlap : self.num_overlap]
        picked = [(i + 1) * len(self.new_frames) // num_new - 1 for i in range(num_new)]
        new_frames = tuple(self.new_frames[i] for i in picked)
        return replace(self, frames=(*overlap, *new_frames), num_overlap=num_overlap)

    @property
    def new_frames(self) -> tuple[Frame, ...]:
        """The frames that the map does not have yet, oldest first."""
        return self.frames[self.num_overlap :]
