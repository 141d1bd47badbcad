"""The network, its read-outs, and what they are asked to do in one step."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
import torch
from torch import nn, Tensor

from training.attention_scores import AttentionScores
from training.camera_loss import camera_loss
from training.correspondence import correspondence, patch_centers, track_truth
from training.curriculum import Stage
from training.dense_loss import depth_loss, points_loss
from training.initial_weights import MATCHING_LAYERS
from training.matching_loss import bilinear_target, matching_loss
from training.patch_readout import PatchReadout
from training.pose_readout import PoseReadout
from training.track_loss import track_loss
from training.window_batch import WindowBatch
from vggt_ros.model.dpt_head import TokensByLayer
from vggt_ros.model.vggt import VGGT

_NUM_QUERIES = 32
_ALONE_UNTIL = 0.5  # share of the training after which nothing pushes attention to other frames
# VGGT weighs camera, depth and points alike and tracks by 0.05 (section 3.4). Cameras have two
# losses here and pull the tokens ten times as much: with a weight of 1 depth would not be heard.
_WEIGHTS = {
    'camera': 2.0,
    'token_camera': 1.0,
    'depth': 4.0,
    'points': 1.0,
    'track': 0.05,
    'patch_depth': 2.0,
    'patch_points': 0.5,
    'patch_flow': 0.5,
    'match': 0.3,
    'own_frame': 0.5,
}

Losses = dict[str, Float[Tensor, '']]


class Learner(nn.Module):
    """A network in training.

    Attributes:
        network: What is shipped in the end.
        readout: What only the training reads from patches.
        pose_readout: And from camera tokens.
    """

    def __init__(self, network: VGGT) -> None:
        super().__init__()
        self.network = network
        self.readout = PatchReadout(network.config.aggregator.token_dim)
        self.pose_readout = PoseReadout(network.config.aggregator.token_dim)

    def losses(
        self, window: WindowBatch, stage: Stage, rng: torch.Generator, *, with_tracks: bool
    ) -> Losses:
        """Return all losses and `accuracy`, the share of patches that attention matches.

        Args:
            window: What to learn from.
            stage: Says which heads take part.
            rng: Chooses frames and points, on the CPU.
            with_tracks: Whether the tracker takes part; the dense heads do otherwise.
        """
        network = self.network
        aggregator = network.aggregator
        with_heads = stage.depth_frames > 0
        layers = {network.config.aggregator.depth - 1}
        if with_heads:
            head = 'track' if with_tracks else 'depth'
            layers |= set(network.config.layers_of(head))
        with AttentionScores(aggregator, MATCHING_LAYERS) as attention:
            tokens = aggregator(window.images, layers)
            scores = attention.pop()
        last = tokens[max(layers)]
        losses = {
            'camera': camera_loss(network.camera_head(last), window),
            'token_camera': self.pose_readout.loss(last[:, :, 0].float(), window),
        }
        losses |= self._patch_losses(last, scores, window)
        if with_heads and with_tracks:
            losses['track'] = self._track_loss(tokens, window, rng)
        elif with_heads:
            losses |= self._dense_losses(tokens, window, stage.depth_frames, rng)
        return losses

    def _patch_losses(
        self, tokens: Tensor, scores: Sequence[Tensor], window: WindowBatch
    ) -> Losses:
        config = self.network.config.aggregator
        grid = (
            window.image_size[0] // config.patch_size,
            window.image_size[1] // config.patch_size,
        )
        centers = patch_centers(grid, config.patch_size, tokens.device)
        truth = correspondence(window, centers)
        patches = tokens[:, :, config.num_special_tokens :].float()
        losses = self.readout.losses(patches, window, truth, centers.float(), config.patch_size)
        if window.images.shape[1] == 1:
            return losses
        target = bilinear_target(truth, grid, config.patch_size)
        matched = [matching_loss(block, target, truth.is_visible) for block in scores]
        losses['match'] = torch.stack([m.cross_entropy for m in matched]).mean()
        losses['own_frame'] = torch.stack([m.own_frame for m in matched]).mean()
        losses['accuracy'] = torch.stack([m.accuracy for m in matched]).amax()
        return losses

    def _dense_losses(
        self, tokens: TokensByLayer, window: WindowBatch, num_frames: int, rng: torch.Generator
    ) -> Losses:
        total = window.images.shape[1]
        frames = torch.randperm(total, generator=rng)[:num_frames].tolist()
        true_depth = window.depth[:, frames].flatten(0, 1)
        true_points = window.points_in_world()[:, frames].flatten(0, 1)
        depth, conf = self.network.depth_head(tokens, window.image_size, frames=frames)
        points, points_conf = self.network.point_head(tokens, window.image_size, frames=frames)
        return {
            'depth': depth_loss(depth[..., 0].flatten(0, 1), conf.flatten(0, 1), true_depth),
            'points': points_loss(
                points.flatten(0, 1), points_conf.flatten(0, 1), true_points, true_depth
            ),
        }

    def _track_loss(
        self, tokens: TokensByLayer, window: WindowBatch, rng: torch.Generator
    ) -> Float[Tensor, '']:
        height, width = window.image_size
        shape = (len(window.images), _NUM_QUERIES)
        u = torch.randint(width, shape, generator=rng)
        v = torch.randint(height, shape, generator=rng)
        queries = torch.stack([u, v], dim=-1).to(window.images.device)
        positions, is_visible = track_truth(window, queries)
        tracks = self.network.track_head(tokens, window.image_size, queries.float())
        return track_loss(tracks, positions, is_visible)


def total_loss(losses: Losses, progress: float) -> Float[Tensor, '']:
    """Return what is minimized.

    Args:
        losses: What `Learner.losses` returned.
        progress: 0 at the start of the training, 1 at its end.
    """
    weights = dict(_WEIGHTS)
    weights['own_frame'] *= max(0.0, 1.0 - progress / _ALONE_UNTIL)
    return torch.stack([weights[name] * losses[name] for name in losses if name in weights]).sum()
