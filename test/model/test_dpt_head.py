import pytest
import torch

from vggt_ros.errors import PredictionError

SIZE = (24, 32)


@pytest.fixture
def tokens(network, images):
    return network.aggregator(images, range(3))


def test_a_subset_of_frames_equals_the_subset(network, tokens):
    depth, confidence = network.depth_head(tokens, SIZE)
    some_depth, some_confidence = network.depth_head(tokens, SIZE, frames=[2, 0])
    torch.testing.assert_close(some_depth, depth[:, [2, 0]])
    torch.testing.assert_close(some_confidence, confidence[:, [2, 0]])


@pytest.mark.parametrize('head', ['depth_head', 'point_head', 'feature_extractor'])
@pytest.mark.parametrize('frames_at_a_time', [1, 3])
def test_pieces_give_the_same_result(network, tokens, head, frames_at_a_time):
    module = network.track_head.feature_extractor if 'feat' in head else getattr(network, head)
    expected = module(tokens, SIZE)
    found = module(tokens, SIZE, frames_at_a_time=frames_at_a_time)
    torch.testing.assert_close(found, expected)


def test_shapes_and_ranges(network, tokens):
    depth, depth_conf = network.depth_head(tokens, SIZE)
    points, points_conf = network.point_head(tokens, SIZE)
    assert depth.shape == (1, 4, *SIZE, 1)
    assert points.shape == (1, 4, *SIZE, 3)
    assert depth_conf.shape == points_conf.shape == (1, 4, *SIZE)
    assert (depth > 0).all()
    assert (depth_conf >= 1).all()
    assert (points < 0).any()
    assert network.track_head.feature_extractor(tokens, SIZE).shape == (1, 4, 16, 12, 16)


def test_features_have_no_positions_unless_asked(network, tokens):
    extractor = network.track_head.feature_extractor
    without = extractor(tokens, SIZE)
    extractor.pos_embed = True
    assert (extractor(tokens, SIZE) - without).abs().max() > 1e-2


def test_is_exact_under_autocast(network, tokens):
    expected = network.depth_head(tokens, SIZE)
    with torch.autocast('cpu', torch.bfloat16):
        found = network.depth_head(tokens, SIZE)
    assert torch.equal(found[0], expected[0])
    assert found[1].dtype == torch.float32


def test_refuses_list_entries_that_are_not_there(network, tokens):
    with pytest.raises(PredictionError, match=r'entries \[1, 1\].*kept \[0, 2\].*`layers`'):
        network.depth_head({0: tokens[0], 2: tokens[2]}, SIZE)


@pytest.mark.parametrize('size', [(32, 32), (24, 33), (23, 32)])
def test_refuses_an_image_size_of_other_tokens(network, tokens, size):
    with pytest.raises(PredictionError, match=f'image of {size[1]} x {size[0]} px'):
        network.depth_head(tokens, size)


@pytest.mark.parametrize('frames', [[4], [-1], []])
def test_refuses_frames_that_are_not_there(network, tokens, frames):
    with pytest.raises(PredictionError, match=r'0\.\.3'):
        network.depth_head(tokens, SIZE, frames=frames)


def test_refuses_pieces_of_nothing(network, tokens):
    with pytest.raises(PredictionError, match='at least 1'):
        network.depth_head(tokens, SIZE, frames_at_a_time=0)
