"""Tokens and query points to tracks."""

from __future__ import annotations

from jaxtyping import Float
from torch import nn, Tensor

from vggt_ros.model.config import AggregatorConfig, TrackHeadConfig
from vggt_ros.model.dpt_head import FeatureHead, FRAMES_AT_A_TIME, TokensByLayer
from vggt_ros.model.tracker import Tracker, TrackOutput


class TrackHead(nn.Module):
    """A dense feature extractor and a tracker on its maps."""

    def __init__(self, aggregator: AggregatorConfig, config: TrackHeadConfig) -> None:
        super().__init__()
        self.layers = config.layers
        self.feature_extractor = FeatureHead(
            aggregator,
            features=config.features,
            out_channels=config.out_channels,
            layers=config.layers,
            pos_embed=config.pos_embed,
            down_ratio=config.down_ratio,
        )
        self.tracker = Tracker(config)

    def forward(
        self,
        tokens_by_layer: TokensByLayer,
        image_size: tuple[int, int],
        query_points: Float[Tensor, 'B N 2'],
        *,
        iterations: int | None = None,
        frames_at_a_time: int = FRAMES_AT_A_TIME,
    ) -> TrackOutput:
        """Track points through the frames.

        Args:
            tokens_by_layer: What the aggregator kept; the head's layers must be there.
            image_size: Height and width of the images the network saw, pixels.
            query_points: (x, y) in pixels of the first frame.
            iterations: Number of refinements; None takes the configured number.
            frames_at_a_time: Bound of the feature extractor's memory.

        Raises:
            PredictionError: The arguments do not fit together, or the images are too small.
        """
        maps = self.feature_extractor(
            tokens_by_layer, image_size, frames_at_a_time=frames_at_a_time
        )
        return self.tracker(maps, query_points, iterations)
