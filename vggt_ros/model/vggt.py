"""The whole network: images to cameras, depth, points and tracks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypedDict

from jaxtyping import Float
import torch
from torch import nn, Tensor

from vggt_ros.errors import PredictionError
from vggt_ros.model.aggregator import Aggregator
from vggt_ros.model.camera_head import CameraHead
from vggt_ros.model.config import NetworkConfig
from vggt_ros.model.dense_activation import depth_from_raw, points_from_raw
from vggt_ros.model.dpt_head import DenseHead, TokensByLayer
from vggt_ros.model.track_head import TrackHead


class Outputs(TypedDict, total=False):
    """What a forward pass returns; heads that did not run contribute no key.

    Keys:
        pose_enc: (B, S, 9) pose encodings, see `pose_encoding`.
        pose_enc_list: The same after every refinement, the best last.
        depth: (B, T, H, W, 1) along the optical axis, positive; T frames have dense maps, all S
            unless fewer were asked for.
        depth_conf: (B, T, H, W), at least 1, unbounded.
        world_points: (B, T, H, W, 3) from the point head, in the world frame.
        world_points_conf: (B, T, H, W), at least 1, unbounded.
        track: (B, S, N, 2) pixels (x, y) of the query points in every frame.
        vis: (B, S, N) visibility in 0..1.
        conf: (B, S, N) confidence of the tracks in 0..1.
        images: (B, S, 3, H, W) the input, in evaluation mode only.
    """

    pose_enc: Float[Tensor, 'B S 9']
    pose_enc_list: list[Float[Tensor, 'B S 9']]
    depth: Float[Tensor, 'B T H W 1']
    depth_conf: Float[Tensor, 'B T H W']
    world_points: Float[Tensor, 'B T H W 3']
    world_points_conf: Float[Tensor, 'B T H W']
    track: Float[Tensor, 'B S N 2']
    vis: Float[Tensor, 'B S N']
    conf: Float[Tensor, 'B S N']
    images: Float[Tensor, 'B S 3 H W']


class VGGT(nn.Module):
    """Visual Geometry Grounded Transformer, Wang et al., CVPR 2025, arXiv:2503.11651.

    Tensors in, tensors out: no device, no files, no precision of its own. Under autocast the
    heads still run in the precision of their weights. Attribute names are those of the released
    checkpoint, so that it loads strictly.

    Attributes:
        aggregator: `encode` and `aggregate`, the two halves of the backbone.
        camera_head: Last list entry to pose encodings. Absent if switched off, as all heads.
        point_head: List entries to points in the world frame and confidence.
        depth_head: List entries to depth and confidence.
        track_head: List entries and query points to tracks.
    """

    camera_head: CameraHead
    point_head: DenseHead
    depth_head: DenseHead
    track_head: TrackHead

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = NetworkConfig() if config is None else config
        self.aggregator = Aggregator(config.aggregator)
        if config.enable_camera:
            self.camera_head = CameraHead(config.aggregator.token_dim, config.camera_head)
        if config.enable_points:
            self.point_head = self._dense_head(3, points_from_raw)
        if config.enable_depth:
            self.depth_head = self._dense_head(1, depth_from_raw)
        if config.enable_track:
            self.track_head = TrackHead(config.aggregator, config.track_head)

    def forward(
        self,
        images: Float[Tensor, '*images_shape'],
        query_points: Float[Tensor, '*queries_shape'] | None = None,
        *,
        heads: Collection[str] | None = None,
    ) -> Outputs:
        """Predict everything, or what the named heads predict.

        Args:
            images: (B, S, 3, H, W) or (S, 3, H, W), RGB in 0..1, S frames of a scene; H and W are
                multiples of the patch size. The first frame is the world's reference.
            query_points: (B, N, 2) or (N, 2), pixels (x, y) of the first frame to track.
            heads: Names from `HEAD_NAMES`; None runs all that are switched on, the track head
                only if there are query points.

        Raises:
            PredictionError: A shape or size cannot be processed, a head is not there, or the
                track head has nothing to track.
        """
        if images.ndim == 4:
            images = images[None]
        if query_points is not None and query_points.ndim == 2:
            query_points = query_points[None]
        self._check_inputs(images, query_points)
        patch_tokens = torch.unflatten(
            self.aggregator.encode(images.flatten(0, 1)), 0, images.shape[:2]
        )
        size = (images.shape[-2], images.shape[-1])
        outputs = self.decode(patch_tokens, size, query_points, heads=heads)
        if not self.training:
            outputs['images'] = images
        return outputs

    def decode(
        self,
        patch_tokens: Float[Tensor, 'B S hw C'],
        image_size: tuple[int, int],
        query_points: Float[Tensor, 'B N 2'] | None = None,
        *,
        heads: Collection[str] | None = None,
        depth_frames: Sequence[int] | None = None,
    ) -> Outputs:
        """Predict from the tokens of each frame, whenever they were made.

        The same numbers as `forward`: an encoder knows one frame at a time.

        Args:
            patch_tokens: What `aggregator.encode` returned for the frames of each scene.
            image_size: Height and width of the images they were made from, pixels.
            query_points: Pixels (x, y) of the first frame to track.
            heads: As in `forward`.
            depth_frames: The frames whose depth and points are wanted, in this order; None for
                all. The dense heads see one frame at a time.

        Raises:
            PredictionError: A shape or size cannot be processed, a head or a frame is not there,
                or the track head has nothing to track.
        """
        chosen = self._heads_to_run(heads, has_queries=query_points is not None)
        patch = self.config.aggregator.patch_size
        grid = (image_size[0] // patch, image_size[1] // patch)
        layers = {layer for head in chosen for layer in self.config.layers_of(head)}
        tokens = self.aggregator.aggregate(patch_tokens, grid, layers)
        outputs = self._run_heads(chosen, tokens, image_size, depth_frames)
        if 'track' in chosen and query_points is not None:
            outputs.update(self._track(tokens, image_size, query_points))
        return outputs

    def _run_heads(
        self,
        chosen: Collection[str],
        tokens: TokensByLayer,
        image_size: tuple[int, int],
        frames: Sequence[int] | None,
    ) -> Outputs:
        outputs = Outputs()
        if 'camera' in chosen:
            outputs['pose_enc_list'] = self.camera_head(tokens[self.config.aggregator.depth - 1])
            outputs['pose_enc'] = outputs['pose_enc_list'][-1]
        if 'depth' in chosen:
            outputs['depth'], outputs['depth_conf'] = self.depth_head(
                tokens, image_size, frames=frames
            )
        if 'points' in chosen:
            points, points_conf = self.point_head(tokens, image_size, frames=frames)
            outputs['world_points'], outputs['world_points_conf'] = points, points_conf
        return outputs

    def _track(
        self, tokens: TokensByLayer, image_size: tuple[int, int], query_points: Tensor
    ) -> Outputs:
        tracks = self.track_head(tokens, image_size, query_points)
        outputs = Outputs(track=tracks.positions[-1], vis=tracks.visibility)
        if tracks.confidence is not None:
            outputs['conf'] = tracks.confidence
        return outputs

    def _check_inputs(self, images: Tensor, query_points: Tensor | None) -> None:
        if images.ndim != 5 or images.shape[2] != 3 or 0 in images.shape:
            raise PredictionError(
                f'images must have the shape (B, S, 3, H, W) or (S, 3, H, W) with at least one '
                f'frame; got {tuple(images.shape)}'
            )
        self.aggregator.grid_of(images)
        if query_points is None:
            return
        B = images.shape[0]
        if query_points.ndim != 3 or query_points.shape[0] != B or query_points.shape[2] != 2:
            raise PredictionError(
                f'query points must have the shape ({B}, N, 2), for every scene of the images; '
                f'got {tuple(query_points.shape)}'
            )

    def _heads_to_run(self, heads: Collection[str] | None, *, has_queries: bool) -> list[str]:
        enabled = self.config.enabled_heads
        if heads is None:
            return [head for head in enabled if head != 'track' or has_queries]
        absent = sorted(set(heads) - set(enabled))
        if absent:
            raise PredictionError(
                f'this network has no head {", ".join(absent)}; it has '
                f'{", ".join(enabled) or "none"}'
            )
        if 'track' in heads and not has_queries:
            raise PredictionError('the track head needs query points: pass them, or leave it out')
        return [head for head in enabled if head in heads]

    def _dense_head(self, value_dim: int, activation: Callable[[Tensor], Tensor]) -> DenseHead:
        return DenseHead(
            self.config.aggregator,
            features=self.config.dpt_head.features,
            out_channels=self.config.dpt_head.out_channels,
            layers=self.config.dpt_head.layers,
            value_dim=value_dim,
            activation=activation,
        )
