"""Patch tokens to dense maps: depth, points, features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from jaxtyping import Float
import torch
from torch import nn, Tensor

from vggt_ros.errors import PredictionError
from vggt_ros.model.config import AggregatorConfig
from vggt_ros.model.constant_cache import ConstantCache
from vggt_ros.model.dense_activation import confidence_from_raw
from vggt_ros.model.dpt_fusion import resize, Scratch
from vggt_ros.model.full_precision import arithmetic, full_precision
from vggt_ros.model.position_embedding import dpt_axis_tables

FRAMES_AT_A_TIME = 8
_OUTPUT_FEATURES = 32

TokensByLayer = Mapping[int, Float[Tensor, 'B S P C']]


class DptHead(nn.Module):
    """What all dense heads share: four list entries to one map of each frame.

    Frames are independent of each other here: a subset gives the same numbers, and large windows
    go through in pieces to bound the memory.

    Attributes:
        precision: Arithmetic of the maps; what is made of them is computed in float32. VGGT was
            trained with float32.
    """

    def __init__(
        self,
        aggregator: AggregatorConfig,
        *,
        features: int,
        map_features: int,
        out_channels: Sequence[int],
        layers: Sequence[int],
        pos_embed: bool,
        down_ratio: int,
    ) -> None:
        super().__init__()
        self.layers = tuple(layers)
        self.pos_embed = pos_embed
        self.down_ratio = down_ratio
        self.patch_size = aggregator.patch_size
        self.num_special_tokens = aggregator.num_special_tokens
        self.precision = torch.float32
        fine, middle, _, deep = out_channels
        self.norm = nn.LayerNorm(aggregator.token_dim, eps=1e-5)
        self.projects = nn.ModuleList(
            nn.Conv2d(aggregator.token_dim, channels, 1) for channels in out_channels
        )
        self.resize_layers = nn.ModuleList(
            (
                nn.ConvTranspose2d(fine, fine, kernel_size=4, stride=4),
                nn.ConvTranspose2d(middle, middle, kernel_size=2, stride=2),
                nn.Identity(),
                nn.Conv2d(deep, deep, kernel_size=3, stride=2, padding=1),
            )
        )
        self.scratch = Scratch(
            out_channels, features, nn.Conv2d(features, map_features, 3, padding=1)
        )
        self._axis_tables: ConstantCache[tuple[Tensor, Tensor]] = ConstantCache(16)

    def map_of(
        self,
        tokens_by_layer: TokensByLayer,
        image_size: tuple[int, int],
        frames: Sequence[int],
    ) -> Float[Tensor, 'BS F h w']:
        """Return the maps of the named frames, scene by scene, at 1/down_ratio of the image."""
        height, width = image_size
        with arithmetic(tokens_by_layer[self.layers[0]], self.precision):
            levels = [
                self._level(k, tokens_by_layer[layer], image_size, frames)
                for k, layer in enumerate(self.layers)
            ]
            size = (height // self.down_ratio, width // self.down_ratio)
            return self._with_positions(resize(self.scratch(levels), size), image_size)

    def chunks_of(
        self,
        tokens_by_layer: TokensByLayer,
        image_size: tuple[int, int],
        frames: Sequence[int] | None,
        frames_at_a_time: int,
    ) -> list[list[int]]:
        """Return the frames to compute, in pieces.

        Raises:
            PredictionError: A list entry is missing, the image size does not fit the tokens, or
                a frame is not there.
        """
        missing = [layer for layer in self.layers if layer not in tokens_by_layer]
        if missing:
            raise PredictionError(
                f'the head reads list entries {missing}, but the aggregator kept '
                f'{sorted(tokens_by_layer)}; name them in `layers` of the aggregator'
            )
        num_frames, num_tokens = tokens_by_layer[self.layers[0]].shape[1:3]
        patch = self.patch_size
        num_patches = num_tokens - self.num_special_tokens
        height, width = image_size
        if height % patch or width % patch or (height // patch) * (width // patch) != num_patches:
            raise PredictionError(
                f'{num_patches} patch tokens of {patch} x {patch} px do not make an image of '
                f'{width} x {height} px (width x height); pass the size the network saw'
            )
        chosen = list(range(num_frames)) if frames is None else list(frames)
        outside = [frame for frame in chosen if not 0 <= frame < num_frames]
        if not chosen or outside or frames_at_a_time < 1:
            raise PredictionError(
                f'frames {chosen} in pieces of {frames_at_a_time} cannot be computed; name at '
                f'least one of 0..{num_frames - 1} and pieces of at least 1'
            )
        starts = range(0, len(chosen), frames_at_a_time)
        return [chosen[start : start + frames_at_a_time] for start in starts]

    def _level(
        self,
        k: int,
        tokens: Float[Tensor, 'B S P C'],
        image_size: tuple[int, int],
        frames: Sequence[int],
    ) -> Float[Tensor, 'BS c h w']:
        # One slice per frame: an index tensor would have to travel to the device first.
        chosen = torch.stack([tokens[:, s, self.num_special_tokens :] for s in frames], dim=1)
        normed = self.norm(chosen.flatten(0, 1).to(self.norm.weight.dtype))
        grid = (image_size[0] // self.patch_size, image_size[1] // self.patch_size)
        x = self.projects[k](torch.unflatten(normed.transpose(1, 2), -1, grid))
        return self.resize_layers[k](self._with_positions(x, image_size))

    def _with_positions(
        self, x: Float[Tensor, 'N c h w'], image_size: tuple[int, int]
    ) -> Float[Tensor, 'N c h w']:
        if not self.pos_embed:
            return x
        num_channels, *grid = x.shape[1:]
        key = (num_channels, *grid, image_size, x.device, x.dtype)
        column, row = self._axis_tables.get(
            key, lambda: _tables_like(x, (grid[0], grid[1]), image_size)
        )
        half = num_channels // 2
        return torch.cat([x[:, :half] + column[:, None, :], x[:, half:] + row[:, :, None]], dim=1)


class DenseHead(DptHead):
    """A value and a confidence for every pixel: the depth head and the point head."""

    def __init__(
        self,
        aggregator: AggregatorConfig,
        *,
        features: int,
        out_channels: Sequence[int],
        layers: Sequence[int],
        value_dim: int,
        activation: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__(
            aggregator,
            features=features,
            map_features=features // 2,
            out_channels=out_channels,
            layers=layers,
            pos_embed=True,
            down_ratio=1,
        )
        self.activation = activation
        self.scratch.output_conv2 = nn.Sequential(
            nn.Conv2d(features // 2, _OUTPUT_FEATURES, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(_OUTPUT_FEATURES, value_dim + 1, 1),
        )

    def forward(
        self,
        tokens_by_layer: TokensByLayer,
        image_size: tuple[int, int],
        *,
        frames: Sequence[int] | None = None,
        frames_at_a_time: int = FRAMES_AT_A_TIME,
    ) -> tuple[Float[Tensor, 'B T H W V'], Float[Tensor, 'B T H W']]:
        """Return value and confidence of every pixel.

        Args:
            tokens_by_layer: What the aggregator kept; the head's layers must be there.
            image_size: Height and width of the images the network saw, pixels.
            frames: Which frames, in this order; None for all.
            frames_at_a_time: Bound of the memory; does not change the result.

        Raises:
            PredictionError: The arguments do not fit together.
        """
        pieces = []
        for chunk in self.chunks_of(tokens_by_layer, image_size, frames, frames_at_a_time):
            with full_precision(tokens_by_layer[self.layers[0]]):
                maps = self.map_of(tokens_by_layer, image_size, chunk).float()
                raw = self.scratch.output_conv2(maps).permute(0, 2, 3, 1)
                pieces.append(torch.unflatten(raw, 0, (-1, len(chunk))))
        raw = torch.cat(pieces, dim=1)
        return self.activation(raw[..., :-1]), confidence_from_raw(raw[..., -1])


class FeatureHead(DptHead):
    """A feature vector for every few pixels: what the tracker compares."""

    def __init__(
        self,
        aggregator: AggregatorConfig,
        *,
        features: int,
        out_channels: Sequence[int],
        layers: Sequence[int],
        pos_embed: bool,
        down_ratio: int,
    ) -> None:
        super().__init__(
            aggregator,
            features=features,
            map_features=features,
            out_channels=out_channels,
            layers=layers,
            pos_embed=pos_embed,
            down_ratio=down_ratio,
        )

    def forward(
        self,
        tokens_by_layer: TokensByLayer,
        image_size: tuple[int, int],
        *,
        frames: Sequence[int] | None = None,
        frames_at_a_time: int = FRAMES_AT_A_TIME,
    ) -> Float[Tensor, 'B T F h w']:
        """Return feature maps at 1/down_ratio of the image; arguments as in `DenseHead`."""
        pieces = []
        for chunk in self.chunks_of(tokens_by_layer, image_size, frames, frames_at_a_time):
            with full_precision(tokens_by_layer[self.layers[0]]):
                maps = self.map_of(tokens_by_layer, image_size, chunk).float()
                pieces.append(torch.unflatten(maps, 0, (-1, len(chunk))))
        return torch.cat(pieces, dim=1)


def _tables_like(
    like: Tensor, grid: tuple[int, int], image_size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    column, row = dpt_axis_tables(grid, like.shape[1], image_size)
    return (
        column.to(like.device, like.dtype),
        row.to(like.device, like.dtype),
    )
