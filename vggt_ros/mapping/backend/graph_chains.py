"""Graph chains: ways through submaps that have one before and one after them, as one edge each.

Most submaps of a map have no other edges, and what a graph says of its forks and loops does not
depend on where they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int64
import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GraphChains:
    """The edges of a graph, put in the order of C chains; rows are those of submaps and of edges.

    Attributes:
        ends: (K,) rows of the submaps at which chains end, ascending.
        first: (C,) which of `ends` each chain begins at.
        last: (C,) which of them it ends at.
        edge: (E,) row of the edge of every step, chain by chain.
        sign: (E,) 1 if the step goes from i to j of its edge, else -1.
        chain: (E,) which chain the step is of.
        start: (C,) the first step of every chain.
        to: (E,) row of the submap that the step leads to.
    """

    ends: Int64[np.ndarray, ' K']
    first: Int64[np.ndarray, ' C']
    last: Int64[np.ndarray, ' C']
    edge: Int64[np.ndarray, ' E']
    sign: Float[np.ndarray, ' E']
    chain: Int64[np.ndarray, ' E']
    start: Int64[np.ndarray, ' C']
    to: Int64[np.ndarray, ' E']

    def along(self, of_steps: Float[np.ndarray, E * d]) -> Float[np.ndarray, E * d]:
        """Return sums from the beginning of its chain up to and with every step."""
        sums = np.cumsum(of_steps, axis=0)
        before = sums[self.start] - of_steps[self.start]
        return sums - before[self.chain]

    def whole(self, of_steps: Float[np.ndarray, E * d]) -> Float[np.ndarray, C * d]:
        """Return sums over every chain."""
        return np.add.reduceat(of_steps, self.start, axis=0)

    @property
    def final(self) -> Int64[np.ndarray, ' C']:
        """(C,) the last step of every chain."""
        return np.append(self.start[1:], len(self.edge)) - 1


def chains_of(
    i: Int64[np.ndarray, ' E'],
    j: Int64[np.ndarray, ' E'],
    is_loop: Bool[np.ndarray, ' E'],
    num_submaps: int,
) -> GraphChains:
    """Return the chains of a connected graph.

    Args:
        i: (E,) row of one submap of each edge.
        j: (E,) row of the other.
        is_loop: (E,) a loop is a chain of its own.
        num_submaps: Submaps; the first and the last one are ends, whatever their edges.
    """
    is_end = np.bincount(np.concatenate([i, j]), minlength=num_submaps) != 2
    is_end[[0, num_submaps - 1]] = True
    is_end[i[is_loop]] = is_end[j[is_loop]] = True
    alone = np.flatnonzero(is_end[i] & is_end[j])
    steps = [(edge, 1.0, to) for edge, to in zip(alone.tolist(), j[alone].tolist(), strict=True)]
    starts = list(range(len(steps)))
    _walk_chains(i, j, is_end, steps, starts)

    edge, to = (np.array([step[k] for step in steps], dtype=np.int64) for k in (0, 2))
    sign, start = np.array([step[1] for step in steps]), np.array(starts, dtype=np.int64)
    ends, counts = np.flatnonzero(is_end), np.diff(np.append(start, len(steps)))
    begin = np.where(sign > 0, i[edge], j[edge])[start]
    return GraphChains(
        ends=ends,
        first=np.searchsorted(ends, begin),
        last=np.searchsorted(ends, to[start + counts - 1]),
        edge=edge,
        sign=sign,
        chain=np.repeat(np.arange(len(start)), counts),
        start=start,
        to=to,
    )


def _walk_chains(
    i: Int64[np.ndarray, ' E'],
    j: Int64[np.ndarray, ' E'],
    is_end: Bool[np.ndarray, ' n'],
    steps: list[tuple[int, float, int]],
    starts: list[int],
) -> None:
    """Append the steps of all chains of more than one edge, and where they start."""
    both = np.concatenate([i, j])
    order = np.argsort(both, kind='stable')
    begins = np.searchsorted(both[order], np.arange(len(is_end))).tolist()
    edges_at = (order % len(i)).tolist()
    i_of, j_of, stops = i.tolist(), j.tolist(), is_end.tolist()
    is_done = [False] * len(i_of)
    for edge in np.flatnonzero(is_end[i] != is_end[j]).tolist():
        if is_done[edge]:
            continue
        starts.append(len(steps))
        here, at = (i_of[edge] if stops[i_of[edge]] else j_of[edge]), edge
        while True:
            is_done[at] = True
            is_forward = i_of[at] == here
            here = j_of[at] if is_forward else i_of[at]
            steps.append((at, 1.0 if is_forward else -1.0, here))
            if stops[here]:
                break
            one, other = edges_at[begins[here]], edges_at[begins[here] + 1]
            at = other if one == at else one
