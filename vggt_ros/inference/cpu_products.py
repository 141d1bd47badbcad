"""CPU products: the choice of the library that multiplies float32 matrices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import time
from typing import Any

import torch
from torch import Tensor

from vggt_ros.model.config import AggregatorConfig

# float32 itself is off by less than 1e-6 here, bfloat16 by 4e-3.
_MAX_ERROR = 1e-5
_MIN_GAIN = 1.2
_ROUNDS = 5


class CpuProducts:
    """Lets oneDNN multiply where that is faster and as exact as PyTorch's default.

    PyTorch multiplies float32 matrices with MKL, and with oneDNN only for those who would accept
    bfloat16. Processors without matrix units for bfloat16 give float32 all the same, and on those
    of AMD oneDNN is up to twice as fast as MKL. Both are tried once with matrices of the network's
    shape; where a processor does round to bfloat16, the default stays.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype, config: AggregatorConfig) -> None:
        """Try both, if the network multiplies float32 matrices on the CPU at all.

        Args:
            device: Where it runs.
            dtype: What its backbone multiplies.
            config: The shape of its backbone.
        """
        is_asked = device.type == 'cpu' and dtype == torch.float32
        self.uses_onednn = (
            is_asked
            and hasattr(torch.backends.mkldnn, 'matmul')
            and self._is_exact_and_faster(config)
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Multiply the way that was chosen, for a `with` statement around a run."""
        if not self.uses_onednn:
            yield
            return
        with _onednn():
            yield

    def _is_exact_and_faster(self, config: AggregatorConfig) -> bool:
        num_tokens, num_channels = (config.img_size // config.patch_size) ** 2, config.embed_dim
        rng = torch.Generator().manual_seed(0)
        tokens = torch.rand(num_tokens, num_channels, generator=rng)
        matrix = torch.rand(4 * num_channels, num_channels, generator=rng)
        expected = tokens.double() @ matrix.double().T
        default_s, onednn_s = [], []
        with torch.inference_mode():
            for _ in range(_ROUNDS):
                default_s.append(_product_s(tokens, matrix))
                with _onednn():
                    onednn_s.append(_product_s(tokens, matrix))
            with _onednn():
                product = torch.nn.functional.linear(tokens, matrix)
        error = float((product - expected).abs().max() / expected.abs().max())
        return error < _MAX_ERROR and min(default_s) > _MIN_GAIN * min(onednn_s)


@contextmanager
def _onednn() -> Iterator[None]:
    setting: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = setting.fp32_precision
    setting.fp32_precision = 'bf16'
    try:
        yield
    finally:
        setting.fp32_precision = before


def _product_s(tokens: Tensor, matrix: Tensor) -> float:
    start_s = time.perf_counter()
    torch.nn.functional.linear(tokens, matrix)
    return time.perf_counter() - start_s
