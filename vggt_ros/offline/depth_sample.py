"""Depth sample: one keyframe with its depth, to look at."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float32, UInt8
import numpy as np

from vggt_ros.mapping.layers.map_update import FrameResult


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DepthSample:
    """One keyframe, on the network's pixels.

    Attributes:
        frame_id: Which one.
        image: (H, W, 3) RGB.
        depth: (H, W) map units of when the frame came; NaN where there is none.
        confidence: (H, W) at least 1.
    """

    frame_id: int
    image: UInt8[np.ndarray, 'H W 3']
    depth: Float32[np.ndarray, 'H W']
    confidence: Float32[np.ndarray, 'H W']

    @classmethod
    def of(cls, result: FrameResult) -> DepthSample:
        """Return copies of what a keyframe shows: its window's arrays are not kept."""
        return cls(
            frame_id=result.frame.id,
            image=result.image.copy(),
            depth=result.depth.copy(),
            confidence=result.confidence.copy(),
        )
