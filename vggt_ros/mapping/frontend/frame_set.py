"""The images of one moment: one frame of each camera that has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame

FrameT = TypeVar('FrameT', Frame, UndecodedFrame, Frame | UndecodedFrame, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameSet(Generic[FrameT]):
    """Frames of different cameras whose stamps are close.

    Attributes:
        frames: At least one, in the order of the cameras.
    """

    frames: tuple[FrameT, ...]

    @property
    def id(self) -> int:
        """Id of the first frame."""
        return self.frames[0].id

    @property
    def stamp_ns(self) -> int:
        """Stamp of the first frame."""
        return self.frames[0].stamp_ns
