"""Rendered windows before anything happens to their pictures."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, UInt8
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Views:
    """B windows of S pictures, meters.

    Attributes:
        rgb: (B, S, H, W, 3).
        depth: (B, S, H, W) along the optical axis.
        world_from_cam: (B, S, 4, 4) rigid, OpenCV axes.
        K: (B, 3, 3) one camera for each window, pixels.
    """

    rgb: UInt8[Tensor, 'B S H W 3']
    depth: Float[Tensor, 'B S H W']
    world_from_cam: Float[Tensor, 'B S 4 4']
    K: Float[Tensor, 'B 3 3']
