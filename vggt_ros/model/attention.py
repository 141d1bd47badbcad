"""Multi-head self-attention with optional rotary positions and query/key normalization."""

from __future__ import annotations

from jaxtyping import Float
import torch
from torch import nn, Tensor
from torch.nn import functional

from vggt_ros.model.rope import RotaryTable


class Attention(nn.Module):
    """Self-attention whose projection gives [q | k | v], heads in order inside each."""

    def __init__(self, dim: int, num_heads: int, *, qk_norm: bool = False) -> None:
        super().__init__()
        head_dim = dim // num_heads
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.q_norm = nn.LayerNorm(head_dim, eps=1e-5) if qk_norm else nn.Identity()
        self.k_norm = nn.LayerNorm(head_dim, eps=1e-5) if qk_norm else nn.Identity()
        self.proj = nn.Linear(dim, dim)

    def forward(
        self, x: Float[Tensor, 'B N C'], rope: RotaryTable | None = None
    ) -> Float[Tensor, 'B N C']:
        """Attend from every token to every token of the same sequence."""
        qkv = torch.unflatten(self.qkv(x), -1, (3, self.num_heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        q, k = self.q_norm(q), self.k_norm(k)
        if rope is not None:
            q, k = rope.rotate(q), rope.rotate(k)
        attended = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(attended.transpose(1, 2).flatten(2))
