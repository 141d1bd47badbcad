"""Depth errors: depth images against the true ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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


def depth_error(depth: Iterable[np.ndarray], true_depth: Iterable[np.ndarray]) -> DepthError:
    """Compare depth images with the true ones, with one scale for all of them.

    The measures of Eigen et al., "Depth Map Prediction from a Single Image using a Multi-Scale
    Deep Network", NIPS 2014, section 4.

    Args:
        depth: S images (H, W) of estimates, NaN where invalid.
        true_depth: S images (H, W) of the truth, same units up to one factor; NaN or 0 where
            unknown.

    Raises:
        AlignmentError: No pixel is valid in both.
    """
    estimated = np.concatenate([image.ravel() for image in depth]).astype(np.float64)
    true = np.concatenate([image.ravel() for image in true_depth]).astype(np.float64)
    valid = np.isfinite(estimated) & np.isfinite(true) & (estimated > 0) & (true > 0)
    if not valid.any():
        raise AlignmentError(
            f'0 of {valid.size} pixels have an estimated and a true depth; at least 1 is needed'
        )
    estimated, true = estimated[valid], true[valid]
    scale = float(np.median(true / estimated))
    ratio = scale * estimated / true
    return DepthError(
        abs_rel=float(np.abs(ratio - 1.0).mean()),
        delta_125=float((np.maximum(ratio, 1.0 / ratio) < 1.25).mean()),
        scale=scale,
        num_pixels=int(valid.sum()),
    )
