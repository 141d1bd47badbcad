"""Lengths and directions of vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def vector_norm(
    data: ArrayLike, axis: int | None = None, out: np.ndarray | None = None
) -> float | np.ndarray | None:
    """Return the Euclidean length of vectors.

    Args:
        data: One vector, or vectors along `axis` of an array.
        axis: The axis of the vectors' components; None for all of them.
        out: Receives the lengths; the function then returns None.

    Returns:
        A float for a single vector, otherwise an array of at least one dimension.
    """
    vectors = np.asarray(data, dtype=np.float64)
    if out is not None:
        np.sqrt(np.sum(np.square(vectors), axis=axis), out=out)
        return None
    lengths = np.sqrt(np.sum(np.square(vectors), axis=axis))
    return float(lengths) if vectors.ndim == 1 else np.atleast_1d(lengths)


def unit_vector(
    data: ArrayLike, axis: int | None = None, out: np.ndarray | None = None
) -> np.ndarray | None:
    """Return vectors scaled to length 1; NaNs for a vector of length 0.

    Args:
        data: One vector, or vectors along `axis` of an array.
        axis: The axis of the vectors' components; None for all of them.
        out: Receives the result; the function then returns None.
    """
    vectors = np.asarray(data, dtype=np.float64)
    units = vectors / np.sqrt(np.sum(np.square(vectors), axis=axis, keepdims=True))
    if out is None:
        return units
    out[...] = units
    return None


def random_vector(size: int | tuple[int, ...]) -> np.ndarray:
    """Return an array of this size of random numbers in [0, 1)."""
    return np.random.random(size)  # noqa: NPY002 - follows numpy.random.seed, like the original
