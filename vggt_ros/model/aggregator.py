"""Alternating attention over the tokens of all frames."""

from __future__ import annotations

from collections.abc import Iterable

from jaxtyping import Float
import torch
from torch import nn, Tensor

from vggt_ros.errors import PredictionError
from vggt_ros.model.block import Block
from vggt_ros.model.config import AggregatorConfig
from vggt_ros.model.constant_cache import ConstantCache
from vggt_ros.model.patch_embed import PatchEmbed
from vggt_ros.model.rope import frame_positions, rotary_table, RotaryTable
from vggt_ros.model.vit import VisionTransformer

_RGB_MEAN = (0.485, 0.456, 0.406)
_RGB_STD = (0.229, 0.224, 0.225)


class Aggregator(nn.Module):
    """Alternates attention within each frame and attention across all frames.

    The feature backbone of Wang et al., "VGGT: Visual Geometry Grounded Transformer",
    CVPR 2025, arXiv:2503.11651. Attribute names are those of the released checkpoint.

    `encode` knows one frame at a time and can run when a frame arrives; `aggregate` needs all
    frames of a window. Letters: B scenes, S frames, P tokens of one frame (camera, registers,
    patches), C channels, (h, w) the grid of patches.
    """

    def __init__(self, config: AggregatorConfig) -> None:
        super().__init__()
        self.config = config
        self.camera_token = nn.Parameter(torch.empty(1, 2, 1, config.embed_dim))
        self.register_token = nn.Parameter(
            torch.empty(1, 2, config.num_register_tokens, config.embed_dim)
        )
        self.patch_embed: nn.Module = (
            PatchEmbed(config.patch_size, config.embed_dim)
            if config.is_convolutional
            else VisionTransformer(config)
        )
        self.frame_blocks = nn.ModuleList(_block(config) for _ in range(config.depth))
        self.global_blocks = nn.ModuleList(_block(config) for _ in range(config.depth))
        self._rotary_tables: ConstantCache[RotaryTable] = ConstantCache()
        self._rgb_statistics: ConstantCache[tuple[Tensor, Tensor]] = ConstantCache(2)
        nn.init.normal_(self.camera_token, std=1e-6)
        nn.init.normal_(self.register_token, std=1e-6)

    def encode(self, images: Float[Tensor, 'N 3 H W']) -> Float[Tensor, 'N hw C']:
        """Return the patch tokens of images, each on its own.

        Args:
            images: RGB in 0..1; height and width are multiples of the patch size.

        Raises:
            PredictionError: The size is not a multiple of the patch size.
        """
        self.grid_of(images)
        mean, std = self._rgb_statistics.get(
            (images.device, images.dtype),
            lambda: (
                images.new_tensor(_RGB_MEAN)[:, None, None],
                images.new_tensor(_RGB_STD)[:, None, None],
            ),
        )
        return self.patch_embed((images - mean) / std)

    def aggregate(
        self,
        patch_tokens: Float[Tensor, 'B S hw C'],
        grid: tuple[int, int],
        layers: Iterable[int] | None = None,
    ) -> dict[int, Float[Tensor, 'B S P 2*C']]:
        """Let the frames of each scene see each other.

        The first frame is the reference. Nothing tells the other frames apart: permuting them
        permutes the result.

        Args:
            patch_tokens: What `encode` returned, stacked over frames.
            grid: Rows and columns of patches.
            layers: The list entries to keep; None keeps the last. Deeper blocks are not run.

        Returns:
            By layer, the output of the frame block and of the global block side by side.

        Raises:
            PredictionError: The grid does not have as many patches as there are tokens.
        """
        B, S, num_patches, C = patch_tokens.shape
        if num_patches != grid[0] * grid[1]:
            raise PredictionError(
                f'{num_patches} patch tokens do not fill a grid of {grid[0]} x {grid[1]}; '
                f'pass the grid of the images they were made from'
            )
        kept = {self.config.depth - 1} if layers is None else set(layers)
        specials = torch.cat([self.camera_token, self.register_token], dim=2)
        # Concatenation promotes half-precision patch tokens to the type of the learned ones.
        tokens = torch.cat([_for_frames(specials, B, S), patch_tokens], dim=2)
        P = tokens.shape[2]
        rope = self._rotary_table(grid, tokens.device)

        outputs = {}
        for layer in range(max(kept, default=-1) + 1):
            within = self.frame_blocks[layer](tokens.reshape(B * S, P, C), rope)
            across = self.global_blocks[layer](within.reshape(B, S * P, C), rope)
            tokens = across.reshape(B, S, P, C)
            if layer in kept:
                outputs[layer] = torch.cat([within.reshape(B, S, P, C), tokens], dim=-1)
        return outputs

    def forward(
        self, images: Float[Tensor, 'B S 3 H W'], layers: Iterable[int] | None = None
    ) -> dict[int, Float[Tensor, 'B S P D']]:
        """Encode and aggregate; see `aggregate`."""
        patch_tokens = torch.unflatten(self.encode(images.flatten(0, 1)), 0, images.shape[:2])
        return self.aggregate(patch_tokens, self.grid_of(images), layers)

    def grid_of(self, images: Float[Tensor, '*n H W']) -> tuple[int, int]:
        """Return rows and columns of patches of an image.

        Raises:
            PredictionError: Height or width is not a positive multiple of the patch size.
        """
        height, width = images.shape[-2:]
        patch = self.config.patch_size
        if height < patch or width < patch or height % patch or width % patch:
            raise PredictionError(
                f'images are {width} x {height} px (width x height); both must be positive '
                f'multiples of the patch size {patch}: resize, crop or pad them'
            )
        return height // patch, width // patch

    def _rotary_table(self, grid: tuple[int, int], device: torch.device) -> RotaryTable:
        config = self.config
        return self._rotary_tables.get(
            (grid, device),
            lambda: rotary_table(
                frame_positions(grid, config.num_special_tokens).to(device),
                config.embed_dim // config.num_heads,
                config.rope_base,
            ),
        )


def _block(config: AggregatorConfig) -> Block:
    return Block(
        config.embed_dim,
        config.num_heads,
        mlp_ratio=config.mlp_ratio,
        layer_scale=config.layer_scale,
        qk_norm=config.qk_norm,
    )


def _for_frames(
    tokens: Float[Tensor, '1 2 R C'], num_scenes: int, num_frames: int
) -> Float[Tensor, 'B S R C']:
    """Slot 0 is for the first frame of a scene, slot 1 for every other."""
    others = tokens[:, 1:].expand(-1, num_frames - 1, -1, -1)
    return torch.cat([tokens[:, :1], others], dim=1).expand(num_scenes, -1, -1, -1)
