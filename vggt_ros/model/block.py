"""Pre-norm transformer block: attention, MLP, layer scale."""

from __future__ import annotations

from jaxtyping import Float
import torch
from torch import nn, Tensor

from vggt_ros.model.attention import Attention
from vggt_ros.model.mlp import Mlp
from vggt_ros.model.rope import RotaryTable


class LayerScale(nn.Module):
    """A learned factor per channel."""

    def __init__(self, dim: int, initial: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), initial))

    def forward(self, x: Float[Tensor, '*n C']) -> Float[Tensor, '*n C']:
        """Scale every channel."""
        return x * self.gamma


class Block(nn.Module):
    """x + g1 * attention(norm1(x)), then x + g2 * mlp(norm2(x))."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        mlp_ratio: float,
        layer_scale: float,
        qk_norm: bool = False,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = Attention(dim, num_heads, qk_norm=qk_norm)
        self.ls1 = LayerScale(dim, layer_scale)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), dim)
        self.ls2 = LayerScale(dim, layer_scale)

    def forward(
        self, x: Float[Tensor, 'B N C'], rope: RotaryTable | None = None
    ) -> Float[Tensor, 'B N C']:
        """Return the tokens after attention and MLP."""
        x = x + self.ls1(self.attn(self.norm1(x), rope))
        return x + self.ls2(self.mlp(self.norm2(x)))
