"""Marginalization: submaps leave the graph; what was known by way of them stays known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

from vggt_ros.geometry.twist import sim3_of, twist_of
from vggt_ros.geometry.uncertainty import compose
from vggt_ros.mapping.backend.pose_graph import Edge

_NOTHING = np.zeros((7, 7))
# So that what is known exactly has a size, too.
_MIN_VARIANCE = 1e-12
# A recognized place that says something else than the way by so many standard deviations per
# degree of freedom is not mixed with it.
_MAX_DIFFERENCE = 3.0
# On the way and across it; more say what these say.
_MOST_EDGES_PER_SUBMAP = 2
# Shares of either of two edges that say the same, the fair one first.
_SHARES = (0.5, 0.25, 0.75, 0.0, 1.0)


def marginalized(edges: Sequence[Edge], gone: Collection[int]) -> list[Edge]:
    """Return the edges between the submaps that stay.

    All edges of a submap that goes are told from the neighbor that it is best known from: two
    become one with the covariance of both, which is exact; of more, what they have in common is
    taken for independent, which is on the safe side between the others. Two edges between the
    same submaps become one.

    Args:
        edges: Of the graph.
        gone: Ids of the submaps that go; every one of them has an edge.
    """
    by_ends: dict[tuple[int, int], Edge] = {}
    neighbors: dict[int, set[int]] = {}

    def put(edge: Edge) -> None:
        ends = (edge.i, edge.j)
        known = by_ends.get(ends)
        by_ends[ends] = edge if known is None else fused(known, edge)
        neighbors.setdefault(edge.i, set()).add(edge.j)
        neighbors.setdefault(edge.j, set()).add(edge.i)

    for edge in edges:
        put(edge if edge.i < edge.j else turned(edge))
    for submap_id in sorted(gone):
        around = {n: by_ends[_ends(submap_id, n)] for n in neighbors.pop(submap_id, set())}
        if not around:
            continue
        hub = min(around, key=lambda n: (_size(around[n]), n))
        to_hub = around.pop(hub)
        for each in (hub, *around):
            del by_ends[_ends(submap_id, each)]
            neighbors[each].discard(submap_id)
        hub_from_gone = to_hub if to_hub.j == submap_id else turned(to_hub)
        for other, edge in around.items():
            gone_from_other = edge if edge.j == other else turned(edge)
            joined = chained(hub_from_gone, gone_from_other)
            put(joined if hub < other else turned(joined))
    return strongest(list(by_ends.values()))


def strongest(edges: Sequence[Edge]) -> list[Edge]:
    """Return no more edges than a graph of places needs: the best known ones.

    Leaving one out makes nothing surer than it is. The tree of the best known edges stays, so that
    everything stays connected.
    """
    ids = np.array(sorted({each for edge in edges for each in (edge.i, edge.j)}), dtype=np.int64)
    most = _MOST_EDGES_PER_SUBMAP * len(ids)
    if len(edges) <= most:
        return list(edges)
    sizes = np.array([_size(edge) for edge in edges])
    order = np.argsort(sizes, kind='stable')
    # By rank: a tree knows no weights below zero.
    rank = np.empty(len(edges))
    rank[order] = np.arange(1, len(edges) + 1)
    i = np.searchsorted(ids, [edge.i for edge in edges])
    j = np.searchsorted(ids, [edge.j for edge in edges])
    graph = coo_matrix((rank, (i, j)), shape=(len(ids), len(ids))).tocsr()
    in_tree = np.rint(minimum_spanning_tree(graph).data).astype(np.int64) - 1
    others = order[~np.isin(np.arange(len(edges)), in_tree)]
    kept = np.concatenate([order[in_tree], others[: most - len(in_tree)]])
    return [edges[row] for row in np.sort(kept).tolist()]


def hubs_of(edges: Sequence[Edge], gone: Collection[int]) -> dict[int, int]:
    """Return for every submap that goes the one that stays and is the nearest along the edges.

    Args:
        edges: Of the graph as it was before.
        gone: Ids of the submaps that are to go.

    Returns:
        Without those that no edges connect to one that stays.
    """
    ids = np.array(sorted({each for edge in edges for each in (edge.i, edge.j)}), dtype=np.int64)
    stays = np.flatnonzero(~np.isin(ids, list(gone)))
    i = np.searchsorted(ids, [edge.i for edge in edges])
    j = np.searchsorted(ids, [edge.j for edge in edges])
    length = [float(np.linalg.norm(edge.i_from_j.translation)) for edge in edges]
    # Zero would be no edge; of two between the same submaps the sum is taken, which is as good.
    weights = np.maximum(length, 1e-9)
    graph = coo_matrix((weights, (i, j)), shape=(len(ids), len(ids))).tocsr()
    _, _, source = dijkstra(
        graph, directed=False, indices=stays, min_only=True, return_predecessors=True
    )
    rows = np.flatnonzero(np.isin(ids, list(gone)) & (source >= 0))
    return dict(zip(ids[rows].tolist(), ids[source[rows]].tolist(), strict=True))


def turned(edge: Edge) -> Edge:
    """Return the same edge told from the other submap."""
    j_from_i = edge.i_from_j.inverse()
    return replace(
        edge,
        i=edge.j,
        j=edge.i,
        i_from_j=j_from_i,
        covariance=compose(edge.covariance, j_from_i, _NOTHING),
    )


def chained(first: Edge, second: Edge) -> Edge:
    """Return what two edges, the second from where the first one ends, say together."""
    return Edge(
        i=first.i,
        j=second.j,
        i_from_j=first.i_from_j @ second.i_from_j,
        covariance=compose(first.covariance, second.i_from_j, second.covariance),
        is_loop=first.is_loop or second.is_loop,
    )


def fused(a: Edge, b: Edge) -> Edge:
    """Return one edge for two between the same submaps.

    Both are of the same network, and often of the same images at one end: how much their errors
    have in common is not known, and visit after visit must not make them look ever surer.
    Covariance intersection (Julier and Uhlmann, "A non-divergent estimation algorithm in the
    presence of unknown correlations", ACC 1997) holds whatever they have in common.

    Args:
        a: One of them.
        b: The other; if only one of them is a loop and it contradicts the other, it is left out.
    """
    difference = twist_of(a.i_from_j.inverse() @ b.i_from_j)
    if a.is_loop != b.is_loop:
        way = b if a.is_loop else a
        total = a.covariance + b.covariance + _MIN_VARIANCE * np.eye(7)
        error = difference @ np.linalg.solve(total, difference) / len(difference)
        if error > _MAX_DIFFERENCE**2:
            return way
    inverses = [np.linalg.inv(each.covariance + _MIN_VARIANCE * np.eye(7)) for each in (a, b)]
    mixed = [share * inverses[1] + (1 - share) * inverses[0] for share in _SHARES]
    sizes = [np.linalg.slogdet(each)[1] for each in mixed]
    # The first of equals: what is equally well known is averaged.
    best = int(np.argmax(np.array(sizes) > max(sizes) - 1e-9))
    covariance = np.linalg.inv(mixed[best])
    step = covariance @ (_SHARES[best] * inverses[1] @ difference)
    return replace(
        a,
        i_from_j=a.i_from_j @ sim3_of(step),
        covariance=0.5 * (covariance + covariance.T),
        is_loop=a.is_loop and b.is_loop,
    )


def _ends(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _size(edge: Edge) -> float:
    return float(np.linalg.slogdet(edge.covariance[:6, :6] + _MIN_VARIANCE * np.eye(6))[1])
