"""Stand-in weights for golden files: a deterministic function of an entry's name and shape.

Golden files hold no weights. Whoever made one and whoever checks it fill every entry of the state
dict by the rule below, so a wrong name shows as wrong numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
import math
import os
import zlib

import numpy as np

_TOKENS = {
    'cls_token', 'register_tokens', 'mask_token', 'pos_embed', 'camera_token', 'register_token',
    'query_ref_token', 'virual_tracks', 'empty_pose_tokens',
}  # fmt: skip


def golden_weight(name: str, shape: Iterable[int], seed: int = 0) -> np.ndarray:
    """Return the float32 weight of a state-dict entry."""
    shape = tuple(shape)
    random = np.random.RandomState((zlib.crc32(name.encode()) + seed) % 2**32)
    x = random.standard_normal(shape).astype(np.float32)
    leaf = name.split('.')[-1]
    if leaf in _TOKENS:
        return np.float32(0.5) * x
    if leaf == 'gamma':
        return np.float32(0.1) + np.float32(0.02) * x
    if len(shape) > 1:
        return _matrix(name, x)
    if leaf == 'weight':
        return np.float32(1) + np.float32(0.1) * x
    x = np.float32(0.02) * x
    if name.endswith('pose_branch.fc2.bias'):
        x[6:] += np.float32(0.25)  # keeps quaternion and fields of view away from zero
    return x


def golden_weights(
    entries: Iterable[tuple[str, Iterable[int]]], seed: int = 0
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the weights of many entries in order, made on all cores."""
    entries = [(name, tuple(shape)) for name, shape in entries]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        weights = pool.map(lambda entry: golden_weight(*entry, seed), entries)
        for (name, _), weight in zip(entries, weights, strict=True):
            yield name, weight


def _matrix(name: str, x: np.ndarray) -> np.ndarray:
    is_transposed = name.endswith(('resize_layers.0.weight', 'resize_layers.1.weight'))
    num_inputs = x.shape[0] if is_transposed else math.prod(x.shape[1:])
    x = x / np.sqrt(np.float32(num_inputs))
    if name.endswith('pose_branch.fc2.weight'):
        x *= np.float32(0.25)
        x[7:9] *= np.float32(0.4)
    elif name.endswith('updateformer.flow_head.weight'):
        x[:2] *= np.float32(0.3)
    elif name.endswith('updateformer.input_transform.weight'):
        x[:, : (x.shape[1] - 4) // 3] *= np.float32(0.002)  # the columns of the flow embedding
    return x
