import numpy as np
import torch

from vggt_ros.mapping.refinement.semi_global import gathered_costs

SMALL, LARGE, EDGE = 0.3, 5.0, 0.05


def path_costs(cost, gray):
    """Costs of the paths along a line from its start, one number after the other."""
    gathered = cost.copy()
    num_pixels, num_depths = cost.shape
    for i in range(1, num_pixels):
        large = SMALL + (LARGE - SMALL) * np.exp(-abs(gray[i] - gray[i - 1]) / EDGE)
        before = gathered[i - 1]
        for d in range(num_depths):
            ways = [before[d], before.min() + large]
            ways += [before[e] + SMALL for e in (d - 1, d + 1) if 0 <= e < num_depths]
            gathered[i, d] = cost[i, d] + min(ways) - before.min()
    return gathered


def slow_gathered_costs(cost, gray):
    total = np.zeros_like(cost)
    for line in range(len(cost)):
        total[line] += path_costs(cost[line], gray[line])
        total[line] += path_costs(cost[line, ::-1], gray[line, ::-1])[::-1]
    for line in range(cost.shape[1]):
        total[:, line] += path_costs(cost[:, line], gray[:, line])
        total[:, line] += path_costs(cost[::-1, line], gray[::-1, line])[::-1]
    return total


def test_the_costs_are_those_of_the_equation(rng):
    cost = rng.uniform(0, 1.4, (6, 7, 5)).astype(np.float32)
    gray = rng.uniform(0, 0.3, (6, 7)).astype(np.float32)
    found = gathered_costs(torch.from_numpy(cost), torch.from_numpy(gray))
    np.testing.assert_allclose(found, slow_gathered_costs(cost, gray), rtol=1e-4)


def test_a_lone_pixel_is_outvoted():
    cost = torch.ones((15, 15, 6))
    cost[..., 2] = 0.5
    cost[7, 7] = 0.5
    cost[7, 7, 5] = 0.0
    assert (gathered_costs(cost, torch.zeros((15, 15))).argmin(dim=-1) == 2).all()


def test_depth_steps_where_the_image_has_an_edge():
    # The left half is at 1, the right half at 4, and nobody knows about the columns between.
    cost = torch.ones((9, 20, 6))
    cost[:, :7, 1] = cost[:, 13:, 4] = 0.2
    for edge in (8, 11):
        gray = torch.zeros((9, 20))
        gray[:, edge:] = 1.0
        best = gathered_costs(cost, gray).argmin(dim=-1)
        assert (best[:, :edge] == 1).all()
        assert (best[:, edge:] == 4).all()
