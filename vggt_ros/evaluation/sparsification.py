"""Sparsification: the error that is left when the least confident pixels are removed first."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError

_NUM_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sparsification:
    """Mean errors over the share of the pixels that are left out.

    The curve of Ilg et al., "Uncertainty estimates and multi-hypotheses networks for optical
    flow", ECCV 2018, section 4.2. Errors are divided by the mean over all pixels, so that
    every curve begins at 1.

    Attributes:
        removed: (n,) share of the pixels that are left out, from 0 to just below 1.
        by_confidence: (n,) mean error of the rest if the least confident go first.
        by_error: (n,) the same if the worst go first: no confidence does better.
    """

    removed: Float[np.ndarray, ' n']
    by_confidence: Float[np.ndarray, ' n']
    by_error: Float[np.ndarray, ' n']

    @property
    def ause(self) -> float:
        """Area between both curves: 0 for a perfect rank; a rank by chance has 1 - oracle's."""
        return float((self.by_confidence - self.by_error).mean())


def sparsification(
    errors: Float[np.ndarray, ' n'], confidence: Float[np.ndarray, ' n']
) -> Sparsification:
    """Return what is left of errors as ever more of the least confident are left out.

    Args:
        errors: (n,) at least 0.
        confidence: (n,) any scale; only the order counts. Equals keep no order of their own.

    Raises:
        AlignmentError: There are no errors, all are 0, or a number is not finite.
    """
    if not len(errors) or not (np.isfinite(errors).all() and np.isfinite(confidence).all()):
        raise AlignmentError(
            f'{len(errors)} errors cannot be ranked: give at least one, and only finite numbers'
        )
    mean = float(errors.mean())
    if mean <= 0:
        raise AlignmentError('errors that are all 0 have no rank; there is nothing to measure')
    removed = np.arange(_NUM_STEPS) / _NUM_STEPS
    return Sparsification(
        removed=removed,
        by_confidence=_mean_of_rest(_leveled(errors, confidence), removed) / mean,
        by_error=_mean_of_rest(np.sort(errors)[::-1], removed) / mean,
    )


def _leveled(
    errors: Float[np.ndarray, ' n'], confidence: Float[np.ndarray, ' n']
) -> Float[np.ndarray, ' n']:
    """Return errors, the least confident first; equally confident ones get their mean."""
    _, group, size = np.unique(confidence, return_inverse=True, return_counts=True)
    mean = np.bincount(group, errors) / size
    return np.repeat(mean, size)


def _mean_of_rest(
    errors: Float[np.ndarray, ' n'], removed: Float[np.ndarray, ' steps']
) -> Float[np.ndarray, ' steps']:
    """Return the means of what is left of errors after shares from the front are removed."""
    left = len(errors) - (removed * len(errors)).astype(int)
    return np.cumsum(errors[::-1])[left - 1] / left
