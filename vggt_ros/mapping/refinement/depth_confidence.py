"""Depth confidence: ranks depths by their agreement with points and images; at least 1."""

from __future__ import annotations

from jaxtyping import Float32, Int64
import numpy as np

# What the best likeness, and what a point right there, is worth in agreeing frames. Anything
# from 1 to 6 ranks errors about equally well.
_AGREEING_FRAMES = 3.0


def swept_confidence(
    agreeing: Int64[np.ndarray, 'H W'],
    score: Float32[np.ndarray, 'H W'],
    support: Float32[np.ndarray, 'H W'],
) -> Float32[np.ndarray, 'H W']:
    """Return a rank, at least 1 like the network's: the higher, the smaller the error is.

    Args:
        agreeing: (H, W) other frames whose own depth says the same.
        score: (H, W) how alike the frames look at this depth, about -1 to 1.
        support: (H, W) how far points vouch for the pixel, 0..1.
    """
    evidence = np.maximum(score, 0.0) + support
    confidence = 1.0 + agreeing + _AGREEING_FRAMES * evidence
    return np.asarray(confidence, dtype=np.float32)


def corrected_confidence(
    confidence: Float32[np.ndarray, 'H W'], support: Float32[np.ndarray, 'H W']
) -> Float32[np.ndarray, 'H W']:
    """Return a rank, at least 1, for the network's depth bent to points by a field.

    Args:
        confidence: (H, W) of the network, at least 1.
        support: (H, W) how far points vouch for the pixel, 0..1.
    """
    return confidence * (np.float32(1.0) + np.float32(_AGREEING_FRAMES) * support)
