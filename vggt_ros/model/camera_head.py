"""Camera tokens to pose encodings, by repeated refinement."""

from __future__ import annotations

from jaxtyping import Float
import torch
from torch import nn, Tensor
from torch.nn import functional

from vggt_ros.model.block import Block
from vggt_ros.model.config import CameraHeadConfig
from vggt_ros.model.full_precision import full_precision
from vggt_ros.model.mlp import Mlp
from vggt_ros.model.pose_encoding import activate_pose_encoding

POSE_DIM = 9
_EPS = 1e-5
_MODULATED_EPS = 1e-6


class CameraHead(nn.Module):
    """Refines the pose encodings of all frames of a scene together.

    Every refinement starts from the same normalized camera tokens, modulated (Peebles and Xie,
    "Scalable Diffusion Models with Transformers", arXiv:2212.09748) by the poses so far.
    """

    def __init__(self, token_dim: int, config: CameraHeadConfig) -> None:
        super().__init__()
        self.iterations = config.iterations
        self.empty_pose_tokens = nn.Parameter(torch.zeros(1, 1, POSE_DIM))
        self.trunk = nn.ModuleList(
            Block(
                token_dim,
                config.num_heads,
                mlp_ratio=config.mlp_ratio,
                layer_scale=config.layer_scale,
            )
            for _ in range(config.trunk_depth)
        )
        self.token_norm = nn.LayerNorm(token_dim, eps=_EPS)
        self.trunk_norm = nn.LayerNorm(token_dim, eps=_EPS)
        self.embed_pose = nn.Linear(POSE_DIM, token_dim)
        self.poseLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(token_dim, 3 * token_dim))
        self.pose_branch = Mlp(token_dim, token_dim // 2, POSE_DIM)

    def forward(
        self, tokens: Float[Tensor, 'B S P C'], iterations: int | None = None
    ) -> list[Float[Tensor, 'B S 9']]:
        """Return the activated pose encodings after every refinement, the best last.

        Args:
            tokens: The last list entry of the aggregator; only each frame's first token is read.
            iterations: Number of refinements; None takes the configured number.
        """
        num_iterations = self.iterations if iterations is None else iterations
        with full_precision(tokens):
            camera_tokens = self.token_norm(tokens[:, :, 0].to(self.token_norm.weight.dtype))
            pose = self.empty_pose_tokens.expand(*camera_tokens.shape[:2], -1)
            outputs: list[Tensor] = []
            for i in range(num_iterations):
                change = self._refine(camera_tokens, pose.detach())
                # The empty pose only starts the refinement, it is not part of the sum.
                pose = change if i == 0 else pose.detach() + change
                outputs.append(activate_pose_encoding(pose))
        return outputs

    def _refine(
        self, camera_tokens: Float[Tensor, 'B S C'], pose: Float[Tensor, 'B S 9']
    ) -> Float[Tensor, 'B S 9']:
        modulation = self.poseLN_modulation(self.embed_pose(pose))
        shift, scale, gate = modulation.chunk(3, dim=-1)
        normed = functional.layer_norm(camera_tokens, camera_tokens.shape[-1:], eps=_MODULATED_EPS)
        x = camera_tokens + gate * (normed * (1 + scale) + shift)
        for block in self.trunk:
            x = block(x)
        return self.pose_branch(self.trunk_norm(x))
