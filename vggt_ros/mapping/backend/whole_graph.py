"""Whole graph: the best places of submaps, all of them solved for at once (gtsam).

For graphs in which gravity was measured: what is between the ends of a chain is not free there.
The solution chain by chain (`pose_graph`) is held against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gtsam
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.gravity_factor import gravity_noise, upright_place
from vggt_ros.mapping.backend.loop_gate import error_twist
from vggt_ros.mapping.backend.pose_graph import Edge, MIN_SIGMA, ROBUST_SIGMAS, Solution
from vggt_ros.mapping.registration.up_direction import UpDirection

_ANCHOR_SIGMA = 1e-6
_MAX_ITERATIONS = 50


def optimize_whole(
    map_from_submap: Mapping[int, Sim3],
    edges: Sequence[Edge],
    *,
    is_rigid: bool,
    ups: Mapping[int, UpDirection],
) -> Solution:
    """Return the places that fit all edges best; the first submap stays where it is.

    Least squares as in `pose_graph.optimize`: over similarities, or over rigid transforms if the
    scale is known; loops with Cauchy's weights.

    Args:
        map_from_submap: Where the submaps are now, by id, oldest first; every one is connected
            to the first by edges.
        edges: At least one.
        is_rigid: True to leave all scales as they are.
        ups: What is up along the axes of submaps, by id; the map's z is up. It may be empty.

    Raises:
        AlignmentError: A submap is connected to nothing, or the numbers are not finite.
    """
    kind: Any = _Rigid if is_rigid else _Similar
    graph, values = gtsam.NonlinearFactorGraph(), gtsam.Values()
    for submap_id, place in map_from_submap.items():
        values.insert(submap_id, kind.to_gtsam(place))
    first, last = next(iter(map_from_submap)), next(reversed(tuple(map_from_submap)))
    size = kind.size
    anchor = gtsam.noiseModel.Isotropic.Sigma(size, _ANCHOR_SIGMA)
    graph.add(kind.prior(first, kind.to_gtsam(map_from_submap[first]), anchor))
    for edge in edges:
        graph.add(kind.between(edge.i, edge.j, kind.to_gtsam(edge.i_from_j), _noise(edge, size)))
    for submap_id, up in ups.items():
        upright = kind.to_gtsam(upright_place(map_from_submap[submap_id], up))
        graph.add(kind.prior(submap_id, upright, gravity_noise(up, size)))
    parameters = gtsam.LevenbergMarquardtParams()
    parameters.setMaxIterations(_MAX_ITERATIONS)
    try:
        found = gtsam.LevenbergMarquardtOptimizer(graph, values, parameters).optimize()
        covariance = gtsam.Marginals(graph, found).marginalCovariance(last)
    except (RuntimeError, IndexError) as error:
        raise AlignmentError(
            f'the graph of {len(map_from_submap)} submaps and {len(edges)} edges has no single '
            f'solution; the map stays as it is'
        ) from error
    places = {
        submap_id: kind.from_gtsam(found, submap_id, place.scale)
        for submap_id, place in map_from_submap.items()
    }
    if not all(np.isfinite(place.translation).all() for place in places.values()):
        raise AlignmentError(
            f'the graph of {len(map_from_submap)} submaps gives numbers that are not finite; the '
            f'map stays as it is'
        )
    newest = np.zeros((7, 7))
    newest[:size, :size] = covariance
    return Solution(
        map_from_submap=places,
        newest_covariance=newest,
        loop_errors=tuple(_error(edge, places, size) for edge in edges if edge.is_loop),
    )


class _Similar:
    size = 7
    prior = gtsam.PriorFactorSimilarity3
    between = gtsam.BetweenFactorSimilarity3

    @staticmethod
    def to_gtsam(place: Sim3) -> gtsam.Similarity3:
        # Theirs is y = s (R x + t).
        rotation = gtsam.Rot3(np.asfortranarray(place.rotation))
        return gtsam.Similarity3(rotation, place.translation / place.scale, place.scale)

    @staticmethod
    def from_gtsam(values: gtsam.Values, submap_id: int, scale: float) -> Sim3:
        found = values.atSimilarity3(submap_id)
        s = float(found.scale())
        return Sim3(s, found.rotation().matrix(), s * np.asarray(found.translation()))


class _Rigid:
    size = 6
    prior = gtsam.PriorFactorPose3
    between = gtsam.BetweenFactorPose3

    @staticmethod
    def to_gtsam(place: Sim3) -> gtsam.Pose3:
        return gtsam.Pose3(gtsam.Rot3(np.asfortranarray(place.rotation)), place.translation)

    @staticmethod
    def from_gtsam(values: gtsam.Values, submap_id: int, scale: float) -> Sim3:
        found = values.atPose3(submap_id)
        return Sim3(scale, found.rotation().matrix(), np.asarray(found.translation()))


def _noise(edge: Edge, size: int) -> gtsam.noiseModel.Base:
    covariance = edge.covariance[:size, :size] + MIN_SIGMA**2 * np.eye(size)
    gaussian = gtsam.noiseModel.Gaussian.Covariance(covariance)
    if not edge.is_loop:
        return gaussian
    cauchy = gtsam.noiseModel.mEstimator.Cauchy.Create(ROBUST_SIGMAS * np.sqrt(size))
    return gtsam.noiseModel.Robust.Create(cauchy, gaussian)


def _error(edge: Edge, places: Mapping[int, Sim3], size: int) -> float:
    """Return how far the places are from what the edge says, in standard deviations."""
    difference = edge.i_from_j.inverse() @ places[edge.i].inverse() @ places[edge.j]
    twist = error_twist(difference)[:size]
    covariance = edge.covariance[:size, :size] + MIN_SIGMA**2 * np.eye(size)
    return float(np.sqrt(twist @ np.linalg.solve(covariance, twist) / size))
