"""Errors of tracks."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from vggt_ros.model.tracker import TrackOutput

_DECAY = 0.8
_HUBER_PX = 1.0
_SURE_PX = 3.0  # a track is to be confident if it is that near to the truth
_WEIGHT_VISIBILITY = 2.0
_EDGE = 1e-5


def track_loss(
    tracks: TrackOutput,
    true_positions: Float[Tensor, 'B S N 2'],
    is_visible: Bool[Tensor, 'B S N'],
) -> Float[Tensor, '']:
    """Return the error of all refinements of tracks, of their visibility and confidence.

    Wang et al., "VGGT", CVPR 2025, section 3.4, after Karaev et al., "CoTracker", ECCV 2024,
    equations 5 and 6: distances of all refinements with weights 0.8^(I - i), cross-entropy of the
    visibility. The confidence says whether the track is within a few pixels of the truth, as in
    Karaev et al., "CoTracker3", ICCV 2025, section 3.1. Hidden points have a position, too, but
    it cannot be seen: only visible ones count.

    Args:
        tracks: Of points of the first frame.
        true_positions: Pixels.
        is_visible: Whether the point can be seen.
    """
    counted = is_visible[:, 1:].float()
    count = counted.sum().clamp(min=1)
    total = true_positions.new_zeros(())
    for age, positions in enumerate(reversed(tracks.positions)):
        error = functional.smooth_l1_loss(
            positions[:, 1:], true_positions[:, 1:], beta=_HUBER_PX, reduction='none'
        ).sum(-1)
        total = total + _DECAY**age * (error * counted).sum() / count
    visibility = functional.binary_cross_entropy(
        tracks.visibility[:, 1:].clamp(_EDGE, 1 - _EDGE), counted
    )
    total = total + _WEIGHT_VISIBILITY * visibility
    if tracks.confidence is not None:
        distance = (tracks.positions[-1].detach() - true_positions).norm(dim=-1)[:, 1:]
        is_sure = (distance < _SURE_PX).float()
        entropy = functional.binary_cross_entropy(
            tracks.confidence[:, 1:].clamp(_EDGE, 1 - _EDGE), is_sure, reduction='none'
        )
        total = total + (entropy * counted).sum() / count
    return total
