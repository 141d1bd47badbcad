"""Errors of pose encodings."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
import torch
from torch import Tensor
from torch.nn import functional

from training.window_batch import WindowBatch
from vggt_ros.model.pose_encoding import encode_pose_encoding

# A walk turns the camera by a few degrees and moves it by a few percent of the distance of what
# it sees, while fields of view differ by tens of degrees: alike weights would leave the motion to
# chance.
_WEIGHT_TRANSLATION, _WEIGHT_ROTATION, _WEIGHT_FIELD_OF_VIEW = 5.0, 5.0, 1.0
_HUBER = 0.01  # below a degree: smaller errors of a rotation hardly pull any more
_DECAY = 0.6  # weight of a refinement relative to the next one


def camera_loss(
    pose_enc_list: Sequence[Float[Tensor, 'B S 9']], window: WindowBatch
) -> Float[Tensor, '']:
    """Return the Huber error of all refinements, the last one weighted most.

    Wang et al., "VGGT", CVPR 2025, section 3.4: L_camera = sum ||g_estimated - g_true||_Huber,
    here with a weight for each part of the encoding, over the refinements of the camera head with
    geometrically growing weight as in Teed and Deng, "RAFT", ECCV 2020, equation 7. The vector
    part of a quaternion counts twice, so that small rotations are measured in radians.

    Args:
        pose_enc_list: Encodings after every refinement, the best last.
        window: The truth.
    """
    K = window.K[:, None].expand(-1, window.depth.shape[1], -1, -1)
    true = encode_pose_encoding(window.cam_from_world[..., :3, :], K, window.image_size)
    total = true.new_zeros(())
    for age, estimated in enumerate(reversed(pose_enc_list)):
        translation = _huber(estimated[..., :3] - true[..., :3])
        rotation = _huber(2 * (estimated[..., 3:7] - true[..., 3:7]))
        field_of_view = _huber(estimated[..., 7:] - true[..., 7:])
        total = total + _DECAY**age * (
            _WEIGHT_TRANSLATION * translation
            + _WEIGHT_ROTATION * rotation
            + _WEIGHT_FIELD_OF_VIEW * field_of_view
        )
    return total


def _huber(difference: Float[Tensor, 'B S n']) -> Float[Tensor, '']:
    """Return the mean over frames of the summed Huber errors, in the unit of the difference."""
    zero = torch.zeros_like(difference)
    return (
        functional.smooth_l1_loss(difference, zero, beta=_HUBER, reduction='none').sum(-1).mean()
    )
