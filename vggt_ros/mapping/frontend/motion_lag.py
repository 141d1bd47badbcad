"""Motion lag: which images of two cameras on one rig are of one moment, by how they move.

Whatever turns or shakes a rig moves the images of all its cameras, each in a direction of its
own. Two series of image shifts therefore explain each other best where the same moments meet.
"""

from __future__ import annotations

from statistics import NormalDist

from jaxtyping import Bool, Float
import numpy as np

# Shifts below this, of 80 columns, are noise; so many of them must be above it.
_MOVED_PX = 0.25
_LEAST_MOVED = 0.3
# Steps without which nothing is said.
_LEAST_STEPS = 60
# Log likelihood against chance, in nats. Chance gives 10 at the most. Of smooth paths the
# neighbors of a lag explain much, too: then none can be told.
_LEAST_EVIDENCE = 40.0
_MAX_SECOND = 0.5
# What two directions against two explain of chance alone.
_CHANCE_EVIDENCE = 2.0
_MAX_CORRELATION = 0.999
# Of a column of normal scores that is all but constant.
_LEAST_SIZE = 1e-6
_NORMAL = NormalDist()

Shifts = Float[np.ndarray, 'N 2']


def motion_lag(first: Shifts, second: Shifts, max_lag: int) -> int | None:
    """Return by how many steps the second series is behind the first.

    Args:
        first: (N, 2) image shifts of one camera, a step each, pixels of 80 columns; NaN where a
            step is not known.
        second: (N, 2) those of another camera, which may look anywhere.
        max_lag: Largest lag that is looked for, either way, steps.

    Returns:
        L such that step i of the first is step i + L of the second; None if the motion does not
        tell: too little of it, too even or periodic, or not common to both.
    """
    if not _has_moved(first) or not _has_moved(second):
        return None
    evidence = lag_evidence(first, second, max_lag)
    second_best, best = np.argsort(evidence)[-2:]
    if evidence[best] < max(_LEAST_EVIDENCE, evidence[second_best] / _MAX_SECOND):
        return None
    return int(best) - max_lag


def lag_evidence(first: Shifts, second: Shifts, max_lag: int) -> Float[np.ndarray, ' lags']:
    """Return how much better than chance the series explain each other at every lag.

    The mutual information of two Gaussian vectors, by canonical correlation; ranks take the place
    of values, and what the step before foretells is left out, as it would make neighbors alike.

    Args:
        first: As in `motion_lag`.
        second: As in `motion_lag`.
        max_lag: As in `motion_lag`.

    Returns:
        (2 * max_lag + 1,) nats, from -max_lag to max_lag.
    """
    a, b = _news(first), _news(second)
    found = []
    for lag in range(-max_lag, max_lag + 1):
        a_part = a[max(0, -lag) : len(a) - max(0, lag)]
        b_part = b[max(0, lag) : len(b) - max(0, -lag)]
        found.append(_information(a_part, b_part))
    return np.array(found)


def _has_moved(shifts: Shifts) -> bool:
    lengths = np.linalg.norm(shifts[_known(shifts)], axis=1)
    return len(lengths) >= _LEAST_STEPS and bool((lengths > _MOVED_PX).mean() >= _LEAST_MOVED)


def _news(shifts: Shifts) -> Float[np.ndarray, 'M 2']:
    """Return what each step has that the one before does not foretell, as normal scores."""
    scores = np.stack([_normal_scores(column) for column in shifts.T])
    before, after = scores[:, :-1], scores[:, 1:]
    is_pair = ~np.isnan(before * after)
    products = np.where(is_pair, before * after, 0.0).sum(axis=1)
    squares = np.where(is_pair, before**2, 0.0).sum(axis=1)
    memory = np.clip(products / np.maximum(squares, 1e-12), 0.0, 1.0)
    return np.stack([_normal_scores(row) for row in after - memory[:, None] * before], axis=1)


def _normal_scores(values: Float[np.ndarray, ' n']) -> Float[np.ndarray, ' n']:
    """Replace values by what their ranks would be worth if they were normal; NaN stays.

    Values that are equal get what their ranks are worth in the mean: the order that they come in
    must not count.
    """
    scores = np.full(len(values), np.nan)
    is_known = ~np.isnan(values)
    num = int(is_known.sum())
    worth = np.array([_NORMAL.inv_cdf((rank + 0.5) / num) for rank in range(num)])
    _, which, counts = np.unique(values[is_known], return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    sums = np.concatenate([[0.0], worth.cumsum()])
    scores[is_known] = ((sums[ends] - sums[ends - counts]) / counts)[which]
    return scores


def _information(a: Float[np.ndarray, 'n 2'], b: Float[np.ndarray, 'n 2']) -> float:
    both = _known(a) & _known(b)
    num = int(both.sum())
    if num < _LEAST_STEPS // 2:
        return 0.0
    bases = [_basis(each[both] - each[both].mean(axis=0)) for each in (a, b)]
    correlations = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
    correlations = np.clip(correlations, 0.0, _MAX_CORRELATION)
    return float(-0.5 * num * np.log1p(-(correlations**2)).sum()) - _CHANCE_EVIDENCE


def _basis(columns: Float[np.ndarray, 'n 2']) -> Float[np.ndarray, 'n rank']:
    """Return orthonormal directions of what two columns have; of a constant there is none."""
    directions, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    basis: Float[np.ndarray, 'n rank'] = directions[:, sizes > _LEAST_SIZE * len(columns)]
    return basis


def _known(shifts: Shifts) -> Bool[np.ndarray, ' N']:
    known: Bool[np.ndarray, ' N'] = ~np.isnan(shifts).any(axis=1)
    return known
