"""The frames of one forward pass."""

from __future__ import annotations

from dataclasses import dataclass

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

    @property
    def new_frames(self) -> tuple[Frame, ...]:
        """The frames that the map does not have yet, oldest first."""
        return self.frames[self.num_overlap :]
