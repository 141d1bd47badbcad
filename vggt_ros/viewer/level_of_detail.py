"""Level of detail: a coarse part of a cloud, the rest, and who of all clouds gets its rest."""

from __future__ import annotations

from jaxtyping import Bool, Float, Float32, Int64
import numpy as np
from scipy.spatial import cKDTree

# Edge of the cells of which the coarse part has one point, in distances between points: about a
# ninth of the points of a surface.
_CELLS = 3.0
_SAMPLE = 500
# A part of fewer points is not worth an object of its own.
_MIN_DIVIDED = 4_000


def spacing(points: Float32[np.ndarray, 'N 3']) -> float:
    """Return the median distance of a point to its nearest neighbor; 0 for fewer than two."""
    if len(points) < 2:
        return 0.0
    sample = points[np.linspace(0, len(points) - 1, min(_SAMPLE, len(points))).astype(int)]
    distance, _ = cKDTree(points).query(sample, k=2)
    return float(np.median(distance[:, 1]))


def coarse_first(
    points: Float32[np.ndarray, 'N 3'], distance: float
) -> tuple[Int64[np.ndarray, ' N'], int]:
    """Return an order of points in which a coarse cloud comes first, and how many that has.

    The coarse cloud has one point of every cell of a grid; it is everything where that would
    spare nothing.

    Args:
        points: (N, 3) the cloud.
        distance: Between its points, by `spacing`.
    """
    count = len(points)
    if count < _MIN_DIVIDED or distance == 0.0:
        return np.arange(count), count
    cells = np.floor((points - points.min(axis=0)) / (_CELLS * distance)).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    is_coarse = np.zeros(count, dtype=bool)
    is_coarse[first] = True
    return np.argsort(~is_coarse, kind='stable'), len(first)


def nearest_within(
    centers: Float[np.ndarray, 'n 3'],
    sizes: Int64[np.ndarray, ' n'],
    eyes: Float[np.ndarray, 'm 3'],
    budget: int,
) -> Bool[np.ndarray, ' n']:
    """Return which clouds are drawn in full: the nearest to an eye, until the budget is spent.

    Args:
        centers: (n, 3) of the clouds.
        sizes: (n,) points that each adds when it is drawn in full.
        eyes: (m, 3) those who look; without any, the last clouds come first.
        budget: Points in all.
    """
    if len(eyes):
        gaps = np.linalg.norm(centers[:, None] - eyes[None], axis=2).min(axis=1)
        order = np.argsort(gaps, kind='stable')
    else:
        order = np.arange(len(centers))[::-1]
    is_full = np.zeros(len(centers), dtype=bool)
    is_full[order] = np.cumsum(sizes[order]) <= budget
    return is_full
