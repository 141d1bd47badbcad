"""Photo-consistency of frames at hypothetical depths: the heart of a plane sweep.

Collins, "A space-sweep approach to true multi-image matching", CVPR 1996: planes of constant
depth in front of the reference frame; what the other frames show of them is compared with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
import torch
from torch import Tensor

# Side of the square within which images are compared.
_SIDE_PX = 5
# Gray levels, of 1, below which differences are noise.
_NOISE = 1.5 / 255
# Nearer to a source's plane of depth 0, in depths of the reference, nothing is seen.
_LEAST_DEPTH_RATIO = 1e-3
# Numbers of a block of rows, so that what is computed for it stays in the processor's cache.
_BLOCK_SIZE = 400_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatchingScores:
    """How alike frames look for each pixel and inverse depth.

    Attributes:
        score: (H, W, D) about -1 to 1; 0 where no source frame sees the place.
        is_seen: (H, W, D) True where at least one source frame sees the place.
    """

    score: Float[Tensor, 'H W D']
    is_seen: Bool[Tensor, 'H W D']


def locally_normalized(gray: Float[Tensor, 'S H W']) -> Float[Tensor, 'S H W']:
    """Return images without their local mean and contrast, so that exposure does not matter.

    The mean product of two of them over a small square is about their zero-mean normalized
    cross-correlation (each pixel is divided by the contrast around itself and not by that
    around the square's center, which favors no bright edge in the square).

    Args:
        gray: (S, H, W) brightness in 0..1.
    """
    inside = _box_sum(torch.ones_like(gray[:1, ..., None]))
    stack = torch.stack([gray, gray * gray], dim=-1)
    mean, mean_of_square = (_box_sum(stack) / inside).unbind(-1)
    variance = (mean_of_square - mean * mean).clamp(min=0)
    return (gray - mean) / (variance + _NOISE**2).sqrt()


def matching_scores(
    reference: Float[Tensor, 'H W'],
    sources: Float[Tensor, 'n H W'],
    rays_in_source: Float[Tensor, 'n 3 3'],
    epipoles: Float[Tensor, 'n 3'],
    surface: Float[Tensor, 'H W'],
    ratios: Float[Tensor, ' D'],
) -> MatchingScores:
    """Compare a reference frame with source frames, for all multiples of a surface.

    A pixel x = (u, v, 1) of the reference with the inverse depth q is at the homogeneous pixel
    `rays_in_source @ x + q * epipole` of a source. The score is the mean over all sources that
    see it: leaving the least alike out, for what may hide the place, was not better with 3 to 6
    sources, and took longer.

    Args:
        reference: (H, W) locally normalized.
        sources: (n, H, W) likewise, n >= 1.
        rays_in_source: (n, 3, 3) K_source @ R @ inv(K_reference), R source_from_reference.
        epipoles: (n, 3) K_source @ t, t source_from_reference.
        surface: (H, W) inverse depths, in the inverse of the unit of t, positive; all alike for
            planes.
        ratios: (D,) inverse depths that are tried, over those of the surface.
    """
    height, width = reference.shape
    num_depths = len(ratios)
    score = reference.new_empty((height, width, num_depths))
    is_seen = torch.empty_like(score, dtype=torch.bool)
    to_unit = _unit_from_pixel(reference)
    rays, epipoles = to_unit @ rays_in_source, epipoles @ to_unit.mT
    radius = _SIDE_PX // 2
    # A device with many cores wants all rows at once.
    rows = height if reference.is_cuda else max(1, _BLOCK_SIZE // (width * num_depths))
    for top in range(0, height, rows):
        end = min(top + rows, height)
        first, last = max(top - radius, 0), min(end + radius, height)
        product, count = _products(
            reference[first:last], first, sources, rays, epipoles, surface[first:last], ratios
        )
        below = slice(top - first, end - first)
        sums, count = _box_sum(product[None])[0, below], count[below]
        score[top:end] = sums.div_(count.clamp(min=1).mul_(_SIDE_PX**2)).clamp_(-1, 1)
        is_seen[top:end] = count > 0
    return MatchingScores(score=score, is_seen=is_seen)


def _products(
    reference: Float[Tensor, 'h W'],
    first_row: int,
    sources: Float[Tensor, 'n H W'],
    rays: Float[Tensor, 'n 3 3'],
    epipoles: Float[Tensor, 'n 3'],
    surface: Float[Tensor, 'h W'],
    ratios: Float[Tensor, ' D'],
) -> tuple[Float[Tensor, 'h W D'], Float[Tensor, 'h W D']]:
    """Return the reference times the sum of the sources, and how many see the place.

    Args:
        reference: (h, W) some rows of the image.
        first_row: Which row of the image the first is.
        sources: (n, H, W) images.
        rays: (n, 3, 3) as in `matching_scores`, but to coordinates in -1..1.
        epipoles: (n, 3) likewise.
        surface: (h, W) of these rows.
        ratios: (D,).
    """
    height, width = reference.shape
    u = torch.arange(width, device=reference.device, dtype=reference.dtype)
    v = torch.arange(height, device=reference.device, dtype=reference.dtype)[:, None] + first_row
    total = reference.new_zeros((height, width, len(ratios)))
    count = torch.zeros_like(total)
    for source, ray, epipole in zip(sources, rays[..., None, None], epipoles, strict=True):
        # A homogeneous pixel may be divided by anything: here by the surface.
        at_infinity = (ray[:, 0] * u + ray[:, 1] * v + ray[:, 2]) / surface
        shift = epipole[:, None] * ratios
        # Both coordinates lie one after the other in memory: sampling is twice as fast that way.
        uv = at_infinity[:2, :, :, None] + shift[:2, None, None]
        z = at_infinity[2, :, :, None] + shift[2]
        # Behind the camera is far outside of the image; 0 would become NaN and spread.
        uv /= z.clamp_(min=_LEAST_DEPTH_RATIO)
        total += torch.nn.functional.grid_sample(
            source[None, None], uv.flatten(1, 2).permute(1, 2, 0)[None], align_corners=False
        ).view_as(z)
        uv.abs_()
        count += torch.maximum(uv[0], uv[1]) < 1
    total *= reference[:, :, None]
    return total, count


def _unit_from_pixel(image: Float[Tensor, 'H W']) -> Float[Tensor, '3 3']:
    """Return what takes pixels to grid_sample's coordinates: the image's rim is at -1 and 1."""
    height, width = image.shape
    return image.new_tensor(
        [[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1]]
    )


def _box_sum(images: Float[Tensor, 'S H W D']) -> Float[Tensor, 'S H W D']:
    """Return sums over squares of `_SIDE_PX`; outside of the image is 0."""
    radius = _SIDE_PX // 2
    height, width = images.shape[1:3]
    padded = torch.nn.functional.pad(images, (0, 0, radius, radius, radius, radius))
    rows = padded[:, :height].clone()
    for i in range(1, _SIDE_PX):
        rows += padded[:, i : i + height]
    squares = rows[:, :, :width].clone()
    for i in range(1, _SIDE_PX):
        squares += rows[:, :, i : i + width]
    return squares
