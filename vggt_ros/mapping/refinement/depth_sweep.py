"""Depth of a frame from what the other frames show: a plane sweep about a depth that is near.

The cost of an inverse depth at a pixel is 1 minus how alike the frames look, plus a robust
distance from the prior, which counts more the better points vouch for it. Paths along rows and
columns make it smooth (`semi_global`), a parabola gives the fraction of a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from jaxtyping import Float, Float32, UInt8
import numpy as np
import torch
from torch import Tensor

from vggt_ros.mapping.refinement.depth_field import CorrectedDepth, DepthCorrection
from vggt_ros.mapping.refinement.photo_consistency import (
    locally_normalized,
    matching_scores,
    MatchingScores,
)
from vggt_ros.mapping.refinement.semi_global import gathered_costs
from vggt_ros.mapping.refinement.source_frames import select_sources
from vggt_ros.mapping.refinement.view_transfer import ViewTransfer

# Inverse depths that are tried, evenly spaced: so are the pixels they lead to.
_NUM_HYPOTHESES = 64
_MAX_SOURCES = 5
# The nearest and the farthest hundredth of the prior may be outliers; a little beyond the rest,
# or much if no point vouches for the prior.
_PERCENTILES = 0.5, 99.5
_NEARER, _FARTHER = 0.7, 1.4
_UNTRUSTED_RANGE = 4.0
# If the network's own depth is that good, apart from its factor, or what points made of it, its
# shape is worth more than planes: multiples of it are tried.
_MAX_SHAPE_SPREAD, _MAX_SHAPE_RESIDUAL = 0.08, 0.006
_SHAPE_RATIOS = 0.5, 1.7
# Largest cost of being far from the prior: without and with points near.
_PRIOR_COST = 0.15, 0.4
# A prior off by so many of its standard deviations begins to be disbelieved.
_PRIOR_SIGMAS = 3.0
# On average over a frame; right poses gave 0.2 and more. Below it nothing is to be seen, or poses
# are wrong.
_LEAST_SCORE = 0.05
# What is left of single steps is smoothed within this square, but not across larger steps of
# log depth.
_SMOOTH_SIDE_PX, _SMOOTH_SIGMA_PX, _SMOOTH_LOG_STEP = 7, 3.0, 0.05
_LUMA = 0.299, 0.587, 0.114


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SweepWindow:
    """Frames of a window, ready to be compared on a device.

    Attributes:
        gray: (S, H, W) brightness in 0..1.
        normalized: (S, H, W) without local mean and contrast.
        K: (S, 3, 3) intrinsics, pixels of these images.
        world_from_cam: (S, 4, 4) rigid poses.
    """

    gray: Float[Tensor, 'S H W']
    normalized: Float[Tensor, 'S H W']
    K: Float[np.ndarray, 'S 3 3']
    world_from_cam: Float[np.ndarray, 'S 4 4']

    @classmethod
    def of_images(
        cls,
        images: UInt8[np.ndarray, 'S H W 3'] | UInt8[np.ndarray, 'S H W'],
        K: Float[np.ndarray, 'S 3 3'],
        world_from_cam: Float[np.ndarray, 'S 4 4'],
        device: torch.device,
    ) -> SweepWindow:
        """Bring RGB or gray images to a device.

        Args:
            images: (S, H, W, 3) or (S, H, W).
            K: (S, 3, 3) intrinsics, pixels of the images.
            world_from_cam: (S, 4, 4) rigid poses.
            device: Where to compute.
        """
        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device).float() / 255
        gray = pixels @ pixels.new_tensor(_LUMA) if pixels.ndim == 4 else pixels
        return cls(
            gray=gray,
            normalized=locally_normalized(gray),
            K=K.astype(np.float64),
            world_from_cam=world_from_cam.astype(np.float64),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SweptDepth:
    """Depth of a frame after the sweep.

    Attributes:
        depth: (H, W) in the unit of the prior, NaN where that has none.
        score: (H, W) how alike the frames look at that depth, about -1 to 1; 0 where no source
            sees the place, and everywhere without a sweep.
        sources: Positions of the frames it was compared with, none without a sweep.
        reason: Why the prior was kept as it is; empty after a sweep.
    """

    depth: Float32[np.ndarray, 'H W']
    score: Float32[np.ndarray, 'H W']
    sources: tuple[int, ...]
    reason: str


def sweep_depth(window: SweepWindow, reference: int, prior: CorrectedDepth) -> SweptDepth:
    """Return the depth of one frame at which the others look most alike.

    Args:
        window: S frames.
        reference: Position of the frame.
        prior: Its depth, in the unit of the poses.
    """
    sources = select_sources(prior.depth, window.K, window.world_from_cam, reference, _MAX_SOURCES)
    if not sources:
        return not_swept(prior, 'no frame has enough parallax')
    transfer = ViewTransfer.between(window.K, window.world_from_cam, reference, sources)
    like = window.gray
    surface, ratios = (array.to(like) for array in _hypotheses(prior))
    with torch.inference_mode():
        matching = matching_scores(
            window.normalized[reference],
            window.normalized[sources],
            torch.from_numpy(transfer.rays).to(like),
            torch.from_numpy(transfer.epipoles).to(like),
            surface,
            ratios,
        )
        cost = _matching_cost(matching) + _prior_cost(prior, surface, ratios)
        gathered = gathered_costs(cost, window.gray[reference])
        best = gathered.argmin(dim=-1, keepdim=True)
        step = best[..., 0] + _fraction(gathered, best)
        found = 1 / (surface * (ratios[0] + step * (ratios[1] - ratios[0])))
        score = matching.score.gather(-1, best)[..., 0]
    mean_score = float(score.mean())
    if mean_score < _LEAST_SCORE:
        return not_swept(prior, f'frames look alike by {mean_score:.2f} of 1')
    depth = _smoothed(found.cpu().numpy())
    return SweptDepth(
        depth=np.where(np.isfinite(prior.depth), depth, np.float32(np.nan)),
        score=score.cpu().numpy(),
        sources=tuple(sources),
        reason='',
    )


def not_swept(prior: CorrectedDepth, reason: str) -> SweptDepth:
    """Return the prior as it is.

    Args:
        prior: What is known of the depth.
        reason: Why there is no sweep.
    """
    score = np.zeros_like(prior.depth)
    return SweptDepth(depth=prior.depth, score=score, sources=(), reason=reason)


def _hypotheses(
    prior: CorrectedDepth,
) -> tuple[Float[Tensor, 'H W'], Float[Tensor, ' D']]:
    """Return a surface of inverse depths and their multiples that are tried, farthest first."""
    is_trusted = prior.correction is not DepthCorrection.NONE
    is_shaped = prior.spread < _MAX_SHAPE_SPREAD or prior.residual < _MAX_SHAPE_RESIDUAL
    if is_trusted and is_shaped:
        surface = 1 / np.where(np.isfinite(prior.depth), prior.depth, np.nanmedian(prior.depth))
        return torch.from_numpy(surface), torch.linspace(*_SHAPE_RATIOS, _NUM_HYPOTHESES)
    near, far = np.nanpercentile(prior.depth, _PERCENTILES)
    near, far = near * _NEARER, far * _FARTHER
    if not is_trusted:
        near, far = near / _UNTRUSTED_RANGE, far * _UNTRUSTED_RANGE
    plane = torch.ones(prior.depth.shape)
    return plane, torch.linspace(1 / far, 1 / near, _NUM_HYPOTHESES)


def _matching_cost(matching: MatchingScores) -> Float[Tensor, 'H W D']:
    cost = 1 - matching.score.clamp(min=0)
    # A depth at which no source sees the place must not win for that, nor lose to a bad match:
    # it costs what the others do on average.
    times_seen = matching.is_seen.sum(dim=-1, keepdim=True).clamp(min=1)
    neutral = (cost * matching.is_seen).sum(dim=-1, keepdim=True) / times_seen
    return torch.where(matching.is_seen, cost, neutral)


def _prior_cost(
    prior: CorrectedDepth, surface: Float[Tensor, 'H W'], ratios: Float[Tensor, ' D']
) -> Float[Tensor, 'H W D']:
    support = torch.from_numpy(prior.support).to(ratios)
    depth_over_surface = (torch.from_numpy(prior.depth).to(ratios) * surface).log()
    scale = _PRIOR_SIGMAS * torch.from_numpy(prior.sigma).to(ratios)
    # Welsch's robust function of log depth: quadratic near the prior, constant far away.
    off = (depth_over_surface[..., None] + ratios.log()) / (2**0.5 * scale[..., None])
    near = torch.exp(-off.square_()).nan_to_num_(0.0)
    free, vouched = _PRIOR_COST
    largest = free + (vouched - free) * support
    return largest[..., None] * (1 - near)


def _fraction(cost: Float[Tensor, 'H W D'], best: Tensor) -> Float[Tensor, 'H W']:
    """Return where, within half a step, a parabola through three costs has its least."""
    middle = best.clamp(1, cost.shape[-1] - 2)
    before, at, after = (cost.gather(-1, middle + i)[..., 0] for i in (-1, 0, 1))
    bend = before - 2 * at + after
    offset = torch.where(bend > 0, 0.5 * (before - after) / bend, 0.0).clamp(-0.5, 0.5)
    return torch.where(middle == best, offset[..., None], 0.0)[..., 0]


def _smoothed(depth: Float32[np.ndarray, 'H W']) -> Float32[np.ndarray, 'H W']:
    log_depth = np.log(cv2.medianBlur(depth, 3))
    return np.exp(
        cv2.bilateralFilter(log_depth, _SMOOTH_SIDE_PX, _SMOOTH_LOG_STEP, _SMOOTH_SIGMA_PX)
    )
