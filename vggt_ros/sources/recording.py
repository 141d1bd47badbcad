"""Recording: the protocol of sources that are files, and can say what they hold beforehand.

Data sets, folders of images, videos and bags fulfill it. All of them can be iterated from the
start; only a `Dataset` can be indexed. Where something is only known at the end it is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.sources.frame_picker import FramePicker
from vggt_ros.sources.source import Source, SourceFrame


@runtime_checkable
class Recording(Source, Protocol):
    """Frames in files."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def layout(self) -> str:
        """`images`, `video`, `bag`, or one of `dataset_formats.LAYOUTS`."""

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras, at least one; `SourceFrame.camera` counts in them."""

    @property
    def has_time(self) -> bool:
        """Whether the files carry times; else stamps only count the frames, at a rate.

        Times of videos and of KITTI's odometry begin at 0, the others are of a clock.
        """

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the first camera's images as recorded, pixels; None if unknown."""

    @property
    def stamps_ns(self) -> Int64[np.ndarray, ' N'] | None:
        """(N,) stamps of all frames, ascending; None if only known at the end."""

    @property
    def world_from_cam(self) -> Float[np.ndarray, 'N 4 4'] | None:
        """(N, 4, 4) true poses, NaN where unknown; None if there is no truth."""

    @property
    def truth(self) -> str:
        """What the true poses are of, one sentence; empty if there are none."""

    @property
    def K(self) -> Float[np.ndarray, '3 3'] | None:
        """(3, 3) intrinsics of the first image as recorded, pixels; None if unknown."""

    @property
    def num_depths(self) -> int | None:
        """How many images have depth; None if only known at the end."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know before using it, one sentence each."""

    @property
    def drops(self) -> Mapping[str, int]:
        """Frames that cannot be used, by reason; of the last iteration where it is decoded."""

    def frames(self, picker: FramePicker) -> Iterator[SourceFrame]:
        """Yield the frames that are picked; others are not decoded where that can be avoided.

        Raises:
            SourceError: A file cannot be read.
        """
