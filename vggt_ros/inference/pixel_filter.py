"""Pixel filter: pixels that are worth a point, chosen on the device before anything is copied."""

from __future__ import annotations

from jaxtyping import Bool, Float
import torch
from torch import Tensor

from vggt_ros.settings.config import CloudSettings


def keep_mask(
    depth: Float[Tensor, 'S H W'],
    confidence: Float[Tensor, 'S H W'],
    inside: Bool[Tensor, 'H W'],
    settings: CloudSettings | None,
) -> Bool[Tensor, 'S H W']:
    """Return True for the pixels that pass the filters that do not depend on the unit of length.

    Args:
        depth: (S, H, W) z of the points, not positive or NaN where there is none.
        confidence: (S, H, W) of the points.
        inside: (H, W) True where the network's image shows the camera's image.
        settings: The filters; None keeps every valid pixel.
    """
    keep = depth.isfinite() & confidence.isfinite() & inside & (depth > 0)
    if settings is None:
        return keep
    keep &= confidence >= _min_confidence(confidence[keep], settings)
    if settings.edge_rtol > 0:
        keep &= ~is_depth_edge(depth, settings.edge_rtol)
    return keep


def is_depth_edge(depth: Float[Tensor, 'S H W'], rtol: float) -> Bool[Tensor, 'S H W']:
    """Return True on both sides of a step between neighbors larger than `rtol` of the nearer.

    The network is smooth across outlines: between a thing and what is behind it, it puts points
    that float in the air. They are on the slope between the two depths.

    Args:
        depth: (S, H, W) positive; a step to NaN is none.
        rtol: Largest step that is kept, part of the nearer depth.
    """
    edge = torch.zeros_like(depth, dtype=torch.bool)
    for first, second in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((..., slice(None, -1)), (..., slice(1, None))),
    ):
        a, b = depth[first], depth[second]
        step = (a - b).abs() > rtol * torch.minimum(a, b)
        edge[first] |= step
        edge[second] |= step
    return edge


def _min_confidence(confidence: Float[Tensor, ' n'], settings: CloudSettings) -> float:
    if settings.confidence_mode == 'absolute':
        return settings.confidence_min
    # A percentile of 0 keeps all; of a flat confidence every percentile does.
    rank = int(settings.confidence_percentile / 100.0 * confidence.numel())
    if not 0 < rank < confidence.numel():
        return 0.0
    return float(confidence.kthvalue(rank + 1).values)
