"""A pose graph solved as a whole by gtsam: what the hierarchical solution is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gtsam
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.pose_graph import Edge, Solution

_ROBUST_SIGMAS = 3.0
_ANCHOR_SIGMA = 1e-6
_MIN_SIGMA = 1e-6
_MAX_ITERATIONS = 50


def optimize_plainly(
    map_from_submap: Mapping[int, Sim3], edges: Sequence[Edge], *, is_rigid: bool
) -> Solution:
    """Return what `pose_graph.optimize` returns, with all submaps as variables.

    Args:
        map_from_submap: As there.
        edges: As there.
        is_rigid: As there.

    Raises:
        AlignmentError: A submap is connected to nothing.
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
    covariance = edge.covariance[:size, :size] + _MIN_SIGMA**2 * np.eye(size)
    gaussian = gtsam.noiseModel.Gaussian.Covariance(covariance)
    if not edge.is_loop:
        return gaussian
    cauchy = gtsam.noiseModel.mEstimator.Cauchy.Create(_ROBUST_SIGMAS * np.sqrt(size))
    return gtsam.noiseModel.Robust.Create(cauchy, gaussian)


def _error(edge: Edge, places: Mapping[int, Sim3], size: int) -> float:
    """Return how far the places are from what the edge says, in standard deviations."""
    difference = edge.i_from_j.inverse() @ places[edge.i].inverse() @ places[edge.j]
    pose = gtsam.Pose3(gtsam.Rot3(np.asfortranarray(difference.rotation)), difference.translation)
    twist = np.concatenate([gtsam.Pose3.Logmap(pose), [np.log(difference.scale)]])[:size]
    covariance = edge.covariance[:size, :size] + _MIN_SIGMA**2 * np.eye(size)
    return float(np.sqrt(twist @ np.linalg.solve(covariance, twist) / size))
