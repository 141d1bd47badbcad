"""Laplacian of a graph whose edges have matrices for weights: its solution (gtsam).

The normal equations of edges that each say by how much the difference of two nodes is wrong.
"""

from __future__ import annotations

import gtsam
from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.errors import AlignmentError

# Nested dissection pays from so many nodes on.
_MANY_NODES = 100


class Laplacian:
    """A graph of K nodes and C edges; node 0 does not move."""

    def __init__(
        self,
        first: Int64[np.ndarray, ' C'],
        last: Int64[np.ndarray, ' C'],
        num_nodes: int,
        size: int,
    ) -> None:
        """Prepare for edges.

        Args:
            first: (C,) node at which each edge begins; one that ends there, too, says nothing.
            last: (C,) node at which it ends.
            num_nodes: K, of which all are connected.
            size: d, numbers of a node.
        """
        self._first, self._last = first.tolist(), last.tolist()
        self._num, self._size = num_nodes, size
        self._unit = gtsam.noiseModel.Unit.Create(size)
        self._order: gtsam.Ordering | None = None

    def solve(
        self, information: Float[np.ndarray, 'C d d'], errors: Float[np.ndarray, 'C d']
    ) -> tuple[Float[np.ndarray, 'K d'], Float[np.ndarray, 'd d']]:
        """Return how the nodes have to move so that the errors become least.

        Args:
            information: (C, d, d) of the edges.
            errors: (C, d) by how much too far their last nodes are from their first ones.

        Returns:
            (K, d), and the covariance of the last node.

        Raises:
            AlignmentError: There is no single solution.
        """
        moves = np.zeros((self._num, self._size))
        if self._num == 1:
            return moves, np.zeros((self._size, self._size))
        try:
            system = self._system(information, errors)
            if self._order is None:
                self._order = _order_of(system, self._num)
            tree = system.eliminateMultifrontal(self._order)
            found = tree.optimize()
            # The last node is eliminated last: this is the factor of the root.
            covariance = tree.marginalCovariance(self._num - 1)
        except (RuntimeError, IndexError, np.linalg.LinAlgError) as error:
            raise AlignmentError(
                f'the graph of {self._num} ends of chains and {len(self._first)} chains has no '
                f'single solution; the map stays as it is'
            ) from error
        moves[1:] = [found.at(node) for node in range(1, self._num)]
        return moves, np.asarray(covariance)

    def _system(
        self, information: Float[np.ndarray, 'C d d'], errors: Float[np.ndarray, 'C d']
    ) -> gtsam.GaussianFactorGraph:
        roots = np.swapaxes(np.linalg.cholesky(information), 1, 2)
        right = -(roots @ errors[:, :, None])[:, :, 0]
        system = gtsam.GaussianFactorGraph()
        for edge, (first, last) in enumerate(zip(self._first, self._last, strict=True)):
            root = np.asfortranarray(roots[edge])
            if first == last:
                continue
            if first == 0:
                system.add(last, root, right[edge], self._unit)
            elif last == 0:
                system.add(first, -root, right[edge], self._unit)
            else:
                system.add(first, -root, last, root, right[edge], self._unit)
        return system


def _order_of(system: gtsam.GaussianFactorGraph, num_nodes: int) -> gtsam.Ordering:
    if num_nodes > _MANY_NODES:
        found = gtsam.Ordering.MetisGaussianFactorGraph(system)
    else:
        found = gtsam.Ordering.ColamdGaussianFactorGraph(system)
    order, last = gtsam.Ordering(), num_nodes - 1
    for node in (*(found.at(k) for k in range(found.size())), last):
        if node != last or order.size() == num_nodes - 2:
            order.push_back(node)
    return order
