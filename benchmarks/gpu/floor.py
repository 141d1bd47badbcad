"""The least time that a window can take on a device: its arithmetic and its memory traffic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import time

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a device does at best, measured on it.

    Attributes:
        flop_per_s: Of one large matrix product.
        byte_per_s: Read and written by one large copy.
    """

    flop_per_s: float
    byte_per_s: float

    def floor_s(self, flop: float, num_bytes: float) -> float:
        """Return the time below which nothing can be done, whichever bound is the higher."""
        return max(flop / self.flop_per_s, num_bytes / self.byte_per_s)


def measure(device: torch.device, dtype: torch.dtype, size: int) -> Device:
    """Return what a device does in one precision.

    Args:
        device: Which.
        dtype: Of the factors.
        size: Rows and columns of the matrices; copies are 8 of them.
    """
    a = torch.randn(size, size, device=device, dtype=dtype)
    b = torch.randn(8 * size, size, device=device, dtype=dtype)
    product_s = _least_s(lambda: a @ a, device)
    copy_s = _least_s(lambda: b.clone(), device)
    return Device(
        flop_per_s=2.0 * size**3 / product_s,
        byte_per_s=2.0 * b.numel() * b.element_size() / copy_s,
    )


def count_flop(run: Callable[[], object]) -> int:
    """Return multiplications and additions: of products, convolutions and attention."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def weight_bytes(network: torch.nn.Module) -> int:
    """Return the bytes of all weights: each is read once in a pass at least."""
    return sum(each.numel() * each.element_size() for each in network.parameters())


def synchronized_s(device: torch.device) -> float:
    """Return the time, by a monotonic clock, when the device has done all it was told."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _least_s(run: Callable[[], Tensor], device: torch.device) -> float:
    run()
    times = []
    for _ in range(_ROUNDS):
        start_s = synchronized_s(device)
        run()
        times.append(synchronized_s(device) - start_s)
    return min(times)
