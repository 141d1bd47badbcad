"""A smooth image through numbers that are known at some pixels only, from coarse to fine.

Each level is the Gaussian-weighted mean of what the coarser levels leave (normalized
convolution: Knutsson and Westin, CVPR 1993, with scattered points as the certain samples): wide
kernels bridge the gaps, narrow ones follow the numbers where there are many. A level is stored
as coarse as its kernel allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
from jaxtyping import Float, Float32, Int64
import numpy as np

from vggt_ros.geometry.robust import huber_weights, SIGMA_FROM_MAD

# Cells per standard deviation of a kernel: fewer show the grid.
_CELLS_PER_SIGMA = 2.5
# What pulls towards the coarser level, in points at the kernel's center.
_PULL = 0.3
# Residuals beyond this many standard deviations no longer pull harder.
_HUBER_SIGMAS = 2.0
_MIN_SPREAD = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScatteredPoints:
    """Pixels as seen by the kernels of one level: the four cells around each, and their shares.

    Attributes:
        stride_px: Side of a cell; the center of cell (0, 0) is at pixel (stride - 1) / 2.
        sigma_px: Standard deviation of the kernel.
        shape: Rows and columns of cells.
        cell: (4, n) cells around each point, row by row.
        share: (4, n) how near each is, summing to 1.
    """

    stride_px: float
    sigma_px: float
    shape: tuple[int, int]
    cell: Int64[np.ndarray, '4 n']
    share: Float[np.ndarray, '4 n']

    @classmethod
    def on_grid(
        cls, uv: Float[np.ndarray, 'n 2'], height: int, width: int, sigma_px: float
    ) -> ScatteredPoints:
        """Find the cells around pixels (u, v) of an image of that size."""
        stride = max(1.0, sigma_px / _CELLS_PER_SIGMA)
        shape = math.ceil(height / stride), math.ceil(width / stride)
        cell, share = _corners((uv + 0.5) / stride - 0.5, *shape)
        return cls(stride_px=stride, sigma_px=sigma_px, shape=shape, cell=cell, share=share)

    def density(self, weights: Float[np.ndarray, ' n']) -> Float32[np.ndarray, 'h w']:
        """Return how much weight is near: in full where a point is, less around it."""
        cells = np.bincount(
            self.cell.ravel(), (self.share * weights).ravel(), minlength=math.prod(self.shape)
        )
        sigma = self.sigma_px / self.stride_px
        return np.float32(2 * math.pi * sigma**2) * cv2.GaussianBlur(
            cells.reshape(self.shape).astype(np.float32),
            (0, 0),
            sigma,
            borderType=cv2.BORDER_CONSTANT,
        )

    def read(self, level: Float32[np.ndarray, 'h w']) -> Float[np.ndarray, ' n']:
        """Return a level at the points, linear between cells, constant beyond the rim."""
        return (level.ravel()[self.cell] * self.share).sum(axis=0)

    def image(
        self, level: Float32[np.ndarray, 'h w'], height: int, width: int
    ) -> Float32[np.ndarray, 'H W']:
        """Return a level at all pixels of the image, as `read` does."""
        scale = 1.0 / self.stride_px
        offset = 0.5 * scale - 0.5
        cell_from_pixel = np.array([[scale, 0, offset], [0, scale, offset]])
        return cv2.warpAffine(
            level,
            cell_from_pixel,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )


def bilinear(
    image: Float[np.ndarray, 'H W'], uv: Float[np.ndarray, 'n 2']
) -> Float[np.ndarray, ' n']:
    """Return an image at pixels (u, v), linear between pixels, constant beyond the rim."""
    cell, share = _corners(uv, *image.shape)
    # A neighbor without a share must not count, not even as 0 times NaN.
    return np.where(share > 0, image.ravel()[cell] * share, 0.0).sum(axis=0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FieldFit:
    """Levels through scattered numbers.

    Attributes:
        levels: Coarsest first; their sum is the field.
        residuals: (L + 1, n) what is left of the numbers after none, one, ... all levels.
    """

    levels: list[Float32[np.ndarray, '_ _']]
    residuals: Float[np.ndarray, 'L n']


def fit_levels(
    points: Sequence[ScatteredPoints],
    values: Float[np.ndarray, ' n'],
    weights: Float[np.ndarray, ' n'],
) -> FieldFit:
    """Return the levels whose sum goes through the numbers, and through zero far from them.

    Args:
        points: The same n points for each level, widest kernel first.
        values: (n,) the numbers; a few may be wrong.
        weights: (n,) how far they are trusted: 1 for an ordinary point, 0 to leave it out of
            the fit. At least one is positive.
    """
    residuals = [np.asarray(values, dtype=np.float64)]
    levels = []
    used = weights > 0
    for scattered in points:
        left = residuals[-1]
        spread = _MIN_SPREAD + SIGMA_FROM_MAD * float(np.median(np.abs(left[used])))
        trusted = weights * huber_weights(left, _HUBER_SIGMAS * spread)
        level = scattered.density(trusted * left) / (
            scattered.density(trusted) + np.float32(_PULL)
        )
        levels.append(level)
        residuals.append(left - scattered.read(level))
    return FieldFit(levels=levels, residuals=np.stack(residuals))


def _corners(
    uv: Float[np.ndarray, 'n 2'], height: int, width: int
) -> tuple[Int64[np.ndarray, '4 n'], Float[np.ndarray, '4 n']]:
    u = np.clip(uv[:, 0], 0, width - 1)
    v = np.clip(uv[:, 1], 0, height - 1)
    u0, v0 = u.astype(np.int64), v.astype(np.int64)
    u1, v1 = np.minimum(u0 + 1, width - 1), np.minimum(v0 + 1, height - 1)
    right, low = u - u0, v - v0
    left, up = 1 - right, 1 - low
    cell = np.stack([v0 * width + u0, v0 * width + u1, v1 * width + u0, v1 * width + u1])
    return cell, np.stack([up * left, up * right, low * left, low * right])
