"""The DINOv2 encoder that makes each frame's tokens.

Oquab et al., "DINOv2", arXiv:2304.07193, with registers: Darcet et al., "Vision Transformers Need
Registers", arXiv:2309.16588.
"""

from __future__ import annotations

from jaxtyping import Float
import torch
from torch import nn, Tensor
from torch.nn import functional

from vggt_ros.model.block import Block
from vggt_ros.model.config import AggregatorConfig
from vggt_ros.model.constant_cache import ConstantCache
from vggt_ros.model.patch_embed import PatchEmbed

_EPS = 1e-6


class VisionTransformer(nn.Module):
    """Tokens [cls, registers, patches] through pre-norm blocks; only the patches come out."""

    def __init__(self, config: AggregatorConfig) -> None:
        super().__init__()
        size = config.encoder
        dim, side = size.embed_dim, config.img_size // config.patch_size
        self.patch_size = config.patch_size
        self.num_leading_tokens = 1 + config.num_register_tokens
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + side * side, dim))
        self.register_tokens = nn.Parameter(torch.empty(1, config.num_register_tokens, dim))
        # Unused; released checkpoints have it and are loaded strictly.
        self.mask_token = nn.Parameter(torch.zeros(1, dim))
        self.patch_embed = PatchEmbed(config.patch_size, dim)
        self.blocks = nn.ModuleList(
            Block(dim, size.num_heads, mlp_ratio=4.0, layer_scale=1.0, eps=_EPS)
            for _ in range(size.depth)
        )
        self.norm = nn.LayerNorm(dim, eps=_EPS)
        self._resized_tables: ConstantCache[Tensor] = ConstantCache(4)
        nn.init.normal_(self.cls_token, std=1e-6)
        nn.init.normal_(self.register_tokens, std=1e-6)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)

    def forward(self, images: Float[Tensor, 'N 3 H W']) -> Float[Tensor, 'N hw C']:
        """Return the normalized patch tokens of normalized images, row-major."""
        num_images, _, height, width = images.shape
        tokens = self.patch_embed(images)
        cls = self.cls_token.expand(num_images, -1, -1)
        table = self._table((height // self.patch_size, width // self.patch_size))
        tokens = torch.cat([cls, tokens], dim=1) + table
        registers = self.register_tokens.expand(num_images, -1, -1)
        tokens = torch.cat([tokens[:, :1], registers, tokens[:, 1:]], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens[:, self.num_leading_tokens :])

    def _table(self, grid: tuple[int, int]) -> Float[Tensor, '1 n C']:
        weight = self.pos_embed
        if (torch.is_grad_enabled() and weight.requires_grad) or weight.is_inference():
            return resized_position_table(weight, grid)
        # The version counts in-place changes of the weights, such as loading others.
        key = (grid, weight.device, weight.dtype, weight.data_ptr(), weight._version)
        return self._resized_tables.get(key, lambda: resized_position_table(weight, grid))


def resized_position_table(
    table: Float[Tensor, '1 n C'], grid: tuple[int, int]
) -> Float[Tensor, '1 m C']:
    """Resize a square positional table, cls entry first, to a grid of (rows, columns).

    The cls entry stays as it is; the rest is resized in float32, bicubic with antialiasing.
    """
    side = round((table.shape[1] - 1) ** 0.5)
    if grid == (side, side):
        return table
    with torch.autocast(table.device.type, enabled=False):
        square = table[:, 1:].float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
        resized = functional.interpolate(
            square, size=grid, mode='bicubic', align_corners=False, antialias=True
        )
    patches = resized.flatten(2).transpose(1, 2).to(table.dtype)
    return torch.cat([table[:, :1], patches], dim=1)
