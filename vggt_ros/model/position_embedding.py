"""Sine and cosine tables of positions; none of them has parameters."""

from __future__ import annotations

import math

from jaxtyping import Float, Float32, Float64
import torch
from torch import Tensor

_DPT_BASE = 100.0
_DPT_FACTOR = 0.1
_TRACK_BASE = 10000.0
_FLOW_FREQUENCY = 1000.0


def dpt_axis_tables(
    grid: tuple[int, int], num_channels: int, image_size: tuple[int, int]
) -> tuple[Float32[Tensor, 'half w'], Float32[Tensor, 'half h']]:
    """Return the embedding that dense heads add to a map, one table per axis, values in -0.1..0.1.

    The embedding of cell (row, column) has the column's entry in the first half of the channels
    and the row's in the second, so that the full table never needs to exist.

    Args:
        grid: Rows and columns of the map.
        num_channels: Channels of the map, a multiple of 4.
        image_size: Height and width of the image the map stands for; only their ratio counts.
    """
    num_rows, num_columns = grid
    aspect = image_size[1] / image_size[0]
    diagonal = math.sqrt(aspect**2 + 1)
    column = _centered(num_columns, aspect / diagonal)
    row = _centered(num_rows, 1 / diagonal)
    num_frequencies = num_channels // 4
    return (
        _sines_and_cosines(column, num_frequencies, _DPT_BASE).T * _DPT_FACTOR,
        _sines_and_cosines(row, num_frequencies, _DPT_BASE).T * _DPT_FACTOR,
    )


def track_axis_tables(
    grid: tuple[int, int], num_channels: int
) -> tuple[Float32[Tensor, 'w half'], Float32[Tensor, 'h half']]:
    """Return the embedding of feature-map cells in the tracker, one table per axis.

    As `dpt_axis_tables`: column first, row second, half of `num_channels` (a multiple of 4) each.
    """
    row, column = (torch.arange(size, dtype=torch.float64) for size in grid)
    num_frequencies = num_channels // 4
    return (
        _sines_and_cosines(column, num_frequencies, _TRACK_BASE),
        _sines_and_cosines(row, num_frequencies, _TRACK_BASE),
    )


def flow_embedding(flow: Float[Tensor, '*n 2'], axis_dim: int) -> Float[Tensor, '*n d']:
    """Return sines and cosines of displacements (x, y), x's `axis_dim` numbers first.

    Frequencies are equally spaced (not a geometric series), sine and cosine alternate.
    """
    frequencies = torch.arange(0, axis_dim, 2, dtype=flow.dtype, device=flow.device)
    angles = flow[..., None] * (frequencies * (_FLOW_FREQUENCY / axis_dim))
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-3)


def _centered(num_cells: int, span: float) -> Float64[Tensor, ' n']:
    limit = span * (num_cells - 1) / num_cells
    return torch.linspace(-limit, limit, num_cells, dtype=torch.float64)


def _sines_and_cosines(
    z: Float64[Tensor, ' n'], num_frequencies: int, base: float
) -> Float32[Tensor, 'n d']:
    """All sines, then all cosines, at frequencies base^(-k/num_frequencies)."""
    exponents = torch.arange(num_frequencies, dtype=torch.float64) / num_frequencies
    angles = z[:, None] * base**-exponents
    return torch.cat([angles.sin(), angles.cos()], dim=-1).float()
