"""Matches: features of two images that look alike, and like nothing else."""

from __future__ import annotations

from jaxtyping import Float32, Int
import numpy as np

from vggt_ros.mapping.refinement.features import Features

# Lowe's test: the second best must be so much farther away.
_MAX_RATIO = 0.8


def match_features(a: Features, b: Features) -> Int[np.ndarray, 'm 2']:
    """Return pairs of rows of features that are each other's nearest, clearly.

    One matrix product gives all distances; the ratio test (Lowe 2004, section 7.1) is made in
    both directions.

    Args:
        a: Of one image.
        b: Of another one.
    """
    if len(a) < 2 or len(b) < 2:
        return np.zeros((0, 2), np.int64)
    cosines = a.descriptors @ b.descriptors.T
    rows, columns = np.arange(len(a)), np.arange(len(b))
    forward, backward = cosines.argmax(axis=1), cosines.argmax(axis=0)
    best, best_b = cosines[rows, forward], cosines[backward, columns]
    is_mutual = backward[forward] == rows
    cosines[rows, forward] = -1.0
    second = cosines.max(axis=1)
    cosines[rows, forward] = best
    cosines[backward, columns] = -1.0
    second_b = cosines.max(axis=0)
    keep = rows[is_mutual & _is_clear(best, second) & _is_clear(best_b, second_b)[forward]]
    return np.stack([keep, forward[keep]], axis=1)


def _is_clear(best: Float32[np.ndarray, ' n'], second: Float32[np.ndarray, ' n']) -> np.ndarray:
    # Of unit vectors: squared distance = 2 - 2 cosine.
    return np.maximum(1.0 - best, 0.0) < _MAX_RATIO**2 * (1.0 - second)
