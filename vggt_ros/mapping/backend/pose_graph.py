"""The best places of submaps, given what is known between pairs of them.

Gauss-Newton over all submaps, hierarchically: an error in the frame of the map is the same from
anywhere, so that along a chain of edges errors and covariances add up. Every chain is one edge
between its ends; the ends are solved for, and what is between them follows by its share of the
chain's covariance. This is the step of the whole system, not an approximation of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.sim3_array import Sim3Array
from vggt_ros.mapping.backend.graph_chains import chains_of
from vggt_ros.mapping.backend.laplacian import Laplacian

# A loop that disagrees by more standard deviations than this pulls less and less.
ROBUST_SIGMAS = 3.0
MIN_SIGMA = 1e-6
_MAX_ITERATIONS, _MAX_HALVINGS = 30, 6
# A step that makes the errors smaller by less than this part is the last one.
_MIN_PROGRESS = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edge:
    """What is known between two submaps.

    Attributes:
        i: Id of one submap.
        j: Id of the other, added later.
        i_from_j: Where j is, seen from i.
        covariance: (7, 7) of an error of it in the frame of j; see `uncertainty`.
        is_loop: True for a place that was recognized: it may be wrong, its pull is bounded.
    """

    i: int
    j: int
    i_from_j: Sim3
    covariance: Float[np.ndarray, '7 7']
    is_loop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """The best places.

    Attributes:
        map_from_submap: By id.
        newest_covariance: (7, 7) of the last submap against the first one, in its own frame.
        loop_errors: Of every loop in the order of the edges, in standard deviations per degree
            of freedom.
    """

    map_from_submap: Mapping[int, Sim3]
    newest_covariance: Float[np.ndarray, '7 7']
    loop_errors: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    """Errors in the frame of the map, d = 6 or 7 numbers each, in the order of the chains.

    Attributes:
        places: Of the N submaps.
        errors: (E, d) from the beginning of its chain up to and with every step.
        covariances: (E, d, d) of every step alone.
        certainty: (C, d, d) inverse covariances of whole chains.
        information: (C, d, d) the same, of loops with their weights.
        cost: What is made small.
        loop_errors: (E,) of every edge as `Solution` has it; those that are no loops are 0.
    """

    places: Sim3Array
    errors: Float[np.ndarray, 'E d']
    covariances: Float[np.ndarray, 'E d d']
    certainty: Float[np.ndarray, 'C d d']
    information: Float[np.ndarray, 'C d d']
    cost: float
    loop_errors: Float[np.ndarray, ' E']


def optimize(
    map_from_submap: Mapping[int, Sim3], edges: Sequence[Edge], *, is_rigid: bool
) -> Solution:
    """Return the places that fit all edges best; the first submap stays where it is.

    Least squares over similarities, or over rigid transforms if the scale is known; loops with
    Cauchy's weights.

    Args:
        map_from_submap: Where the submaps are now, by id, oldest first; every one is connected
            to the first by edges.
        edges: At least one.
        is_rigid: True to leave all scales as they are.

    Raises:
        AlignmentError: A submap is connected to nothing, or the numbers are not finite.
    """
    system = _System(map_from_submap, edges, is_rigid=is_rigid)
    state = system.state(system.start)
    for _ in range(_MAX_ITERATIONS):
        step, expected, covariance = system.step(state)
        if not expected > _MIN_PROGRESS * state.cost:
            # What is between the ends of chains may still gain by it.
            state = replace(state, places=Sim3Array.of_twists(step) @ state.places)
            break
        following = _less(system, state, step)
        if following is None:
            break
        state = following
    return system.solution(state, covariance)


def _less(system: _System, state: _State, step: Float[np.ndarray, 'N 7']) -> _State | None:
    """Return the state after a step, or as much of it as makes the cost less."""
    for _ in range(_MAX_HALVINGS):
        following = system.state(Sim3Array.of_twists(step) @ state.places)
        if following.cost < state.cost:
            return following
        step = 0.5 * step
    return None


class _System:
    """All edges of a graph in arrays."""

    def __init__(
        self, map_from_submap: Mapping[int, Sim3], edges: Sequence[Edge], *, is_rigid: bool
    ) -> None:
        self._ids, self._edges, self._size = list(map_from_submap), edges, 6 if is_rigid else 7
        row_of = {submap_id: row for row, submap_id in enumerate(self._ids)}
        i = np.array([row_of[edge.i] for edge in edges], dtype=np.int64)
        j = np.array([row_of[edge.j] for edge in edges], dtype=np.int64)
        self._i, self._j = i, j
        self._is_loop = np.array([edge.is_loop for edge in edges], dtype=bool)
        links = coo_matrix((np.ones(len(i)), (i, j)), shape=(len(row_of), len(row_of)))
        if connected_components(links, directed=False, return_labels=False) > 1:
            raise AlignmentError(
                f'the graph of {len(row_of)} submaps and {len(edges)} edges has no single '
                f'solution; the map stays as it is'
            )
        size = self._size
        covariances = np.array([edge.covariance for edge in edges])[:, :size, :size]
        self._covariances = covariances + MIN_SIGMA**2 * np.eye(size)
        self._j_from_i = self._plain(Sim3Array.of([edge.i_from_j for edge in edges])).inverse()
        given = Sim3Array.of(list(map_from_submap.values()))
        self._scales = given.scale
        # Rotations about the middle of the map: the lever arms are no longer than need be.
        self._middle = given.translation.mean(axis=0)
        plain = self._plain(given)
        self.start = Sim3Array(plain.scale, plain.rotation, plain.translation - self._middle)
        self._chains = chains_of(i, j, self._is_loop, len(row_of))
        chains = self._chains
        self._laplacian = Laplacian(chains.first, chains.last, len(chains.ends), size)

    def state(self, places: Sim3Array) -> _State:
        """Return the errors at some places."""
        size, chains = self._size, self._chains
        at_j = places[self._j]
        own = (self._j_from_i @ places[self._i].inverse() @ at_j).twists()[:, :size]
        in_map = at_j.adjoints()[:, :size, :size]
        errors = (in_map @ own[:, :, None])[:, :, 0]
        covariances = in_map @ self._covariances @ np.swapaxes(in_map, 1, 2)
        errors = chains.along(chains.sign[:, None] * errors[chains.edge])
        covariances = covariances[chains.edge]
        certainty = np.linalg.inv(chains.whole(covariances))
        certainty = 0.5 * (certainty + np.swapaxes(certainty, 1, 2))
        squares = _squares(errors[chains.final], certainty)
        loops = self._is_loop[chains.edge[chains.start]]
        bound = ROBUST_SIGMAS**2 * size
        weight = np.where(loops, 1.0 / (1.0 + squares / bound), 1.0)
        cost = np.where(loops, bound * np.log1p(squares / bound), squares).sum()
        loop_errors = np.zeros(len(self._edges))
        loop_errors[chains.edge[chains.start[loops]]] = np.sqrt(
            np.maximum(squares[loops], 0.0) / size
        )
        return _State(
            places=places,
            errors=errors,
            covariances=covariances,
            certainty=certainty,
            information=weight[:, None, None] * certainty,
            cost=float(cost),
            loop_errors=loop_errors,
        )

    def step(
        self, state: _State
    ) -> tuple[Float[np.ndarray, 'N 7'], float, Float[np.ndarray, 'd d']]:
        """Return by what all places are to change, twists in the frame of the map.

        Returns:
            Twists, by how much the cost should become less, and the covariance of the last place.
        """
        chains, whole = self._chains, state.errors[self._chains.final]
        ends, covariance = self._laplacian.solve(state.information, whole)
        begin, end = ends[chains.first], ends[chains.last]
        # What of a chain's error is left, and the share of it that is before every step's end.
        left = end - begin + whole
        pull = (state.certainty @ left[:, :, None])[:, :, 0]
        share = (state.covariances @ pull[chains.chain][:, :, None])[:, :, 0]
        twists = np.zeros((len(self._ids), 7))
        twists[chains.to, : self._size] = begin[chains.chain] + chains.along(share) - state.errors
        twists[chains.ends, : self._size] = ends
        progress = _squares(whole, state.information) - _squares(left, state.information)
        return twists, float(progress.sum()), covariance

    def solution(self, state: _State, covariance: Float[np.ndarray, 'd d']) -> Solution:
        """Return the places of a state; the covariance is that of the last in the map's frame.

        Raises:
            AlignmentError: They are not finite.
        """
        places, size = state.places, self._size
        if not (np.isfinite(places.translation).all() and np.isfinite(places.scale).all()):
            raise AlignmentError(
                f'the graph of {len(self._ids)} submaps gives numbers that are not finite; the '
                f'map stays as it is'
            )
        of_last = places[np.array([len(self._ids) - 1])].inverse().adjoints()[0, :size, :size]
        newest = np.zeros((7, 7))
        newest[:size, :size] = of_last @ covariance @ of_last.T
        found = Sim3Array(
            self._scales if size == 6 else places.scale,
            places.rotation,
            places.translation + self._middle,
        )
        return Solution(
            map_from_submap=dict(zip(self._ids, found.singles(), strict=True)),
            newest_covariance=newest,
            loop_errors=tuple(state.loop_errors[self._is_loop].tolist()),
        )

    def _plain(self, places: Sim3Array) -> Sim3Array:
        """Return rigid transforms without their scales, similarities as they are."""
        if self._size == 7:
            return places
        return Sim3Array(np.ones_like(places.scale), places.rotation, places.translation)


def _squares(
    errors: Float[np.ndarray, 'C d'], information: Float[np.ndarray, 'C d d']
) -> Float[np.ndarray, ' C']:
    return np.einsum('ci,cij,cj->c', errors, information, errors, optimize=True)
