"""Loop gate: how far a loop is from where the submap graph expects it, before it is taken in.

Two places may look the same all around: identical corridors, floors, shelves. Images cannot tell
them apart, the path between them can.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import gtsam
from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import compose
from vggt_ros.mapping.backend.pose_graph import Edge

# A loop that is this many standard deviations off what all others say is a wrong one.
MAX_LOOP_ERROR = 5.0
_NOTHING = np.zeros((7, 7))
_MIN_VARIANCE = 1e-12


def loop_innovation(
    loop: Edge, edges: Sequence[Edge], map_from_submap: Mapping[int, Sim3], *, is_rigid: bool
) -> float:
    """Return how far a loop is off what the graph says without it.

    The uncertainty of the graph is that of the shortest path of edges: what other loops add to
    certainty is left out, so that the gate is rather too wide than too narrow.

    Args:
        loop: Between two submaps.
        edges: All others of the graph.
        map_from_submap: Where the submaps are, by id.
        is_rigid: True if lengths are metric, so that scales do not count.

    Returns:
        Standard deviations per degree of freedom; 0 if no path joins the two submaps.
    """
    path = _shortest_path(loop.i, loop.j, edges)
    if path is None:
        return 0.0
    covariance = _NOTHING
    for edge, is_forward in path:
        if is_forward:
            covariance = compose(covariance, edge.i_from_j, edge.covariance)
        else:
            own = compose(edge.covariance, edge.i_from_j.inverse(), _NOTHING)
            covariance = compose(covariance, edge.i_from_j.inverse(), own)
    expected = map_from_submap[loop.i].inverse() @ map_from_submap[loop.j]
    error = error_twist(loop.i_from_j.inverse() @ expected)
    size = 6 if is_rigid else 7
    total = (covariance + loop.covariance)[:size, :size] + _MIN_VARIANCE * np.eye(size)
    return float(np.sqrt(error[:size] @ np.linalg.solve(total, error[:size]) / size))


def _shortest_path(start: int, end: int, edges: Sequence[Edge]) -> list[tuple[Edge, bool]] | None:
    """Return the fewest edges from one submap to another, and whether each leads from i to j."""
    neighbors: dict[int, list[tuple[int, Edge, bool]]] = {}
    for edge in edges:
        neighbors.setdefault(edge.i, []).append((edge.j, edge, True))
        neighbors.setdefault(edge.j, []).append((edge.i, edge, False))
    came: dict[int, tuple[int, Edge, bool] | None] = {start: None}
    waiting = deque([start])
    while waiting and end not in came:
        here = waiting.popleft()
        for there, edge, is_forward in neighbors.get(here, []):
            if there not in came:
                came[there] = (here, edge, is_forward)
                waiting.append(there)
    if end not in came:
        return None
    path = []
    step = came[end]
    while step is not None:
        previous, edge, is_forward = step
        path.append((edge, is_forward))
        step = came[previous]
    return path[::-1]


def error_twist(difference: Sim3) -> Float[np.ndarray, ' 7']:
    """Return a similarity as an error of seven numbers: logarithm of the pose, log of the scale.

    Args:
        difference: Of two similarities that should be the same.
    """
    pose = gtsam.Pose3(gtsam.Rot3(np.asfortranarray(difference.rotation)), difference.translation)
    return np.concatenate([gtsam.Pose3.Logmap(pose), [np.log(difference.scale)]])
