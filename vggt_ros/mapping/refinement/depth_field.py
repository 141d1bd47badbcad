"""Makes the network's depth of a frame agree with points whose depth is known better."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
import math

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.geometry.robust import median_and_sigma
from vggt_ros.mapping.refinement.scattered_field import bilinear, fit_levels, ScatteredPoints
from vggt_ros.mapping.refinement.view_transfer import is_inside

# Standard deviations of the kernels, as parts of the image's width.
_SIGMAS = 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64
# Within this part of the width a point vouches for the depth.
_SUPPORT_SIGMA = 1 / 56
_NUM_FOLDS = 4
_MIN_POINTS_FACTOR = 8
_MIN_POINTS_FIELD = 24
# Robust standard deviation of log ratios beyond which their median means nothing: a factor e.
_MAX_SPREAD = 1.0
# The field must predict held-out points so much better than the factor, or it is not used.
_MIN_GAIN = 0.95
# Residuals beyond this many spreads count alike when fields are compared.
_CLIP_SPREADS = 3.0
# No pixel is bent beyond the middle 98 % of what points ask for, nor beyond a factor of 4.5.
_PERCENTILES = 1.0, 99.0
_MAX_BEND = 1.5
# Differences of depth that are not worth a weight.
_MIN_SIGMA = 0.1
_MAX_WEIGHT = 4.0
# Mean absolute to standard deviation for normally distributed numbers.
_SIGMA_FROM_MEAN = 1.2533
# Points on the network's pixels, between which depth varies, cannot promise more.
_LEAST_SIGMA = 0.03


class DepthCorrection(Enum):
    """What was done to the depth of a frame."""

    NONE = 'none'
    FACTOR = 'factor'
    FIELD = 'field'


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CorrectedDepth:
    """Depth of a frame after it met its points.

    Attributes:
        depth: (H, W) in the unit of the points, or unchanged if the correction is NONE; NaN where
            there was none.
        support: (H, W) in 0..1, how far points vouch for a pixel: 0 far from all of them.
        sigma: (H, W) standard deviation of the logarithm of the depth: near points what held-out
            ones show, far from them what the network's own depth shows.
        correction: What was applied.
        reason: Why it was not more, empty for a field.
        num_points: Points that had a depth to compare with.
        factor: Median of z over depth; NaN without points.
        spread: Robust standard deviation of the logarithm of that ratio; NaN without points.
        residual: Mean absolute logarithm of z over the corrected depth at points that were held
            out; NaN if nothing was applied.
    """

    depth: Float32[np.ndarray, 'H W']
    support: Float32[np.ndarray, 'H W']
    sigma: Float32[np.ndarray, 'H W']
    correction: DepthCorrection
    reason: str
    num_points: int
    factor: float
    spread: float
    residual: float


def correct_depth(
    depth: Float32[np.ndarray, 'H W'],
    uv: Float[np.ndarray, 'n 2'],
    z: Float[np.ndarray, ' n'],
    sigma: Float[np.ndarray, ' n'],
) -> CorrectedDepth:
    """Multiply the depth of a frame by a smooth field of ratios, a factor, or nothing.

    The logarithm of the field is the sum of ever finer levels over the median (see
    `scattered_field`). As many levels are used as predict held-out points best; if that is not
    clearly better than the median alone, the median is used.

    Args:
        depth: (H, W) along the optical axis, any unit; NaN where there is none.
        uv: (n, 2) pixels (u, v) of points in this image.
        z: (n,) their depths, the unit of the result.
        sigma: (n,) standard deviations of the logarithm of `z`.
    """
    height, width = depth.shape
    known = _is_usable(uv, z, sigma, height, width)
    log_ratio = np.full(len(z), np.nan)
    # A depth without a logarithm, or beside one, gives NaN and drops out.
    with np.errstate(divide='ignore', invalid='ignore'):
        log_ratio[known] = np.log(z[known]) - bilinear(np.log(depth), uv[known])
    known &= np.isfinite(log_ratio)
    uv, sigma, log_ratio = uv[known].astype(np.float64), sigma[known], log_ratio[known]

    num_points = len(uv)
    if num_points < _MIN_POINTS_FACTOR:
        reason = f'{num_points} points, {_MIN_POINTS_FACTOR} needed'
        return _unchanged(depth, reason, log_ratio)
    median, spread = median_and_sigma(log_ratio)
    if spread > _MAX_SPREAD:
        return _unchanged(depth, f'log ratios spread by {spread:.2f}', log_ratio)

    around = log_ratio - median
    # What no field may follow does not pull at it, either.
    weights = np.where(np.abs(around) <= _MAX_BEND, _weights(sigma), 0.0)
    points = [ScatteredPoints.on_grid(uv, height, width, part * width) for part in _SIGMAS]
    errors = _held_out_errors(points, around, weights, spread)
    num_levels = int(np.argmin(errors))
    reason = ''
    if num_points < _MIN_POINTS_FIELD:
        reason = f'{num_points} points, {_MIN_POINTS_FIELD} needed'
    elif errors[num_levels] > _MIN_GAIN * errors[0]:
        reason = f'a field leaves {errors[num_levels]:.3f}, the factor {errors[0]:.3f}'
    if reason:
        num_levels = 0
    field = np.full(depth.shape, median, np.float32)
    if num_levels:
        field += _field(points[:num_levels], around, weights, height, width)
    support = _support(uv, height, width)
    residual = float(errors[num_levels])
    return CorrectedDepth(
        depth=depth * np.exp(field),
        support=support,
        sigma=_sigma(support, spread, residual),
        correction=DepthCorrection.FIELD if num_levels else DepthCorrection.FACTOR,
        reason=reason,
        num_points=num_points,
        factor=math.exp(median),
        spread=spread,
        residual=residual,
    )


def _is_usable(
    uv: Float[np.ndarray, 'n 2'],
    z: Float[np.ndarray, ' n'],
    sigma: Float[np.ndarray, ' n'],
    height: int,
    width: int,
) -> np.ndarray:
    with np.errstate(invalid='ignore'):
        is_number = np.isfinite(z) & (z > 0) & np.isfinite(sigma) & (sigma >= 0)
    return is_number & is_inside(uv, height, width)


def _weights(sigma: Float[np.ndarray, ' n']) -> Float[np.ndarray, ' n']:
    """Return the inverse variances, 1 for the ordinary point: a level's pull is in points."""
    variance = sigma**2 + _MIN_SIGMA**2
    return np.minimum(np.median(variance) / variance, _MAX_WEIGHT)


def _held_out_errors(
    points: list[ScatteredPoints],
    around: Float[np.ndarray, ' n'],
    weights: Float[np.ndarray, ' n'],
    spread: float,
) -> Float[np.ndarray, ' levels']:
    """Return the mean absolute residual at held-out points after 0, 1, 2 ... levels."""
    # Neighbors in the list are often neighbors in the image; a fixed shuffle parts them.
    fold = np.random.default_rng(0).permutation(len(around)) % _NUM_FOLDS
    residuals = np.empty((len(points) + 1, len(around)))
    for i in range(_NUM_FOLDS):
        fit = fit_levels(points, around, np.where(fold == i, 0.0, weights))
        residuals[:, fold == i] = fit.residuals[:, fold == i]
    clipped = np.minimum(np.abs(residuals), max(_CLIP_SPREADS * spread, _MIN_SIGMA))
    return clipped @ weights / weights.sum()


def _field(
    points: list[ScatteredPoints],
    around: Float[np.ndarray, ' n'],
    weights: Float[np.ndarray, ' n'],
    height: int,
    width: int,
) -> Float32[np.ndarray, 'H W']:
    field = np.zeros((height, width), np.float32)
    for scattered, level in zip(points, fit_levels(points, around, weights).levels, strict=True):
        field += scattered.image(level, height, width)
    lowest, highest = np.percentile(around, _PERCENTILES)
    return np.clip(field, np.float32(max(lowest, -_MAX_BEND)), np.float32(min(highest, _MAX_BEND)))


def _support(uv: Float[np.ndarray, 'n 2'], height: int, width: int) -> Float32[np.ndarray, 'H W']:
    points = ScatteredPoints.on_grid(uv, height, width, _SUPPORT_SIGMA * width)
    nearby = points.image(points.density(np.ones(len(uv))), height, width)
    return nearby / (nearby + np.float32(1.0))


def _sigma(
    support: Float32[np.ndarray, 'H W'], spread: float, residual: float
) -> Float32[np.ndarray, 'H W']:
    near = max(_SIGMA_FROM_MEAN * residual, _LEAST_SIGMA)
    far = max(spread, near)
    return np.float32(far) + np.float32(near - far) * support


def _unchanged(
    depth: Float32[np.ndarray, 'H W'], reason: str, log_ratio: Float[np.ndarray, ' n']
) -> CorrectedDepth:
    median, spread = median_and_sigma(log_ratio) if len(log_ratio) else (math.nan, math.nan)
    return CorrectedDepth(
        depth=depth,
        support=np.zeros_like(depth),
        sigma=np.full_like(depth, _MAX_SPREAD),
        correction=DepthCorrection.NONE,
        reason=reason,
        num_points=len(log_ratio),
        factor=math.exp(median),
        spread=spread,
        residual=math.nan,
    )
