import numpy as np

from vggt_ros.viewer.level_of_detail import coarse_first, nearest_within, spacing


def plane(edge, step):
    x, y = np.meshgrid(np.arange(edge), np.arange(edge))
    return np.column_stack([x.ravel(), y.ravel(), np.zeros(edge**2)]).astype(np.float32) * step


def test_the_distance_between_points_of_a_grid_is_its_step():
    np.testing.assert_allclose(spacing(plane(20, 0.05)), 0.05, rtol=1e-4)
    assert spacing(np.zeros((1, 3), np.float32)) == 0.0


def test_the_coarse_part_is_a_ninth_of_a_surface_and_covers_it():
    points = plane(90, 0.1)
    order, num_coarse = coarse_first(points, spacing(points))
    assert sorted(order.tolist()) == list(range(len(points)))
    assert abs(num_coarse / len(points) - 1 / 9) < 0.02
    coarse = points[order[:num_coarse]]
    gaps = np.linalg.norm(points[:, None, :2] - coarse[None, :, :2], axis=2).min(axis=1)
    assert gaps.max() < 0.3 * np.sqrt(2) + 1e-6


def test_few_points_and_points_in_one_place_are_not_divided():
    for points in (plane(10, 0.1), np.zeros((5000, 3), np.float32)):
        assert coarse_first(points, spacing(points))[1] == len(points)


def test_the_nearest_clouds_are_drawn_in_full_until_the_budget_is_spent():
    centers = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]])
    sizes = np.array([10, 10, 10, 10])
    eyes = np.array([[3.1, 0, 0]])
    assert nearest_within(centers, sizes, eyes, 25).tolist() == [False, False, True, True]
    no_eyes = np.zeros((0, 3))
    assert nearest_within(centers, sizes, no_eyes, 10).tolist() == [False, False, False, True]
