"""How far depth images are from the true ones."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float32
import numpy as np

from vggt_ros.errors import AlignmentError


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthError:
    """Error of depth after the best common scale.

    Attributes:
        abs_rel: Mean of |depth - truth| / truth.
        delta_125: Share of the pixels with max(depth / truth, truth / depth) < 1.25.
        scale: Factor that was applied to the depth: median of truth / depth.
        num_pixels: Pixels that were valid in both.
    """

    abs_rel: float
    delta_125: float
    scale: float
    num_pixels: int


def depth_error(
    depth: Float32[np.ndarray, 'S H W'], true_depth: Float32[np.ndarray, 'S H W']
) -> DepthError:
    """Compare depth images with the true ones, with one scale for all of them.

    The measures of Eigen et al., "Depth Map Prediction from a Single Image using a Multi-Scale
    Deep Network", NIPS 2014, section 4.

    Args:
        depth: (S, H, W) estimates, NaN where invalid.
        true_depth: (S, H, W) truth, same units up to a factor; NaN or 0 where unknown.

    Raises:
        AlignmentError: No pixel is valid in both.
    """
    valid = np.isfinite(depth) & np.isfinite(true_depth) & (depth > 0) & (true_depth > 0)
    if not valid.any():
        raise AlignmentError(
            f'0 of {depth.size} pixels have an estimated and a true depth; at least 1 is needed'
        )
    estimated, true = depth[valid].astype(np.float64), true_depth[valid].astype(np.float64)
    scale = float(np.median(true / estimated))
    ratio = scale * estimated / true
    return DepthError(
        abs_rel=float(np.abs(ratio - 1.0).mean()),
        delta_125=float((np.maximum(ratio, 1.0 / ratio) < 1.25).mean()),
        scale=scale,
        num_pixels=int(valid.sum()),
    )
