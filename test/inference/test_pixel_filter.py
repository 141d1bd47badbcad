import pytest
import torch

from vggt_ros.inference.pixel_filter import is_depth_edge, keep_mask
from vggt_ros.settings.config import CloudSettings

ALL = CloudSettings(confidence_percentile=0.0, edge_rtol=0.0)
INSIDE = torch.ones(4, 5, dtype=torch.bool)


def arrays(depth=2.0):
    return torch.full((2, 4, 5), depth), torch.arange(1.0, 41.0).reshape(2, 4, 5)


def test_without_filters_all_valid_points_stay():
    depth, confidence = arrays()
    depth[0, 0, :4] = torch.tensor([torch.nan, torch.inf, 0.0, -1.0])
    confidence[1, 0, 0] = torch.nan
    keep = keep_mask(depth, confidence, INSIDE, ALL)
    assert keep.sum() == 40 - 5
    assert not keep[0, 0, :4].any()


def test_padding_is_dropped():
    inside = INSIDE.clone()
    inside[0] = False
    assert not keep_mask(*arrays(), inside, ALL)[:, 0].any()


@pytest.mark.parametrize(('percentile', 'kept'), [(0.0, 40), (20.0, 32), (50.0, 20), (99.0, 1)])
def test_a_percentile_drops_its_share_of_the_whole_window(percentile, kept):
    settings = CloudSettings(confidence_percentile=percentile, edge_rtol=0.0)
    keep = keep_mask(*arrays(), INSIDE, settings)
    assert keep.sum() == kept
    assert keep[1, 3, 4], 'the most confident point'


def test_a_flat_confidence_drops_nothing():
    depth, confidence = arrays()
    settings = CloudSettings(confidence_percentile=50.0, edge_rtol=0.0)
    assert keep_mask(depth, torch.ones_like(confidence), INSIDE, settings).all()


def test_padding_does_not_count_in_the_percentile():
    depth, confidence = arrays()
    inside = INSIDE.clone()
    inside[:2] = False
    confidence[:, :2] = 0
    settings = CloudSettings(confidence_percentile=50.0, edge_rtol=0.0)
    assert keep_mask(depth, confidence, inside, settings).sum() == 10


def test_absolute_mode_keeps_from_the_value_on():
    settings = CloudSettings(confidence_mode='absolute', confidence_min=10.0, edge_rtol=0.0)
    assert keep_mask(*arrays(), INSIDE, settings).sum() == 31


def test_without_settings_every_valid_pixel_stays():
    depth, confidence = arrays()
    depth[0, 0, 2:] = 50.0
    assert keep_mask(depth, confidence, INSIDE, None).all()


def test_both_sides_of_a_step_are_edges_in_rows_and_columns():
    depth = torch.full((2, 4, 5), 2.0)
    depth[0, :, 3:] = 4.0
    depth[1, 2:, :] = 4.0
    edge = is_depth_edge(depth, 0.03)
    assert edge[0].any(dim=0).tolist() == [False, False, True, True, False]
    assert edge[1].any(dim=1).tolist() == [False, True, True, False]


def test_a_slope_below_the_limit_is_no_edge():
    depth = 2.0 * 1.02 ** torch.arange(5) * torch.ones(1, 4, 5)
    assert not is_depth_edge(depth, 0.03).any()
    assert is_depth_edge(depth, 0.01).all()


def test_the_border_of_what_has_no_depth_is_no_edge():
    depth = torch.full((1, 4, 5), 2.0)
    depth[0, 0] = torch.nan
    assert not is_depth_edge(depth, 0.03).any()


def test_a_window_without_any_valid_point_keeps_none():
    depth, confidence = arrays(torch.nan)
    assert not keep_mask(depth, confidence, INSIDE, CloudSettings()).any()
