import pytest
import torch
from torch.nn import functional

from vggt_ros.model import correlation
from vggt_ros.model.correlation import feature_pyramid, sample_bilinear, sample_correlation


def whole_map_correlation(maps, features, positions, num_levels, radius):
    """Make the whole correlation map of every level and sample it point by point."""
    B, S, C = maps.shape[:3]
    N = features.shape[2]
    shift = torch.arange(-radius, radius + 1.0)
    window = torch.stack(torch.meshgrid(shift, shift, indexing='ij'), dim=-1).reshape(-1, 2)
    level, pieces = maps.flatten(0, 1), []
    for i in range(num_levels):
        dots = torch.einsum('fnc,fchw->fnhw', features.flatten(0, 1), level) / C**0.5
        size = torch.tensor([level.shape[-1], level.shape[-2]])
        at = positions.flatten(0, 1)[:, :, None] / 2**i + window
        grid = at * 2 / (size - 1).clamp_min(1) - 1
        sampled = functional.grid_sample(
            dots.flatten(0, 1)[:, None], grid.flatten(0, 1)[:, None], align_corners=True
        )
        pieces.append(sampled.reshape(B, S, N, -1))
        level = functional.avg_pool2d(level, 2) if i + 1 < num_levels else level
    return torch.cat(pieces, dim=-1)


@pytest.mark.parametrize('num_levels', [1, 4])
@pytest.mark.parametrize('radius', [0, 1, 3])
@pytest.mark.parametrize('points_at_a_time', [2, 512])
def test_equals_sampling_whole_correlation_maps(monkeypatch, num_levels, radius, points_at_a_time):
    monkeypatch.setattr(correlation, '_POINTS_AT_A_TIME', points_at_a_time)
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 3, 8, 9, 14, generator=generator)
    features = torch.randn(2, 3, 50, 8, generator=generator)
    # Well beyond all borders, too.
    positions = torch.rand(2, 3, 50, 2, generator=generator) * 40 - 12
    found = sample_correlation(feature_pyramid(maps, num_levels), features, positions, radius)
    expected = whole_map_correlation(maps, features, positions, num_levels, radius)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


def test_slow_index_of_the_window_moves_x():
    maps = torch.zeros(1, 1, 1, 5, 5)
    maps[..., 2, 3] = 1  # one cell to the right of the position
    at = torch.tensor([[[[2.0, 2.0]]]])
    window = sample_correlation(feature_pyramid(maps, 1), torch.ones(1, 1, 1, 1), at, 1)
    assert window.flatten().tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize('far', [1e30, -1e30, float('inf')])
def test_positions_far_outside_correlate_with_nothing(far):
    maps = torch.ones(1, 1, 2, 4, 4)
    at = torch.full((1, 1, 1, 2), far)
    window = sample_correlation(feature_pyramid(maps, 2), torch.ones(1, 1, 1, 2), at, 1)
    assert (window == 0).all()


def test_positions_that_are_not_numbers_do_not_crash():
    maps = torch.ones(1, 1, 2, 4, 4)
    at = torch.full((1, 1, 1, 2), float('nan'))
    window = sample_correlation(feature_pyramid(maps, 1), torch.ones(1, 1, 1, 2), at, 1)
    assert torch.isnan(window).all()


def test_pyramid_drops_odd_rests():
    sizes = [tuple(level.shape[2:4]) for level in feature_pyramid(torch.ones(1, 1, 2, 7, 9), 3)]
    assert sizes == [(7, 9), (3, 4), (1, 2)]


def test_bilinear_samples_are_limited_to_the_border():
    maps = torch.arange(12.0).reshape(1, 1, 3, 4)
    at = torch.tensor([[[0.0, 0], [3, 2], [1.5, 0], [0, 0.5], [-5, 1], [9, 9]]])
    sampled = sample_bilinear(maps, at).flatten()
    torch.testing.assert_close(sampled, torch.tensor([0, 11, 1.5, 2, 4, 11]))
