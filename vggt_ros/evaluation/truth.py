"""The truth about the frames of a recording."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32
import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """True poses and depth, in the order of the recording's poses and frames.

    Attributes:
        world_from_cam: (N, 4, 4) true pose of every recorded pose, metres.
        depth: (S, H, W) true depth of every recorded frame at the recorded size, metres.
    """

    world_from_cam: Float[np.ndarray, 'N 4 4']
    depth: Float32[np.ndarray, 'S H W']
