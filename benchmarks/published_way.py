"""The plain forward pass, done as the published code does it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

from torch import Tensor

from vggt_ros.inference.cpu_products import CpuProducts
from vggt_ros.model.aggregator import Aggregator
from vggt_ros.model.constant_cache import ConstantCache


@contextmanager
def as_published(*, default_products: bool = True) -> Iterator[None]:
    """Multiply as PyTorch does, keep nothing from pass to pass, but every layer within one.

    The published code builds rotary tables, resized position tables and the grids of the dense
    heads in every pass, and puts the outputs of all pairs of blocks side by side though the heads
    read four; on the CPU it takes PyTorch's default products. What else it does (all frames
    through the encoder and all heads) is asked for by whoever runs it.

    Args:
        default_products: False to multiply as the streaming way does.
    """
    aggregate = Aggregator.aggregate
    running = nullcontext if default_products else CpuProducts.running

    def keep_all(
        self: Aggregator,
        patch_tokens: Tensor,
        grid: tuple[int, int],
        layers: Iterable[int] | None = None,
    ) -> dict[int, Tensor]:
        return aggregate(self, patch_tokens, grid, range(self.config.depth))

    def make_anew(self: ConstantCache[Any], key: Hashable, make: Callable[[], Any]) -> Any:
        return make()

    with (
        patch.object(CpuProducts, 'running', running),
        patch.object(Aggregator, 'aggregate', keep_all),
        patch.object(ConstantCache, 'get', make_anew),
    ):
        yield
