"""Heads run in a precision of their own, whatever the backbone runs in."""

from __future__ import annotations

import torch
from torch import Tensor


def full_precision(tokens: Tensor) -> torch.autocast:
    """Switch autocast off on the device of `tokens`, for a `with` statement."""
    return torch.autocast(tokens.device.type, enabled=False)


def arithmetic(tokens: Tensor, dtype: torch.dtype) -> torch.autocast:
    """Multiply in `dtype` on the device of `tokens`, for a `with` statement."""
    return torch.autocast(tokens.device.type, dtype, enabled=dtype != torch.float32)
