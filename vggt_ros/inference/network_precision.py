"""Puts the parts of a network into the arithmetic they run in."""

from __future__ import annotations

import torch
from torch import nn

from vggt_ros.model.vggt import VGGT


def set_precision(
    network: VGGT, backbone: torch.dtype, dense: torch.dtype, device: torch.device
) -> None:
    """Store the backbone's matrices in their precision and tell the dense heads theirs.

    Autocast rounds matrices to its precision in every pass anyway: stored that way the numbers
    are the same, the rounding is done once and half the memory is enough. Norms, scales, learned
    tokens, and with them the sum that runs through all blocks, stay in float32, and so do the
    camera head and the tracker, which were trained in it.

    Args:
        network: Changed in place; its weights are in float32.
        backbone: What autocast is set to when the backbone runs.
        dense: For the depth and the point head.
        device: Where the network is going to run.
    """
    if backbone != torch.float32:
        for module in network.aggregator.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                module.to(backbone)
    for name in ('depth', 'points'):
        if name not in network.config.enabled_heads:
            continue
        head = network.depth_head if name == 'depth' else network.point_head
        head.precision = dense
        if dense != torch.float32 and device.type == 'cuda':
            # Half-precision convolutions are fastest with channels side by side.
            head.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
