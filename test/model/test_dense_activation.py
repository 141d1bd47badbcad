import torch

from vggt_ros.model.dense_activation import confidence_from_raw, depth_from_raw, points_from_raw


def test_depth_is_positive_and_confidence_at_least_one():
    raw = torch.tensor([-20.0, 0.0, 3.0])
    assert (depth_from_raw(raw) > 0).all()
    assert (confidence_from_raw(raw) >= 1).all()
    assert depth_from_raw(raw)[1] == 1
    assert confidence_from_raw(raw)[1] == 2


def test_points_are_odd_and_exact_near_zero():
    raw = torch.tensor([1e-6, 0.5, 2.0])
    assert torch.equal(points_from_raw(-raw), -points_from_raw(raw))
    torch.testing.assert_close(points_from_raw(raw), torch.expm1(raw))
    assert points_from_raw(torch.zeros(1)) == 0
