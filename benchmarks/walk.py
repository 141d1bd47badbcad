"""A camera's walk that never ends."""

from __future__ import annotations

from collections.abc import Iterator
import itertools

from vggt_ros.sources.open import open_source
from vggt_ros.sources.source import SourceFrame


def endless_walk(num_frames: int = 200) -> Iterator[SourceFrame]:
    """Yield frames of a synthetic walk that turns round at either end; stamps repeat.

    Args:
        num_frames: Of the walk, rendered before the first is yielded.
    """
    walk = list(open_source('synthetic', num_frames=num_frames))
    yield from itertools.cycle([*walk, *walk[-2:0:-1]])
