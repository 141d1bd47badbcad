"""Follows points of the first frame through feature maps of all frames."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import torch
from torch import nn, Tensor
from torch.nn import functional

from vggt_ros.errors import PredictionError
from vggt_ros.model.config import TrackHeadConfig
from vggt_ros.model.constant_cache import ConstantCache
from vggt_ros.model.correlation import feature_pyramid, sample_bilinear, sample_correlation
from vggt_ros.model.full_precision import full_precision
from vggt_ros.model.mlp import Mlp
from vggt_ros.model.position_embedding import flow_embedding, track_axis_tables
from vggt_ros.model.update_transformer import UpdateTransformer

_EPS = 1e-5
# Displacements enter a second time as a part of this many cells, fixed by the released network.
_FLOW_SCALE = 518.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackOutput:
    """Where the query points are in every frame; letters as in `Tracker`.

    Attributes:
        positions: (x, y) in pixels of the network's image after every refinement, the best last;
            in the first frame always the query. May leave the image.
        visibility: 0..1, small where the point is hidden.
        confidence: 0..1, small where the position is uncertain; None if it is not predicted.
    """

    positions: list[Float[Tensor, 'B S N 2']]
    visibility: Float[Tensor, 'B S N']
    confidence: Float[Tensor, 'B S N'] | None


class Tracker(nn.Module):
    """Refines tracks by what the feature maps look like around them.

    Letters: B scenes, S frames, N points, C channels of a feature map of h x w cells. Cell
    coordinates are (x, y), pixel coordinates divided by the stride.
    """

    def __init__(self, config: TrackHeadConfig) -> None:
        super().__init__()
        self.config = config
        C = config.features
        width = 3 * C + 4
        window = (2 * config.corr_radius + 1) ** 2
        self.query_ref_token = nn.Parameter(torch.randn(1, 2, width))
        self.corr_mlp = Mlp(config.corr_levels * window, config.hidden_size, C)
        self.updateformer = UpdateTransformer(
            width,
            config.hidden_size,
            C + 2,
            depth=config.depth,
            num_heads=config.num_heads,
            num_virtual_tracks=config.num_virtual_tracks,
        )
        self.fmap_norm = nn.LayerNorm(C, eps=_EPS)
        self.ffeat_norm = nn.GroupNorm(1, C, eps=_EPS)
        self.ffeat_updater = nn.Sequential(nn.Linear(C, C), nn.GELU())
        self.vis_predictor = nn.Sequential(nn.Linear(C, 1))
        if config.predict_conf:
            self.conf_predictor = nn.Sequential(nn.Linear(C, 1))
        self._axis_tables: ConstantCache[tuple[Tensor, Tensor]] = ConstantCache()

    def forward(
        self,
        feature_maps: Float[Tensor, 'B S C h w'],
        query_points: Float[Tensor, 'B N 2'],
        iterations: int | None = None,
    ) -> TrackOutput:
        """Track points of the first frame.

        Args:
            feature_maps: One for each frame.
            query_points: (x, y) in pixels of the first frame's image.
            iterations: Number of refinements; None takes the configured number.

        Raises:
            PredictionError: The maps are too small for the correlation pyramid.
        """
        self._check_size(feature_maps)
        num_iterations = self.config.iterations if iterations is None else iterations
        with full_precision(feature_maps):
            dtype = self.query_ref_token.dtype
            maps = feature_maps.to(dtype).permute(0, 1, 3, 4, 2)
            maps = self.fmap_norm(maps).permute(0, 1, 4, 2, 3)
            pyramid = feature_pyramid(maps, self.config.corr_levels)

            num_frames = maps.shape[1]
            queries = query_points.to(dtype) / self.config.stride
            features = sample_bilinear(maps[:, 0], queries)[:, None].expand(-1, num_frames, -1, -1)
            positions = queries[:, None].expand(-1, num_frames, -1, -1)
            constant = self._constant_input(queries, num_frames, (maps.shape[3], maps.shape[4]))

            outputs: list[Tensor] = []
            for _ in range(num_iterations):
                positions = positions.detach()
                x = self._input(pyramid, features, positions) + constant
                change = self.updateformer(x.transpose(1, 2)).transpose(1, 2)
                features = features + self._feature_change(change[..., 2:])
                moved = positions + change[..., :2]
                positions = torch.cat([queries[:, None], moved[:, 1:]], dim=1)
                outputs.append(positions * self.config.stride)
            return TrackOutput(
                positions=outputs,
                visibility=self.vis_predictor(features).squeeze(-1).sigmoid(),
                confidence=self.conf_predictor(features).squeeze(-1).sigmoid()
                if self.config.predict_conf
                else None,
            )

    def _check_size(self, feature_maps: Float[Tensor, 'B S C h w']) -> None:
        height, width = feature_maps.shape[-2:]
        smallest = 2 ** (self.config.corr_levels - 1)
        if min(height, width) < smallest:
            ratio = self.config.down_ratio
            raise PredictionError(
                f'images of {width * ratio} x {height * ratio} px (width x height) are too small '
                f'to track in: {self.config.corr_levels} correlation levels need at least '
                f'{self.config.min_image_size} px on both sides; use larger images, or leave the '
                f'track head out'
            )

    def _constant_input(
        self, queries: Float[Tensor, 'B N 2'], num_frames: int, grid: tuple[int, int]
    ) -> Float[Tensor, 'B S N D']:
        """What every refinement adds to its input: the query's position, and which frame it is."""
        column, row = self._axis_tables.get(
            (grid, queries.device, queries.dtype),
            lambda: self._tables(grid, queries),
        )
        embedded = torch.cat(
            [_interpolated(column, queries[..., 0]), _interpolated(row, queries[..., 1])], dim=-1
        )
        reference = self.query_ref_token[:, :1]
        others = self.query_ref_token[:, 1:].expand(-1, num_frames - 1, -1)
        return embedded[:, None] + torch.cat([reference, others], dim=1)[:, :, None]

    def _tables(self, grid: tuple[int, int], like: Tensor) -> tuple[Tensor, Tensor]:
        column, row = track_axis_tables(grid, self.query_ref_token.shape[-1])
        return column.to(like.device, like.dtype), row.to(like.device, like.dtype)

    def _input(
        self,
        pyramid: list[Tensor],
        features: Float[Tensor, 'B S N C'],
        positions: Float[Tensor, 'B S N 2'],
    ) -> Float[Tensor, 'B S N D']:
        correlation = sample_correlation(pyramid, features, positions, self.config.corr_radius)
        flow = positions - positions[:, :1]
        scaled = flow / _FLOW_SCALE
        return torch.cat(
            [
                flow_embedding(flow, self.config.features // 2),
                scaled,
                scaled,
                self.corr_mlp(correlation),
                features,
            ],
            dim=-1,
        )

    def _feature_change(self, raw: Float[Tensor, 'B S N C']) -> Float[Tensor, 'B S N C']:
        rows = self.ffeat_norm(raw.reshape(-1, raw.shape[-1]))
        return self.ffeat_updater(rows).view(raw.shape)


def _interpolated(
    table: Float[Tensor, 'n D'], position: Float[Tensor, 'B N']
) -> Float[Tensor, 'B N D']:
    """Interpolate rows of a table linearly; beyond the ends they stay constant."""
    last = table.shape[0] - 1
    limited = position.clamp(0, last)
    below = limited.floor().long().clamp(0, max(last - 1, 0))
    fraction = (limited - below)[..., None]
    above = (below + 1).clamp(max=last)
    return (
        functional.embedding(below, table) * (1 - fraction)
        + functional.embedding(above, table) * fraction
    )
