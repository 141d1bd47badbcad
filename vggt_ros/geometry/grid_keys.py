"""Grid keys: the three indices of a cell as one 63-bit integer, ordered by x, then y, then z."""

from __future__ import annotations

from jaxtyping import Int64, Integer
import numpy as np

_BITS = 21
# Indices are -HALF to HALF - 1.
HALF = 1 << (_BITS - 1)


def keys_of(
    x: Integer[np.ndarray, ' n'], y: Integer[np.ndarray, ' n'], z: Integer[np.ndarray, ' n']
) -> Int64[np.ndarray, ' n']:
    """Return the keys of cells, not negative; they increase with z, next with y, next with x.

    Args:
        x: (n,) indices, -HALF to HALF - 1; outside, the keys are of other cells.
        y: As x.
        z: As x.
    """
    i, j, k = (each.astype(np.int64, copy=False) + HALF for each in (x, y, z))
    return (i << 2 * _BITS) | (j << _BITS) | k


def indices_of(keys: Int64[np.ndarray, ' n']) -> Int64[np.ndarray, 'n 3']:
    """Return the indices x, y, z of the cells that have these keys."""
    mask = (1 << _BITS) - 1
    return np.stack([keys >> 2 * _BITS, (keys >> _BITS) & mask, keys & mask], axis=1) - HALF
