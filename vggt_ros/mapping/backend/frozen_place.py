"""Frozen place: where a submap is in a map that stays as it is, by a loop and the way there."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.loop_gate import loop_innovation, MAX_LOOP_ERROR
from vggt_ros.mapping.backend.pose_graph import Edge, optimize


def place_beside_frozen(
    map_from_old: Sim3,
    map_from_new: Sim3,
    covariance: Float[np.ndarray, '7 7'] | None,
    loop: Edge,
) -> tuple[Sim3, Float[np.ndarray, '7 7']] | None:
    """Return where a submap is, and how sure that is.

    Lengths are found, too: nothing else may have measured them in this session.

    Args:
        map_from_old: A submap of the map.
        map_from_new: The submap, as the way since the last loop says.
        covariance: (7, 7) of that; None if it is not known where the submap is.
        loop: From the one to the other.

    Returns:
        None if the two contradict each other.
    """
    if covariance is None:
        return map_from_old @ loop.i_from_j, loop.covariance
    places = {loop.i: map_from_old, loop.j: map_from_new}
    i_from_j = map_from_old.inverse() @ map_from_new
    way = Edge(i=loop.i, j=loop.j, i_from_j=i_from_j, covariance=covariance)
    if loop_innovation(loop, [way], places, is_rigid=False) > MAX_LOOP_ERROR:
        return None
    solution = optimize(places, [way, loop], is_rigid=False)
    return solution.map_from_submap[loop.j], solution.newest_covariance
