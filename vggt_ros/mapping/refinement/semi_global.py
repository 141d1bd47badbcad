"""Depth that is smooth where the image is: costs gathered along straight paths.

Hirschmueller, "Stereo processing by semiglobal matching and mutual information", PAMI 2008,
equation 13, along rows and columns in both directions.
"""

from __future__ import annotations

from jaxtyping import Float
import torch
from torch import Tensor

# A step of one hypothesis to the neighbor, and any larger step where the image is flat; in
# units of the cost, which lies within 0 and about 1.4.
_SMALL_STEP = 0.3
_LARGE_STEP = 5.0
# Difference of brightness, of 1, between neighbors that makes an edge.
_EDGE = 0.05


def gathered_costs(
    cost: Float[Tensor, 'H W D'], gray: Float[Tensor, 'H W']
) -> Float[Tensor, 'H W D']:
    """Return, for each pixel and hypothesis, the sum of the cheapest paths that end there.

    Args:
        cost: (H, W, D); neighbors along D are neighbors in depth.
        gray: (H, W) brightness in 0..1 of the frame.
    """
    along_columns = _both_ways(cost, gray)
    along_rows = _both_ways(cost.transpose(0, 1), gray.T)
    return along_columns + along_rows.transpose(0, 1)


def _both_ways(cost: Float[Tensor, 'N M D'], gray: Float[Tensor, 'N M']) -> Float[Tensor, 'N M D']:
    """Gather along the first axis, from both ends at once."""
    step = (gray[1:] - gray[:-1]).abs()
    large = _SMALL_STEP + (_LARGE_STEP - _SMALL_STEP) * torch.exp(-step / _EDGE)
    large = torch.stack([large, large.flip(0)], dim=1)[..., None]
    paths = torch.stack([cost, cost.flip(0)], dim=1)
    reach = torch.empty_like(paths[0])
    for i in range(1, len(paths)):
        before = paths[i - 1]
        least = before.amin(dim=-1, keepdim=True)
        torch.minimum(before, least + large[i - 1], out=reach)
        near = before + _SMALL_STEP
        torch.minimum(reach[..., 1:], near[..., :-1], out=reach[..., 1:])
        torch.minimum(reach[..., :-1], near[..., 1:], out=reach[..., :-1])
        paths[i] += reach
        # The sum would grow along the path; only differences matter.
        paths[i] -= least
    return paths[:, 0] + paths[:, 1].flip(0)
