"""Teaches global attention where each patch is in the other frames."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
import torch
from torch import Tensor

from training.correspondence import Correspondence

_SMALL = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatchingLoss:
    """How well attention matches.

    Attributes:
        cross_entropy: Between the attention from a patch to the patches of one other frame and
            the place where that frame truly shows it; mean over patches that can be seen.
        own_frame: -log of the share of attention that patches send to other frames; mean.
        accuracy: Share of those patches whose highest score is the right patch or a neighbor
            that shares the place with it, 0..1.
    """

    cross_entropy: Float[Tensor, '']
    own_frame: Float[Tensor, '']
    accuracy: Float[Tensor, '']


def matching_loss(
    scores: Float[Tensor, 'B heads N N'],
    target: Float[Tensor, 'B S T hw hw'],
    is_visible: Bool[Tensor, 'B S T hw'],
) -> MatchingLoss:
    """Compare attention with the truth.

    Scores are compared with a soft target in the sense of bilinear interpolation: if they are
    right, the mean of the patches' positions under the attention is the true place, to a part of
    a patch. Averaged over heads.

    Args:
        scores: Before the softmax; tokens frame by frame, the patches last in each frame.
        target: See `bilinear_target`.
        is_visible: Which patches of frame s can be seen in frame t; s = t does not count.
    """
    num_frames, num_patches = is_visible.shape[1], is_visible.shape[3]
    tokens = scores.shape[-1] // num_frames
    special = tokens - num_patches
    blocks = torch.unflatten(torch.unflatten(scores, 3, (num_frames, tokens)), 2, (num_frames, -1))
    own_frame = _staying(scores, num_frames, special)
    blocks = blocks[:, :, :, special:, :, special:]  # B heads S i T j
    log_attention = blocks.log_softmax(dim=-1).mean(dim=1).transpose(2, 3)  # B S T i j
    is_counted = (
        is_visible
        & ~torch.eye(num_frames, dtype=torch.bool, device=scores.device)[None, :, :, None]
    )
    count = is_counted.sum().clamp(min=1)
    entropy = -(target * log_attention).sum(-1)
    best = log_attention.detach().argmax(dim=-1, keepdim=True)
    is_right = target.gather(-1, best).squeeze(-1) > 0
    return MatchingLoss(
        cross_entropy=(entropy * is_counted).sum() / count,
        own_frame=own_frame,
        accuracy=(is_right & is_counted).sum() / count,
    )


def bilinear_target(
    truth: Correspondence, grid: tuple[int, int], patch_size: int
) -> Float[Tensor, 'B S T N hw']:
    """Return weights of the four patches around the place where a pixel is seen.

    Args:
        truth: Of pixels in the middle of patches, see `patch_centers`.
        grid: Rows and columns of patches.
        patch_size: Pixels.
    """
    rows, columns = grid
    place = (truth.uv - patch_size // 2) / patch_size
    x, y = place[..., 0].clamp(0, columns - 1), place[..., 1].clamp(0, rows - 1)
    weight_x = _hat(x, columns)
    weight_y = _hat(y, rows)
    return (weight_y[..., :, None] * weight_x[..., None, :]).flatten(-2)


def _hat(place: Float[Tensor, '*n'], size: int) -> Float[Tensor, '*n size']:
    """Return linear interpolation weights of whole positions 0..size-1."""
    positions = torch.arange(size, device=place.device, dtype=place.dtype)
    return (1 - (place[..., None] - positions).abs()).clamp(min=0)


def _staying(scores: Tensor, num_frames: int, special: int) -> Float[Tensor, '']:
    attention = torch.unflatten(scores.softmax(dim=-1), 3, (num_frames, -1)).sum(-1)
    by_frame = torch.unflatten(attention, 2, (num_frames, -1))[:, :, :, special:]
    own = torch.diagonal(by_frame, dim1=2, dim2=4)
    return -torch.log1p(-own.clamp(max=1 - _SMALL)).mean()
