"""Untrained weights of a network: the same numbers in every run."""

from __future__ import annotations

import math
import zlib

from jaxtyping import Float
import numpy as np
import torch
from torch import Tensor

from vggt_ros.model.vggt import VGGT

_SEED = 20260
_FIELD_OF_VIEW_DEG = 45.0, 57.0  # vertical, horizontal: a webcam
_LAYER_SCALE = 0.1
_TOKEN_STD = 0.02
# Factors that keep the answers near the biases below instead of wild.
_DAMPING = {
    'camera_head.pose_branch.fc2.weight': 0.02,
    'depth_head.scratch.output_conv2.2.weight': 0.1,
    'point_head.scratch.output_conv2.2.weight': 0.1,
    'track_head.tracker.updateformer.flow_head.weight': 0.01,
}


def fill_untrained(network: VGGT) -> None:
    """Give every parameter of a network on any device, meta included, a reproducible value.

    Each parameter has a random stream of its own, seeded with its name, so that the numbers do
    not depend on the order or on the version of PyTorch. The biases of the heads make a plain
    answer: cameras at the origin that look ahead with 45 and 57 degrees field of view, depth 1.
    """
    biases = _answer_biases(network)
    values = {
        name: biases.get(name, _initial_value(name, tuple(parameter.shape)))
        for name, parameter in network.named_parameters()
    }
    network.load_state_dict(values, strict=True, assign=True)


def _initial_value(name: str, shape: tuple[int, ...]) -> Float[Tensor, '*shape']:
    leaf = name.rsplit('.', 1)[-1]
    if leaf == 'gamma':
        return torch.full(shape, _LAYER_SCALE)
    if leaf.endswith('bias'):
        return torch.zeros(shape)
    if len(shape) == 1:
        return torch.ones(shape)
    generator = np.random.default_rng([_SEED, zlib.crc32(name.encode())])
    normal = torch.from_numpy(generator.standard_normal(shape, dtype=np.float32))
    if not leaf.endswith('weight'):
        return normal * _TOKEN_STD
    is_transposed = '.resize_layers.0.' in name or '.resize_layers.1.' in name
    fan_in = shape[0] if is_transposed else math.prod(shape[1:])
    return normal * (_DAMPING.get(name, 1.0) / math.sqrt(fan_in))


def _answer_biases(network: VGGT) -> dict[str, Float[Tensor, ' n']]:
    # The pose is the sum of what every refinement adds.
    pose = torch.tensor([0, 0, 0, 0, 0, 0, 1, *(math.radians(d) for d in _FIELD_OF_VIEW_DEG)])
    # The point head's coordinates are sign(x) (exp(|x|) - 1): this is (0, 0, 1).
    point = torch.tensor([0, 0, math.log(2.0), 0])
    return {
        'camera_head.pose_branch.fc2.bias': pose / network.config.camera_head.iterations,
        'point_head.scratch.output_conv2.2.bias': point,
    }
