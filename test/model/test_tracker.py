import pytest
import torch

from vggt_ros.errors import PredictionError
from vggt_ros.model.correlation import feature_pyramid
from vggt_ros.model.tracker import _interpolated


@pytest.fixture
def feature_maps():
    return torch.randn(1, 4, 16, 12, 16)


@pytest.fixture
def queries():
    return torch.tensor([[[3.3, 4.1], [20.0, 11.0], [31.0, 23.0]]])


def test_tracks_start_at_the_queries(network, feature_maps, queries):
    found = network.track_head.tracker(feature_maps, queries)
    assert len(found.positions) == 4
    for positions in found.positions:
        assert positions.shape == (1, 4, 3, 2)
        assert torch.equal(positions[:, 0], queries)
    assert (found.positions[-1][:, 1:] - queries).abs().max() > 1e-3


def test_scores_are_probabilities(network, feature_maps, queries):
    found = network.track_head.tracker(feature_maps, queries)
    for score in (found.visibility, found.confidence):
        assert score.shape == (1, 4, 3)
        assert ((score > 0) & (score < 1)).all()


def test_fewer_refinements_are_the_first_of_more(network, feature_maps, queries):
    short = network.track_head.tracker(feature_maps, queries, 2)
    long = network.track_head.tracker(feature_maps, queries)
    assert torch.equal(short.positions[1], long.positions[1])


def test_permuting_queries_permutes_tracks(network, feature_maps, queries):
    tracker, order = network.track_head.tracker, [2, 0, 1]
    expected = tracker(feature_maps, queries).positions[0][:, :, order]
    found = tracker(feature_maps, queries[:, order]).positions[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_no_queries_give_no_tracks(network, feature_maps):
    found = network.track_head.tracker(feature_maps, torch.zeros(1, 0, 2))
    assert found.positions[-1].shape == (1, 4, 0, 2)
    assert found.visibility.shape == (1, 4, 0)


def test_refuses_maps_that_are_too_small_for_the_pyramid(network):
    with pytest.raises(PredictionError, match=r'6 x 16 px .* 3 correlation levels .* 8 px'):
        network.track_head.tracker(torch.zeros(1, 2, 16, 8, 3), torch.zeros(1, 1, 2))


def test_is_exact_under_autocast(network, feature_maps, queries):
    expected = network.track_head.tracker(feature_maps, queries)
    with torch.autocast('cpu', torch.bfloat16):
        found = network.track_head.tracker(feature_maps, queries)
    assert torch.equal(found.positions[-1], expected.positions[-1])


def test_interpolation_hits_rows_and_stays_constant_beyond_the_ends():
    table = torch.tensor([[0.0], [10.0], [40.0]])
    at = torch.tensor([[-3.0, 0.0, 0.25, 1.0, 1.5, 2.0, 9.0]])
    assert _interpolated(table, at).flatten().tolist() == [0, 0, 2.5, 10, 25, 40, 40]
    assert _interpolated(table[:1], at).flatten().tolist() == [0] * 7


def test_displacements_enter_scaled_by_the_size_the_network_was_trained_with(network):
    tracker = network.track_head.tracker
    pyramid = feature_pyramid(torch.randn(1, 2, 16, 12, 16), 3)
    positions = torch.tensor([[[[3.0, 4.0]], [[3.0 + 5.18, 4.0 - 10.36]]]])
    x = tracker._input(pyramid, torch.randn(1, 2, 1, 16), positions)
    assert x.shape == (1, 2, 1, 3 * 16 + 4)
    expected = torch.tensor([0.01, -0.02, 0.01, -0.02])
    torch.testing.assert_close(x[0, 1, 0, 16:20], expected)
    assert not x[0, 0, 0, 16:20].any()
