"""The transformer that moves tracks: attention over time, and over tracks by way of virtual ones.

After Karaev et al., "CoTracker", arXiv:2307.07635. Attribute names, `virual_tracks` among them,
are those of the released checkpoint.
"""

from __future__ import annotations

from jaxtyping import Float
import torch
from torch import nn, Tensor

from vggt_ros.model.mlp import Mlp

_EPS = 1e-5
_MLP_RATIO = 4


class SelfBlock(nn.Module):
    """Self-attention and MLP; the residual starts from the *normalized* input."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=_EPS)
        self.norm2 = nn.LayerNorm(dim, eps=_EPS)
        self.attn = nn.MultiheadAttention(dim, num_heads, batch_first=True)
        self.mlp = Mlp(dim, _MLP_RATIO * dim, dim)

    def forward(self, x: Float[Tensor, 'B N C']) -> Float[Tensor, 'B N C']:
        """Return the updated sequences."""
        normed = self.norm1(x)
        x = normed + self.attn(normed, normed, normed, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class CrossBlock(nn.Module):
    """Attention to a context and MLP; the residual starts from the *normalized* input."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=_EPS)
        self.norm_context = nn.LayerNorm(dim, eps=_EPS)
        self.norm2 = nn.LayerNorm(dim, eps=_EPS)
        self.cross_attn = nn.MultiheadAttention(dim, num_heads, batch_first=True)
        self.mlp = Mlp(dim, _MLP_RATIO * dim, dim)

    def forward(
        self, x: Float[Tensor, 'B N C'], context: Float[Tensor, 'B M C']
    ) -> Float[Tensor, 'B N C']:
        """Return the updated sequences."""
        normed, context = self.norm1(x), self.norm_context(context)
        x = normed + self.cross_attn(normed, context, context, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class UpdateTransformer(nn.Module):
    """One refinement of all tracks of a scene."""

    def __init__(
        self,
        in_dim: int,
        hidden_size: int,
        out_dim: int,
        *,
        depth: int,
        num_heads: int,
        num_virtual_tracks: int,
    ) -> None:
        super().__init__()
        self.virual_tracks = nn.Parameter(torch.randn(1, num_virtual_tracks, 1, hidden_size))
        self.input_norm = nn.LayerNorm(in_dim, eps=_EPS)
        self.input_transform = nn.Linear(in_dim, hidden_size)
        self.output_norm = nn.LayerNorm(hidden_size, eps=_EPS)
        self.flow_head = nn.Linear(hidden_size, out_dim)
        self.time_blocks = nn.ModuleList(SelfBlock(hidden_size, num_heads) for _ in range(depth))
        self.space_virtual_blocks = nn.ModuleList(
            SelfBlock(hidden_size, num_heads) for _ in range(depth)
        )
        self.space_point2virtual_blocks = nn.ModuleList(
            CrossBlock(hidden_size, num_heads) for _ in range(depth)
        )
        self.space_virtual2point_blocks = nn.ModuleList(
            CrossBlock(hidden_size, num_heads) for _ in range(depth)
        )

    def forward(self, x: Float[Tensor, 'B N S D']) -> Float[Tensor, 'B N S O']:
        """Return the change of every track in every frame."""
        B, N, S, _ = x.shape
        start = self.input_transform(self.input_norm(x))
        tracks = torch.cat([start, self.virual_tracks.expand(B, -1, S, -1)], dim=1)
        for time, virtual, to_points, to_virtual in zip(
            self.time_blocks,
            self.space_virtual_blocks,
            self.space_point2virtual_blocks,
            self.space_virtual2point_blocks,
            strict=True,
        ):
            tracks = torch.unflatten(time(tracks.flatten(0, 1)), 0, (B, -1))
            in_frames = tracks.transpose(1, 2).flatten(0, 1)
            points, virtuals = in_frames[:, :N], in_frames[:, N:]
            virtuals = virtual(to_virtual(virtuals, points))
            points = to_points(points, virtuals)
            in_frames = torch.cat([points, virtuals], dim=1)
            tracks = torch.unflatten(in_frames, 0, (B, S)).transpose(1, 2)
        return self.flow_head(self.output_norm(tracks[:, :N] + start))
