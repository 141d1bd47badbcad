"""Correlation of a track's feature with the feature maps around a position."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
import torch
from torch import Tensor
from torch.nn import functional

# Bounds the gathered cells: B * S * points * (2 radius + 2)^2 * C numbers.
_POINTS_AT_A_TIME = 512


def feature_pyramid(
    feature_maps: Float[Tensor, 'B S C h w'], num_levels: int
) -> list[Float[Tensor, 'B S _h _w C']]:
    """Return the maps, channels last, and their repeated 2x2 averages; odd rests are dropped."""
    num_scenes = feature_maps.shape[0]
    level = feature_maps.flatten(0, 1)
    pyramid = []
    for i in range(num_levels):
        if i > 0:
            level = functional.avg_pool2d(level, kernel_size=2, stride=2)
        pyramid.append(
            torch.unflatten(level.permute(0, 2, 3, 1).contiguous(), 0, (num_scenes, -1))
        )
    return pyramid


def sample_correlation(
    pyramid: list[Float[Tensor, 'B S _h _w C']],
    features: Float[Tensor, 'B S N C'],
    positions: Float[Tensor, 'B S N 2'],
    radius: int,
) -> Float[Tensor, 'B S N K']:
    """Correlate each track's feature with a window of cells around its position.

    Args:
        pyramid: From `feature_pyramid`.
        features: Feature of every track in every frame.
        positions: (x, y) in cells of the first level.
        radius: Reach of the window, in cells of each level.

    Returns:
        Level by level the (2 radius + 1)^2 values; the slow index moves x, the fast one y. Dot
        products are divided by sqrt(C); outside a map they are zero.
    """
    pieces = []
    for some_features, some_positions in zip(
        torch.split(features, _POINTS_AT_A_TIME, dim=2),
        torch.split(positions, _POINTS_AT_A_TIME, dim=2),
        strict=True,
    ):
        levels = [
            _sample_level(level, some_features, some_positions / 2**i, radius)
            for i, level in enumerate(pyramid)
        ]
        pieces.append(torch.cat(levels, dim=-1))
    return torch.cat(pieces, dim=2)


def sample_bilinear(
    feature_map: Float[Tensor, 'B C h w'], positions: Float[Tensor, 'B N 2']
) -> Float[Tensor, 'B N C']:
    """Sample a map at (x, y) in cells; positions outside take the value of the border."""
    height, width = feature_map.shape[-2:]
    x, y = positions.unbind(-1)
    grid = torch.stack([x * (2 / max(width - 1, 1)) - 1, y * (2 / max(height - 1, 1)) - 1], dim=-1)
    sampled = functional.grid_sample(
        feature_map, grid[:, :, None], mode='bilinear', padding_mode='border', align_corners=True
    )
    return sampled[..., 0].transpose(1, 2)


def _sample_level(
    level: Float[Tensor, 'B S h w C'],
    features: Float[Tensor, 'B S N C'],
    positions: Float[Tensor, 'B S N 2'],
    radius: int,
) -> Float[Tensor, 'B S N window']:
    """Correlate with the (2r + 2)^2 cells under a window, then blend neighbors.

    All samples of a window lie at the same fraction between cells, and sampling is linear. So
    blending the dot products equals sampling a whole correlation map, which is never made.
    """
    B, S, height, width, C = level.shape
    N = features.shape[2]
    column, column_inside, fraction_x = _cells(positions[..., 0], width, radius)
    row, row_inside, fraction_y = _cells(positions[..., 1], height, radius)

    frame = torch.arange(B * S, device=level.device).view(B, S, 1, 1, 1)
    index = (frame * height + row[..., None, :]) * width + column[..., :, None]
    cells = (
        level.reshape(-1, C)
        .index_select(0, index.flatten())
        .view(B * S * N, row.shape[-1] ** 2, C)
    )
    dots = torch.bmm(cells, features.reshape(B * S * N, C, 1)) / C**0.5
    inside = column_inside[..., :, None] & row_inside[..., None, :]
    dots = torch.where(inside, dots.view(inside.shape), 0.0)

    fraction_x, fraction_y = fraction_x[..., None, None], fraction_y[..., None, None]
    blended = dots[..., :-1, :] * (1 - fraction_x) + dots[..., 1:, :] * fraction_x
    blended = blended[..., :-1] * (1 - fraction_y) + blended[..., 1:] * fraction_y
    return blended.flatten(-2)


def _cells(
    position: Float[Tensor, '*n'], size: int, radius: int
) -> tuple[Int[Tensor, '*n k'], Bool[Tensor, '*n k'], Float[Tensor, '*n']]:
    """Return the cells under a window along one axis.

    Returns:
        Index of every cell, limited to the map; whether the cell is on the map; and where between
        the first two cells the window starts, in 0..1.
    """
    offsets = torch.arange(-radius, radius + 2, device=position.device)
    if size == 1:
        # The single cell stands for the whole axis, near and far.
        index = (offsets * 0).expand(*position.shape, -1)
        return index, torch.ones_like(index, dtype=torch.bool), torch.zeros_like(position)
    # Beyond these limits the whole window is off the map; the conversion cannot overflow.
    limited = position.clamp(-radius - 2, size + radius + 1)
    start = limited.floor()
    index = start.long()[..., None] + offsets
    inside = (index >= 0) & (index < size)
    return index.clamp(0, size - 1), inside, limited - start
