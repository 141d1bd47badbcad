import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.mapping.backend.laplacian import Laplacian


def system(rng, first, last, size):
    roots = rng.normal(size=(len(first), size, size))
    return np.swapaxes(roots, 1, 2) @ roots + np.eye(size), rng.normal(size=(len(first), size))


def dense(first, last, information, errors, num_nodes):
    """The same by one matrix for all."""
    size = errors.shape[1]
    matrix, right = np.zeros((num_nodes * size,) * 2), np.zeros(num_nodes * size)
    for a, b, weight, error in zip(first, last, information, errors, strict=True):
        jacobian = np.zeros((size, num_nodes * size))
        jacobian[:, size * b : size * (b + 1)] += np.eye(size)
        jacobian[:, size * a : size * (a + 1)] -= np.eye(size)
        matrix += jacobian.T @ weight @ jacobian
        right -= jacobian.T @ weight @ error
    inverse = np.linalg.inv(matrix[size:, size:])
    moves = np.concatenate([np.zeros(size), inverse @ right[size:]]).reshape(-1, size)
    return moves, inverse[-size:, -size:]


@pytest.mark.parametrize(('num_nodes', 'size'), [(2, 6), (30, 7), (150, 6)])
def test_it_is_solved_as_by_one_matrix(num_nodes, size):
    rng = np.random.default_rng(num_nodes)
    first, last = np.arange(num_nodes - 1), np.arange(1, num_nodes)
    # Loops among them, ends the wrong way round, and one from a node to itself.
    more = rng.integers(0, num_nodes, (num_nodes // 3, 2))
    first, last = np.append(first, more[:, 0]), np.append(last, more[:, 1])
    first, last = np.append(first, 1), np.append(last, 1)
    information, errors = system(rng, first, last, size)
    laplacian = Laplacian(first, last, num_nodes, size)
    for _ in range(2):  # the second time in the order of the first
        moves, covariance = laplacian.solve(information, errors)
        expected, expected_covariance = dense(first, last, information, errors, num_nodes)
        np.testing.assert_allclose(moves, expected, atol=1e-8)
        np.testing.assert_allclose(covariance, expected_covariance, atol=1e-8)


def test_a_node_alone_stays():
    rng = np.random.default_rng(0)
    information, errors = system(rng, [0], [0], 6)
    moves, covariance = Laplacian(np.array([0]), np.array([0]), 1, 6).solve(information, errors)
    assert not moves.any()
    assert not covariance.any()


def test_numbers_that_have_no_solution_are_refused():
    laplacian = Laplacian(np.array([0]), np.array([1]), 2, 6)
    with pytest.raises(AlignmentError, match='graph of 2 ends of chains and 1 chains'):
        laplacian.solve(np.full((1, 6, 6), np.nan), np.zeros((1, 6)))
