"""Which pixels of a window become points."""

from __future__ import annotations

from jaxtyping import Bool, Float32
import numpy as np

from vggt_ros.config import CloudSettings


def keep_mask(
    depth: Float32[np.ndarray, 'S H W'],
    confidence: Float32[np.ndarray, 'S H W'],
    inside: Bool[np.ndarray, 'H W'],
    settings: CloudSettings,
) -> Bool[np.ndarray, 'S H W']:
    """Return True for the pixels that pass all filters of `cloud.*`.

    Args:
        depth: (S, H, W) z of the points in map units, NaN where there is none.
        confidence: (S, H, W) of the points.
        inside: (H, W) True where the network's image shows the camera's image.
        settings: The filters.
    """
    keep = np.isfinite(depth) & np.isfinite(confidence) & inside & (depth > 0)
    keep &= confidence >= _min_confidence(confidence[keep], settings)
    if settings.min_depth > 0:
        keep &= depth >= settings.min_depth
    if settings.max_depth > 0:
        keep &= depth <= settings.max_depth
    if settings.edge_rtol > 0:
        keep &= ~is_depth_edge(depth, settings.edge_rtol)
    return keep


def is_depth_edge(depth: Float32[np.ndarray, 'S H W'], rtol: float) -> Bool[np.ndarray, 'S H W']:
    """Return True on both sides of a step between neighbours larger than `rtol` of the nearer.

    The network is smooth across outlines: between a thing and what is behind it, it puts points
    that float in the air. They are on the slope between the two depths.

    Args:
        depth: (S, H, W) positive; a step to NaN is none.
        rtol: Largest step that is kept, part of the nearer depth.
    """
    edge = np.zeros(depth.shape, dtype=bool)
    for first, second in (
        (np.s_[:, :-1, :], np.s_[:, 1:, :]),
        (np.s_[:, :, :-1], np.s_[:, :, 1:]),
    ):
        a, b = depth[first], depth[second]
        step = np.abs(a - b) > rtol * np.minimum(a, b)
        edge[first] |= step
        edge[second] |= step
    return edge


def _min_confidence(confidence: Float32[np.ndarray, ' n'], settings: CloudSettings) -> float:
    if settings.confidence_mode == 'absolute':
        return settings.confidence_min
    # A percentile of 0 keeps all; of a flat confidence every percentile does.
    rank = int(settings.confidence_percentile / 100.0 * confidence.size)
    if not 0 < rank < confidence.size:
        return 0.0
    return float(np.partition(confidence, rank)[rank])
