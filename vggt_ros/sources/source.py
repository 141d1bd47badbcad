"""Source of frames: the protocol by which every source is asked, and what it yields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Float32, UInt8
import numpy as np

from vggt_ros.errors import ConfigError
from vggt_ros.sources.position_fixes import PositionFix

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distortion:
    """How a lens bends; see `geometry.lens.Lens`.

    Attributes:
        model: `plumb_bob`, `rational_polynomial` or `equidistant`.
        D: (n,) coefficients in OpenCV's order.
    """

    model: str
    D: Float[np.ndarray, ' n']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceFrame:
    """One image of a source, with what the source knows about it.

    Attributes:
        image: (H, W, 3) RGB, contiguous.
        stamp_ns: When it was taken, integer nanoseconds since the epoch of the recording's clock,
            where the source knows (data sets with stamps, bags, photographs with a date); else
            the time since the first frame, of videos and of files without a time. A recording
            has one or the other for all of its frames.
        K: (3, 3) intrinsics in pixels of `image`, None if unknown.
        world_from_cam: (4, 4) true camera pose, meters, OpenCV axes; None if unknown.
        depth: (h, w) depth of the same view along the optical axis, meters, NaN where unknown; its
            size may differ from the image's. True if it was rendered, else measured by a sensor,
            with its errors and gaps. None if there is none.
        is_seen: (H, W) False where the image shows nothing, as beside what a lens saw; None if it
            shows something everywhere.
        camera: Which camera of a rig took it, 0 .. N - 1.
        distortion: How the lens bends `image`; None for a pinhole camera's image, which is what
            every source here yields: those that know a lens rectify.
        odom_from_base: (4, 4) pose of the robot at the stamp by its odometry, meters; None if
            unknown. Not a truth.
        fix: Where an antenna on the robot was by satellites; None if unknown.
    """

    image: UInt8[np.ndarray, 'H W 3']
    stamp_ns: int
    K: Float[np.ndarray, '3 3'] | None = None
    world_from_cam: Float[np.ndarray, '4 4'] | None = None
    depth: Float32[np.ndarray, 'h w'] | None = None
    is_seen: Bool[np.ndarray, 'H W'] | None = None
    camera: int = 0
    distortion: Distortion | None = None
    odom_from_base: Float[np.ndarray, '4 4'] | None = None
    fix: PositionFix | None = None


@runtime_checkable
class Source(Protocol):
    """Frames in the order in which they were taken; every iteration starts at the first one."""

    @property
    def num_frames(self) -> int | None:
        """How many frames an iteration yields, None if that is only known at the end.

        For a video it is what the file's header says, which damaged files do not keep.
        """

    @property
    def rate_hz(self) -> float | None:
        """Frames a second by which the stamps advance, None if they do so unevenly."""

    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames from the first one; raises SourceError where one cannot be read."""


def stamp_ns_at(index: int, rate_hz: float) -> int:
    """Return when frame `index` of an even stream was taken, relative to frame 0.

    Each stamp is rounded on its own, so that rounding errors do not add up.
    """
    return round(index * _NS_PER_S / rate_hz)


def check_rate(rate_hz: float) -> None:
    """Refuse a rate that stamps cannot advance by.

    Raises:
        ConfigError: The rate is not a positive number, or so high that stamps would coincide.
    """
    if not (math.isfinite(rate_hz) and 0.0 < rate_hz <= _NS_PER_S):
        raise ConfigError(
            f'the rate must be above 0 and at most {_NS_PER_S} frames a second; got {rate_hz}'
        )


def check_num_frames(num_frames: int | None) -> None:
    """Refuse a number of frames that leaves nothing to play.

    Raises:
        ConfigError: The number is below 1.
    """
    if num_frames is not None and num_frames < 1:
        raise ConfigError(
            f'the number of frames must be at least 1; got {num_frames} (leave it out for all)'
        )
