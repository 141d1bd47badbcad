import math

import pytest
import torch

from training.dense_loss import depth_loss, points_loss


@pytest.fixture
def depth():
    return 1 + torch.rand(2, 16, 20, generator=torch.Generator().manual_seed(1))


def test_the_truth_has_no_loss_at_confidence_one(depth):
    assert depth_loss(depth, torch.ones_like(depth), depth).abs() < 1e-6
    points = torch.stack([depth, depth, depth], dim=-1)
    assert points_loss(points, torch.ones_like(depth), points, depth).abs() < 1e-5


def test_depth_errors_are_relative(depth):
    near = depth_loss(1.1 * depth, torch.ones_like(depth), depth)
    far = depth_loss(11 * depth, torch.ones_like(depth), 10 * depth)
    torch.testing.assert_close(near, torch.tensor(1.5 * math.log(1.1)), atol=1e-4, rtol=0)
    torch.testing.assert_close(near, far)


def test_confidence_pays_where_the_error_is_small_only(depth):
    sure, unsure = torch.full_like(depth, 5.0), torch.ones_like(depth)
    assert depth_loss(1.001 * depth, sure, depth) < depth_loss(1.001 * depth, unsure, depth)
    assert depth_loss(2 * depth, sure, depth) > depth_loss(2 * depth, unsure, depth)


def test_the_best_confidence_is_alpha_over_the_error(depth):
    conf = torch.full_like(depth, 3.0).requires_grad_()
    depth_loss(depth * math.exp(0.05), conf, depth).backward()
    # d/dconf (conf * 0.05 - 0.2 log conf) vanishes at conf = 4.
    assert (conf.grad < 0).all()
    conf = torch.full_like(depth, 5.0).requires_grad_()
    depth_loss(depth * math.exp(0.05), conf, depth).backward()
    assert (conf.grad > 0).all()


def test_errors_pull_where_the_network_is_unsure_too(depth):
    estimated = (1.1 * depth).requires_grad_()
    conf = torch.ones_like(depth)
    conf[:, :8] = 1e-3
    depth_loss(estimated, conf, depth).backward()
    pull = (estimated.grad * depth).abs()
    assert pull[:, 1:6].mean() > 0.2 * pull[:, 10:].mean()


def test_rough_errors_cost_more_than_smooth_ones(depth):
    ones = torch.ones_like(depth)
    checks = ((torch.arange(16)[:, None] + torch.arange(20)) % 2).float() * 2 - 1
    rough = depth_loss(depth * torch.exp(0.1 * checks), ones, depth)
    smooth = depth_loss(depth * math.exp(0.1), ones, depth)
    assert rough > 1.5 * smooth


def test_errors_of_points_are_relative_to_depth(depth):
    points = torch.stack([depth, depth, depth], dim=-1)
    off = points + 0.1 * depth[..., None] * torch.tensor([1.0, 0, 0])
    loss = points_loss(off, torch.ones_like(depth), points, depth)
    torch.testing.assert_close(loss, torch.tensor(0.1), atol=1e-3, rtol=0)
