"""The blocks of a network, compiled once for all sizes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
import logging
import time

import torch
from torch import nn

from vggt_ros.model.block import Block

_log = logging.getLogger(__name__)


class CompiledBlocks:
    """Runs the transformer blocks of a network through `torch.compile`.

    All blocks share the code of `Block`, so that a handful of graphs serves a network of any
    depth, and sizes stay variable, so that it serves every window. What was not compiled during
    `warm_up` runs eagerly: no window ever waits for a compiler.
    """

    def __init__(self, network: nn.Module) -> None:
        """Mark the blocks; nothing is compiled before `warm_up`."""
        self._blocks = [module for module in network.modules() if isinstance(module, Block)]
        self._is_ready = False

    @property
    def is_ready(self) -> bool:
        """Whether compiled code is there."""
        return self._is_ready

    def warm_up(self, run: Callable[[], object]) -> None:
        """Compile what `run` needs; if that fails, say why and go on eagerly.

        Args:
            run: Runs the network as it will be run.
        """
        if not hasattr(torch.compiler, 'set_stance'):
            _log.warning(
                'model.compile is not used: PyTorch %s cannot keep a window from waiting for '
                'the compiler; 2.6 and later can',
                torch.__version__,
            )
            return
        start_s = time.monotonic()
        try:
            for block in self._blocks:
                block.compile(dynamic=True)
            run()
        except Exception as error:  # noqa: BLE001 - compilers fail in many ways, none is fatal
            self._blocks_run_eagerly()
            reason = str(error).strip().splitlines() or [type(error).__name__]
            _log.warning(
                'model.compile is not used, the network runs as it is: %s; PyTorch needs a C++ '
                'compiler on the CPU and Triton on a GPU',
                reason[0],
            )
            _log.debug('the compiler failed', exc_info=True)
            return
        self._is_ready = True
        _log.info('compiled the network in %.0f s', time.monotonic() - start_s)

    def running(self) -> AbstractContextManager[object]:
        """Keep the compiler from starting, for a `with` statement around a run."""
        if not self._is_ready:
            return nullcontext()
        return torch.compiler.set_stance('eager_on_recompile')

    def _blocks_run_eagerly(self) -> None:
        for block in self._blocks:
            block._compiled_call_impl = None  # what nn.Module.compile set; it has no way back
