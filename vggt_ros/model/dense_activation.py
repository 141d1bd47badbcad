"""Raw maps of the dense heads to depth, points and confidence."""

from __future__ import annotations

from jaxtyping import Float
import torch
from torch import Tensor


def depth_from_raw(raw: Float[Tensor, '*n']) -> Float[Tensor, '*n']:
    """Return exp(x): positive, in the network's unit of length."""
    return raw.exp()


def points_from_raw(raw: Float[Tensor, '*n']) -> Float[Tensor, '*n']:
    """Return sign(x) (exp(|x|) - 1): any sign, fine steps near zero, wide range."""
    return raw.sign() * torch.expm1(raw.abs())


def confidence_from_raw(raw: Float[Tensor, '*n']) -> Float[Tensor, '*n']:
    """Return 1 + exp(x): at least 1, unbounded."""
    return 1 + raw.exp()
