"""Location and spread of numbers some of which are wrong."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.rotation import mean_rotation, rotation_angle

# Median absolute deviation to standard deviation for normally distributed numbers.
SIGMA_FROM_MAD = 1.4826
_MAX_ITERATIONS = 30
_CONVERGED = 1e-12


def median_and_sigma(values: Float[np.ndarray, ' n']) -> tuple[float, float]:
    """Return the median and the robust standard deviation (scaled median absolute deviation).

    Raises:
        AlignmentError: There are no values.
    """
    if values.size == 0:
        raise AlignmentError('the median of no values is not defined; give at least one')
    median = float(np.median(values))
    return median, SIGMA_FROM_MAD * float(np.median(np.abs(values - median)))


def huber_weights(residuals: Float[np.ndarray, ' n'], delta: float) -> Float[np.ndarray, ' n']:
    """Return the weights of Huber's estimator: 1 up to `delta`, delta / |residual| beyond.

    Args:
        residuals: (n,) distances from the estimate, any unit.
        delta: Largest residual that counts in full, the same unit, positive.
    """
    return delta / np.maximum(np.abs(residuals), delta)


def huber_mean(vectors: Float[np.ndarray, 'n d'], delta: float) -> Float[np.ndarray, ' d']:
    """Return the mean of vectors with Huber's weights on their distances from it.

    Args:
        vectors: (n, d), n >= 1.
        delta: Distance beyond which the pull of a vector no longer grows, positive.

    Raises:
        AlignmentError: There are no vectors.
    """
    if len(vectors) == 0:
        raise AlignmentError('the mean of no vectors is not defined; give at least one')
    mean = np.median(vectors, axis=0)
    for _ in range(_MAX_ITERATIONS):
        weights = huber_weights(np.linalg.norm(vectors - mean, axis=1), delta)
        previous, mean = mean, weights @ vectors / weights.sum()
        if np.linalg.norm(mean - previous) <= _CONVERGED * delta:
            break
    return np.asarray(mean)


def huber_mean_rotation(
    rotations: Float[np.ndarray, 'n 3 3'], delta_rad: float
) -> Float[np.ndarray, '3 3']:
    """Return the mean of rotations with Huber's weights on their angles from it.

    Starts from the rotation with the least sum of angles to the others, which one wrong
    rotation cannot move.

    Args:
        rotations: (n, 3, 3), n >= 1.
        delta_rad: Angle beyond which the pull of a rotation no longer grows, positive.

    Raises:
        AlignmentError: There are no rotations, or they cancel each other.
    """
    if len(rotations) == 0:
        raise AlignmentError('the mean of no rotations is not defined; give at least one')
    between = np.einsum('aji,bjk->abik', rotations, rotations)
    mean = rotations[int(np.argmin(rotation_angle(between).sum(axis=1)))]
    for _ in range(_MAX_ITERATIONS):
        weights = huber_weights(rotation_angle(mean.T @ rotations), delta_rad)
        previous, mean = mean, mean_rotation(rotations, weights)
        if float(rotation_angle(previous.T @ mean)) <= _CONVERGED:
            break
    return mean
