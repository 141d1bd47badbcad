"""Errors of dense maps that come with a confidence."""

from __future__ import annotations

from jaxtyping import Float
import torch
from torch import Tensor

_ALPHA = 0.2
# Of the error that no confidence weighs: where the network is unsure, at small things and
# outlines, confidence alone would leave it unsure for ever.
_PLAIN = 0.5
_NUM_SCALES = 3
_MIN_DEPTH = 1e-3
_MAX_CONF = 100.0


def depth_loss(
    depth: Float[Tensor, 'N H W'], conf: Float[Tensor, 'N H W'], true_depth: Float[Tensor, 'N H W']
) -> Float[Tensor, '']:
    """Return the confidence-weighted error of depth and of its gradient.

    Wang et al., "VGGT", CVPR 2025, section 3.4: conf * |error| + conf * |gradient of the error|
    - alpha * log(conf), the confidence as in Kendall and Cipolla, "Geometric Loss Functions for
    Camera Pose Regression with Deep Learning", CVPR 2017, alpha as in Wang et al., "DUSt3R", CVPR
    2024. Half of it is added without confidence. Errors here are of the logarithm: far and near
    depth weigh alike, as in the relative errors that networks are compared by.

    Args:
        depth: Estimated, positive.
        conf: At least 1.
        true_depth: Positive.
    """
    error = depth.clamp(min=_MIN_DEPTH).log() - true_depth.clamp(min=_MIN_DEPTH).log()
    weighted = _weighted(error[..., None], conf)
    return weighted + _PLAIN * _weighted(error[..., None], torch.ones_like(conf))


def points_loss(
    points: Float[Tensor, 'N H W 3'],
    conf: Float[Tensor, 'N H W'],
    true_points: Float[Tensor, 'N H W 3'],
    true_depth: Float[Tensor, 'N H W'],
) -> Float[Tensor, '']:
    """Return the confidence-weighted error of points and of its gradient, relative to depth.

    Args:
        points: Estimated, in the world.
        conf: At least 1.
        true_points: In the world.
        true_depth: Of the same pixels along their own camera's axis, positive.
    """
    error = (points - true_points) / true_depth.clamp(min=_MIN_DEPTH)[..., None]
    return _weighted(error, conf)


def _weighted(error: Float[Tensor, 'N H W V'], conf: Float[Tensor, 'N H W']) -> Float[Tensor, '']:
    conf = conf.clamp(max=_MAX_CONF)
    total = (conf * _length(error) - _ALPHA * conf.log()).mean()
    # Gradients at several distances: Li and Snavely, "MegaDepth", CVPR 2018, equation 5.
    for scale in range(_NUM_SCALES):
        step = 2**scale
        rows, columns = error[:, ::step, ::step], conf[:, ::step, ::step]
        total = (
            total
            + (_gradient(rows, columns, dim=1) + _gradient(rows, columns, dim=2)) / _NUM_SCALES
        )
    return total


def _gradient(
    error: Float[Tensor, 'N h w V'], conf: Float[Tensor, 'N h w'], *, dim: int
) -> Float[Tensor, '']:
    size = error.shape[dim] - 1
    difference = error.narrow(dim, 1, size) - error.narrow(dim, 0, size)
    return (conf.narrow(dim, 0, size) * _length(difference)).mean()


def _length(error: Float[Tensor, '*n V']) -> Float[Tensor, '*n']:
    return (
        error.abs().squeeze(-1)
        if error.shape[-1] == 1
        else (error.square().sum(-1) + 1e-12).sqrt()
    )
