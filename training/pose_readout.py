"""A linear read-out of camera tokens: a cheap answer that teaches them before the head does."""

from __future__ import annotations

from jaxtyping import Float
import torch
from torch import nn, Tensor

from training.camera_loss import camera_loss
from training.window_batch import WindowBatch

_PLAIN = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.25)


class PoseReadout(nn.Module):
    """Pose encodings, for every camera token.

    Belongs to training only; it is not part of the network that is shipped. The camera head's
    last layer has to learn slowly, so what reaches the tokens through it is faint at first.
    """

    def __init__(self, token_dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(token_dim)
        self.pose = nn.Linear(token_dim, len(_PLAIN))
        nn.init.zeros_(self.pose.weight)
        with torch.no_grad():
            self.pose.bias.copy_(torch.tensor(_PLAIN))

    def loss(self, tokens: Float[Tensor, 'B S C'], window: WindowBatch) -> Float[Tensor, '']:
        """Return the camera loss of a single answer.

        Args:
            tokens: Camera tokens, the last list entry.
            window: What the tokens are of.
        """
        return camera_loss([self.pose(self.norm(tokens))], window)
