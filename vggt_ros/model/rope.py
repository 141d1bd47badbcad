"""Two-dimensional rotary position encoding.

Su et al., "RoFormer", arXiv:2104.09864, with one half of the head dimension for the row and the
other for the column.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32, Int
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class RotaryTable:
    """Rotations of T tokens; axis -2 is (row, column), axis -1 the frequency.

    Attributes:
        cos: (b, T, 2, d/2), b being 1 if all sequences have the same positions.
        sin: The same shape.
    """

    cos: Float32[Tensor, 'b T 2 j']
    sin: Float32[Tensor, 'b T 2 j']

    def rotate(self, x: Float[Tensor, 'B heads N D']) -> Float[Tensor, 'B heads N D']:
        """Rotate queries or keys of N tokens, N being a multiple of T: frame after frame.

        Component j of a half pairs with component j + d/2 of the same half. Computed in float32,
        because angles reach tens of radians, and returned in the type of `x`.
        """
        num_tokens, num_frequencies = self.cos.shape[1], self.cos.shape[3]
        frames = (*x.shape[:2], -1, num_tokens)
        a, b = x.reshape(*frames, 2, 2, num_frequencies).unbind(-2)
        cos, sin = self.cos[:, None, None], self.sin[:, None, None]
        rotated = torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-2)
        return rotated.reshape(x.shape).to(x.dtype)


def rotary_table(positions: Int[Tensor, 'b T 2'], head_dim: int, base: float) -> RotaryTable:
    """Return the rotations of tokens at integer positions (row, column).

    Args:
        positions: Position (0, 0) is the identity rotation.
        head_dim: Components of one attention head, a multiple of 4.
        base: Base of the geometric series of frequencies.
    """
    half = head_dim // 2
    exponents = torch.arange(0, half, 2, dtype=torch.float32, device=positions.device) / half
    angles = positions[..., None].float() * (1.0 / base**exponents)
    return RotaryTable(angles.cos(), angles.sin())


def frame_positions(grid: tuple[int, int], num_special_tokens: int) -> Int[Tensor, '1 T 2']:
    """Return (row, column) of a frame's tokens: specials at (0, 0), patches from (1, 1) on."""
    rows, columns = torch.meshgrid(
        torch.arange(1, grid[0] + 1), torch.arange(1, grid[1] + 1), indexing='ij'
    )
    patches = torch.stack([rows, columns], dim=-1).reshape(-1, 2)
    specials = torch.zeros(num_special_tokens, 2, dtype=patches.dtype)
    return torch.cat([specials, patches])[None]
