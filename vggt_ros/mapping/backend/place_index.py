"""Place index: which views of the past are of one place, by where a camera is and looks.

What a map keeps of a place must not grow with the number of visits: an old view among many of the
same place says what its neighbors say.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.mapping.backend.submap_graph import PlacedSubmap

# Edge of a cell, in usual depths of the scene: cameras of one cell see much the same.
CELL_PER_DEPTH = 0.5
# Submaps of a place that are kept: the oldest and the newest two.
_MOST_SUBMAPS = 3
# Stored views of a place that are kept: the oldest and the newest four.
_MOST_VIEWS = 5
# Submaps that loops and windows may still be about.
NUM_NEWEST = 24
_MOST_AT_A_TIME = 64
# A face of the cube of directions has so many sectors along either edge, each 45 degrees wide.
_SECTORS = 2
# A bound that is met is undercut by this part, so that it is not met again at once.
_SLACK = 8
# A map of cells a thousand times as large is hardly more than one.
_MAX_DOUBLINGS = 10


def places_of(map_from_cam: Float[np.ndarray, 'n 4 4'], cell: float) -> Int64[np.ndarray, ' n']:
    """Return the place of each camera, as numbers from 0.

    Args:
        map_from_cam: (n, 4, 4) poses, OpenCV axes.
        cell: Edge of a cell, map units, positive.
    """
    count = len(map_from_cam)
    if not count:
        return np.zeros(0, np.int64)
    cells = np.floor(map_from_cam[:, :3, 3] / cell)
    # The map need not be level: directions are told apart on a cube.
    forward = map_from_cam[:, :3, 2]
    axis = np.argmax(np.abs(forward), axis=1)
    rows = np.arange(count)
    along = forward[rows, axis]
    beside = np.stack([forward[rows, (axis + k) % 3] for k in (1, 2)], axis=1)
    beside /= np.abs(along)[:, None]  # -1..1
    sector = np.clip(np.floor((beside + 1.0) * (0.5 * _SECTORS)), 0, _SECTORS - 1)
    keys = np.column_stack([cells, axis, along > 0, sector])
    return np.asarray(np.unique(keys, axis=0, return_inverse=True)[1], np.int64).reshape(-1)


def crowded(places: Int64[np.ndarray, ' n'], most: int) -> Int64[np.ndarray, ' m']:
    """Return the rows, ascending, that are more than enough of their place.

    The oldest view of a place stays, for what else hangs on it, and the newest ones.

    Args:
        places: (n,) of views, oldest first.
        most: Views kept of a place, at least 1; if 1, the newest one.
    """
    order = np.argsort(places, kind='stable')
    _, first, counts = np.unique(places[order], return_index=True, return_counts=True)
    rank = np.arange(len(places)) - np.repeat(first, counts)
    num_old = min(1, most - 1)
    from_end = np.repeat(counts, counts) - rank
    is_crowded = (rank >= num_old) & (from_end > most - num_old)
    return np.sort(order[is_crowded])


def subsampled_rows(
    map_from_cam: Float[np.ndarray, 'n 4 4'], usual_depth: float, most: int
) -> Int64[np.ndarray, ' m']:
    """Return the rows, ascending, of views that stay when there are too many.

    Those of the most crowded places go; where there are more places than views may stay, places
    are taken larger, and in the end the views that stay are spread over time.

    Args:
        map_from_cam: (n, 4, 4) poses, oldest view first.
        usual_depth: How far away things are, map units; NaN if not known.
        most: Bound on n, at least 1; an eighth of it becomes free.
    """
    most = max(1, most - most // _SLACK)
    cell = CELL_PER_DEPTH * usual_depth if usual_depth > 0 else 1.0
    places = places_of(map_from_cam, cell)
    for _ in range(_MAX_DOUBLINGS):
        if places.max(initial=0) < most:
            break
        cell *= 2.0
        places = places_of(map_from_cam, cell)
    else:
        return np.unique(np.linspace(0, len(map_from_cam) - 1, most).round().astype(np.int64))
    counts = np.bincount(places)
    # The largest number that may stay of every place.
    kept = 1
    while kept < counts.max(initial=1) and np.minimum(counts, kept + 1).sum() <= most:
        kept += 1
    gone = crowded(places, kept)
    one_more = np.setdiff1d(gone, crowded(places, kept + 1))
    room = most - (len(map_from_cam) - len(gone))
    gone = np.setdiff1d(gone, one_more[max(0, len(one_more) - room) :])
    return np.setdiff1d(np.arange(len(map_from_cam)), gone)


def rows_of_each_place(
    map_from_cam: Float[np.ndarray, 'n 4 4'], usual_depth: float
) -> Int64[np.ndarray, ' m']:
    """Return the rows, ascending, of views that stay where places were visited often.

    Args:
        map_from_cam: (n, 4, 4) poses, oldest view first.
        usual_depth: How far away things are, map units; all stay if it is not positive.
    """
    every = np.arange(len(map_from_cam))
    if not usual_depth > 0:
        return every
    places = places_of(map_from_cam, CELL_PER_DEPTH * usual_depth)
    return np.setdiff1d(every, crowded(places, _MOST_VIEWS))


def surplus_submaps(
    submaps: Sequence[PlacedSubmap], usual_depth: float, in_use: AbstractSet[int] = frozenset()
) -> list[int]:
    """Return the ids of submaps that are more than enough of their place.

    Args:
        submaps: All of a map, oldest first; the newest ones are never among those returned.
        usual_depth: How far away things are, map units; nothing is returned if not positive.
        in_use: Ids that are not to be among those returned.

    Returns:
        64 at most, the oldest ones: of a large map that was restored the others wait.
    """
    if not usual_depth > 0 or len(submaps) <= NUM_NEWEST:
        return []
    poses = np.tile(np.eye(4), (len(submaps), 1, 1))
    poses[:, :3, :3] = [each.map_from_submap.rotation for each in submaps]
    poses[:, :3, 3] = [each.map_from_submap.translation for each in submaps]
    places = places_of(poses, CELL_PER_DEPTH * usual_depth)
    # Where a segment is that nothing ties to the map is a guess.
    segments = np.array([each.segment for each in submaps], dtype=np.int64)
    places = np.unique(np.column_stack([segments, places]), axis=0, return_inverse=True)[1]
    rows = crowded(np.asarray(places, np.int64).reshape(-1), _MOST_SUBMAPS)
    ids = [submaps[row].id for row in rows[rows < len(submaps) - NUM_NEWEST].tolist()]
    return [each for each in ids if each not in in_use][:_MOST_AT_A_TIME]
