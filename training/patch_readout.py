"""Linear read-outs of tokens: cheap answers that teach the backbone before the heads do."""

from __future__ import annotations

from jaxtyping import Float
import torch
from torch import nn, Tensor

from training.correspondence import Correspondence
from training.window_batch import WindowBatch

_SUBCELLS = 2  # depths along each axis of a patch
_MIN_DEPTH = 1e-3


class PatchReadout(nn.Module):
    """Depth, points in the first camera, and flow to the first frame, for every patch.

    Belongs to training only; it is not part of the network that is shipped.
    """

    def __init__(self, token_dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(token_dim)
        self.depth = nn.Linear(token_dim, _SUBCELLS**2)
        self.points = nn.Linear(token_dim, 3)
        self.flow = nn.Linear(token_dim, 2)
        for layer in (self.depth, self.points, self.flow):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def losses(
        self,
        tokens: Float[Tensor, 'B S hw C'],
        window: WindowBatch,
        truth: Correspondence,
        centers: Float[Tensor, 'hw 2'],
        patch_size: int,
    ) -> dict[str, Float[Tensor, '']]:
        """Return mean errors: of log depth, of points relative to their distance, of flow.

        Args:
            tokens: Patch tokens, the last list entry.
            window: What the tokens are of.
            truth: Where the centers of the patches are in all frames.
            centers: (u, v) of the patches' centers, pixels.
            patch_size: Pixels; flow is measured in patches.
        """
        x = self.norm(tokens)
        step = patch_size // _SUBCELLS
        half = step // 2
        log_depth = window.depth[..., half::step, half::step].clamp(min=_MIN_DEPTH).log()
        cells = torch.nn.functional.pixel_unshuffle(log_depth[:, :, None], _SUBCELLS)
        depth_error = (self.depth(x) - cells.flatten(3).transpose(2, 3)).abs().mean()

        u, v = centers.long().unbind(-1)
        points = window.points_in_world()[:, :, v, u]
        distance = points.norm(dim=-1, keepdim=True).clamp(min=_MIN_DEPTH)
        point_error = ((self.points(x) - points) / distance).norm(dim=-1).mean()

        flow = (truth.uv[:, 1:, 0] - centers) / patch_size
        is_visible = truth.is_visible[:, 1:, 0]
        flow = torch.where(is_visible[..., None], flow, 0.0)
        flow_error = (self.flow(x)[:, 1:] - flow).norm(dim=-1) * is_visible
        return {
            'patch_depth': depth_error,
            'patch_points': point_error,
            'patch_flow': flow_error.sum() / is_visible.sum().clamp(min=1),
        }

    def depth_map(
        self, tokens: Float[Tensor, 'B S hw C'], image_size: tuple[int, int]
    ) -> Float[Tensor, 'B S H W']:
        """Return depth at all pixels, constant over the cells.

        Args:
            tokens: Patch tokens, the last list entry.
            image_size: Height and width, pixels.
        """
        num_patches = tokens.shape[2]
        rows = round((num_patches * image_size[0] / image_size[1]) ** 0.5)
        cells = torch.unflatten(self.depth(self.norm(tokens)).transpose(2, 3), 3, (rows, -1))
        coarse = nn.functional.pixel_shuffle(cells, _SUBCELLS)[:, :, 0].exp()
        return nn.functional.interpolate(coarse, size=image_size, mode='nearest')
