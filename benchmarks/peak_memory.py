"""The most memory that something took."""

from __future__ import annotations

import contextlib
from pathlib import Path
import re

import torch

_STATUS = Path('/proc/self/status')
_CLEAR_REFS = Path('/proc/self/clear_refs')
_CLEAR_PEAK = '5'  # proc(5): resets the peak of the resident set


class PeakMemory:
    """Peak of a device's memory since the last `reset`: of tensors on a GPU, else resident."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def reset(self) -> None:
        """Start again from what is in use now."""
        if self._device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats(self._device)
            return
        with contextlib.suppress(OSError):  # without the right to reset, peaks only grow
            _CLEAR_REFS.write_text(_CLEAR_PEAK)

    def gb(self) -> float:
        """Return the peak in units of 1e9 bytes."""
        if self._device.type == 'cuda':
            return torch.cuda.max_memory_allocated(self._device) / 1e9
        (kilobytes,) = re.findall(r'^VmHWM:\s+(\d+) kB$', _STATUS.read_text(), re.MULTILINE)
        return int(kilobytes) * 1024 / 1e9
