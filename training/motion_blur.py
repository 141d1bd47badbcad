"""Blur of cameras that move while the shutter is open."""

from __future__ import annotations

from jaxtyping import Float, Float32
import numpy as np
import torch
from torch import Tensor

_RADIUS_PX = 3
_POINTS = 31  # along the way, for each kernel


def smeared(
    images: Float32[Tensor, 'B S 3 H W'], motion_px: Float[np.ndarray, 'B S 2']
) -> Float32[Tensor, 'B S 3 H W']:
    """Average pictures over a straight way.

    Args:
        images: RGB.
        motion_px: From one end of the way to the other, at most 6 pixels along each axis; windows
            whose motions are all 0 stay as they are.
    """
    chosen = torch.from_numpy(np.flatnonzero((motion_px != 0.0).any(axis=(1, 2))))
    if not len(chosen):
        return images
    some = images[chosen]
    kernel = torch.from_numpy(line_kernels(motion_px[chosen.numpy()].reshape(-1, 2)))
    kernel = kernel[:, None].repeat_interleave(3, dim=0).to(images.device)
    flat = torch.nn.functional.pad(some.flatten(0, 2)[None], (_RADIUS_PX,) * 4, mode='replicate')
    flat = torch.nn.functional.conv2d(flat, kernel, groups=len(kernel))
    return images.index_copy(0, chosen.to(images.device), flat.view_as(some))


def line_kernels(motion_px: Float[np.ndarray, 'n 2']) -> Float32[np.ndarray, 'n 7 7']:
    """Return the weights of the pixels that straight ways cross, bilinear, summing to 1."""
    along = np.linspace(-0.5, 0.5, _POINTS)
    at = motion_px[:, None] * along[None, :, None]
    offset = np.arange(-_RADIUS_PX, _RADIUS_PX + 1)
    weight = (1.0 - np.abs(at[..., None] - offset)).clip(0.0)
    kernels = np.einsum('npv,npu->nvu', weight[:, :, 1], weight[:, :, 0])
    return (kernels / kernels.sum(axis=(1, 2), keepdims=True)).astype(np.float32)
