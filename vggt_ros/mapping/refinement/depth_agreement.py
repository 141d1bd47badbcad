"""Depth of a window's new frames that agrees with its cameras, its points and its images."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from jaxtyping import Float, Float32, UInt8
import numpy as np
import torch

from vggt_ros.mapping.refinement.depth_confidence import corrected_confidence, swept_confidence
from vggt_ros.mapping.refinement.depth_consistency import count_views
from vggt_ros.mapping.refinement.depth_field import correct_depth, CorrectedDepth, DepthCorrection
from vggt_ros.mapping.refinement.depth_sweep import not_swept, sweep_depth, SweepWindow, SweptDepth
from vggt_ros.mapping.refinement.lone_thread import compute_alone
from vggt_ros.mapping.refinement.scattered_field import bilinear

# Mean absolute log ratio of points to the swept depth, over that of held-out points to the depth
# before. Right poses gave at most 1.1 (with one exception), poses turned by 0.3 deg 1.4 and more.
_MAX_CONTRADICTION = 1.3
# Points on the network's pixels cannot be fitted much better than this.
_LEAST_RESIDUAL = 0.01
_CLIP_SPREADS = 3.0


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
        confidence: (H, W) at least 1; a rank. The network's, if neither a field nor a sweep
            was applied.
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
        _by_points(correction, confidence[row], None)
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

    def sweep(row: int) -> tuple[CorrectedDepth, SweptDepth]:
        correction = _corrected(depth[row], points[row])
        swept = sweep_depth(window, row, correction)
        return correction, _without_contradiction(swept, correction, points[row])

    # Frames side by side, each on one thread, keep all cores busy without waiting.
    with ThreadPoolExecutor(torch.get_num_threads(), initializer=compute_alone) as pool:
        done = list(pool.map(sweep, rows))
    found = np.array(depth)
    for row, (_, swept) in zip(rows, done, strict=True):
        found[row] = swept.depth
    agreed = []
    for row, (correction, swept) in zip(rows, done, strict=True):
        if not swept.sources:
            agreed.append(_by_points(correction, confidence[row], swept))
            continue
        views = count_views(found, K, world_from_cam, row)
        rank = swept_confidence(views.agreeing, swept.score, correction.support)
        agreed.append(
            AgreedDepth(depth=swept.depth, confidence=rank, correction=correction, sweep=swept)
        )
    return agreed


def _by_points(
    correction: CorrectedDepth, confidence: Float32[np.ndarray, 'H W'], sweep: SweptDepth | None
) -> AgreedDepth:
    if correction.correction is DepthCorrection.FIELD:
        confidence = corrected_confidence(confidence, correction.support)
    return AgreedDepth(
        depth=correction.depth, confidence=confidence, correction=correction, sweep=sweep
    )


def _without_contradiction(
    swept: SweptDepth, correction: CorrectedDepth, points: SeenPoints
) -> SweptDepth:
    """Return the sweep, or none of it if points fit it worse than they fit each other.

    Points are matched on larger images and checked in several frames. Where a sweep is far from
    them, the poses it was made with are not good enough for it.
    """
    if correction.correction is DepthCorrection.NONE or not swept.sources:
        return swept
    # A point may lie outside of the image or have no number, as in `correct_depth`.
    with np.errstate(divide='ignore', invalid='ignore'):
        off = np.abs(np.log(points.z) - bilinear(np.log(swept.depth), points.uv))
    off = np.minimum(off[np.isfinite(off)], _CLIP_SPREADS * correction.spread)
    limit = _MAX_CONTRADICTION * max(correction.residual, _LEAST_RESIDUAL)
    if not len(off) or off.mean() <= limit:
        return swept
    return not_swept(
        correction, f'the sweep is off by {off.mean():.3f} at points, {limit:.3f} allowed'
    )


def _corrected(depth: Float32[np.ndarray, 'H W'], points: SeenPoints) -> CorrectedDepth:
    return correct_depth(depth, points.uv, points.z, points.sigma)
