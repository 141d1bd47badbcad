"""Machine that a number was measured on."""

from __future__ import annotations

import os
from pathlib import Path
import platform
import re

import torch


def machine_name(device: torch.device) -> str:
    """Return the processor, or the GPU, with what else decides about speed."""
    build = f'PyTorch {torch.__version__}, Python {platform.python_version()}'
    if device.type == 'cuda':
        return f'{torch.cuda.get_device_name(device)}, {build}'
    cpu_info = Path('/proc/cpuinfo')
    models = re.findall(r'^model name\s*:\s*(.+)$', cpu_info.read_text(), re.MULTILINE)
    model = models[0] if models else platform.machine()
    return f'{model}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, {build}'
