"""Depth of a window's new frames that agrees with its cameras, its points and its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Float32, UInt8
import numpy as np
import torch

from vggt_ros.mapping.refinement.depth_confidence import swept_confidence
from vggt_ros.mapping.refinement.depth_consistency import count_views
from vggt_ros.mapping.refinement.depth_field import correct_depth, CorrectedDepth
from vggt_ros.mapping.refinement.depth_sweep import sweep_depth, SweepWindow, SweptDepth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenPoints:
    """Adjusted points that a frame sees.

    Attributes:
        uv: (n, 2) pixels (u, v) of the network's image.
        z: (n,) depths in the frame's camera, in the unit of the poses.
        sigma: (n,) standard deviations of the logarithm of `z`.
    """

    uv: Float[np.ndarray, 'n 2']
    z: Float[np.ndarray, ' n']
    sigma: Float[np.ndarray, ' n']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgreedDepth:
    """Depth of one frame.

    Attributes:
        depth: (H, W) in the unit of the poses, NaN where there was none.
        confidence: (H, W) at least 1; a rank. The network's, where nothing was swept.
        correction: What the points made of the network's depth.
        sweep: What the images made of that; None if they were not asked.
    """

    depth: Float32[np.ndarray, 'H W']
    confidence: Float32[np.ndarray, 'H W']
    correction: CorrectedDepth
    sweep: SweptDepth | None


def correct_depths(
    depth: Float32[np.ndarray, 'S H W'],
    confidence: Float32[np.ndarray, 'S H W'],
    points: Sequence[SeenPoints],
    rows: Sequence[int],
) -> list[AgreedDepth]:
    """Make depth agree with points, by a field, a factor, or not at all.

    Args:
        depth: (S, H, W) of the network, NaN where there is none.
        confidence: (S, H, W) of the network, at least 1.
        points: What each of the S frames sees.
        rows: Positions of the frames whose depth is asked for.
    """
    corrections = [_corrected(depth[row], points[row]) for row in rows]
    return [
        AgreedDepth(
            depth=correction.depth, confidence=confidence[row], correction=correction, sweep=None
        )
        for row, correction in zip(rows, corrections, strict=True)
    ]


def sweep_depths(
    images: UInt8[np.ndarray, 'S H W 3'],
    K: Float[np.ndarray, 'S 3 3'],
    world_from_cam: Float[np.ndarray, 'S 4 4'],
    depth: Float32[np.ndarray, 'S H W'],
    confidence: Float32[np.ndarray, 'S H W'],
    points: Sequence[SeenPoints],
    rows: Sequence[int],
    device: torch.device,
) -> list[AgreedDepth]:
    """Make depth agree with points, then with what the other frames show.

    Args:
        images: (S, H, W, 3) as the network saw them.
        K: (S, 3, 3) intrinsics, pixels of these images.
        world_from_cam: (S, 4, 4) rigid, adjusted poses.
        depth: (S, H, W). Of the frames in `rows` the network's; of the others what an earlier
            window found, in the unit of the poses, or NaN: it is only compared with.
        confidence: (S, H, W) of the network, at least 1.
        points: What each of the S frames sees.
        rows: Positions of the frames whose depth is asked for.
        device: Where to compare images.
    """
    window = SweepWindow.of_images(images, K, world_from_cam, device)
    corrections = [_corrected(depth[row], points[row]) for row in rows]
    sweeps = [
        sweep_depth(window, row, correction)
        for row, correction in zip(rows, corrections, strict=True)
    ]
    found = np.array(depth)
    for row, swept in zip(rows, sweeps, strict=True):
        found[row] = swept.depth
    agreed = []
    for row, correction, swept in zip(rows, corrections, sweeps, strict=True):
        rank = confidence[row]
        if swept.sources:
            views = count_views(found, K, world_from_cam, row)
            rank = swept_confidence(views.agreeing, swept.score, correction.support)
        agreed.append(
            AgreedDepth(depth=swept.depth, confidence=rank, correction=correction, sweep=swept)
        )
    return agreed


def _corrected(depth: Float32[np.ndarray, 'H W'], points: SeenPoints) -> CorrectedDepth:
    return correct_depth(depth, points.uv, points.z, points.sigma)
