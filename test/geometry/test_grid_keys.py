import numpy as np

from vggt_ros.geometry.grid_keys import HALF, indices_of, keys_of


def test_indices_come_back_from_their_keys(rng):
    ends = np.array([-HALF, -1, 0, 1, HALF - 1])
    indices = np.concatenate(
        [
            np.stack(np.meshgrid(ends, ends, ends), axis=-1).reshape(-1, 3),
            rng.integers(-HALF, HALF, (1000, 3)),
        ]
    )
    keys = keys_of(*indices.T)
    assert keys.min() >= 0
    np.testing.assert_array_equal(indices_of(keys), indices)


def test_keys_are_in_the_order_of_x_then_y_then_z(rng):
    indices = rng.integers(-3, 3, (1000, 3))
    by_key = indices[np.argsort(keys_of(*indices.T), kind='stable')]
    by_index = indices[np.lexsort(indices.T[::-1])]
    np.testing.assert_array_equal(by_key, by_index)
