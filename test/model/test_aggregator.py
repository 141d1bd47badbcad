import pytest
import torch

from vggt_ros.errors import PredictionError


def test_encode_and_aggregate_equal_forward(network, images):
    aggregator = network.aggregator
    one_by_one = torch.stack([aggregator.encode(image[None])[0] for image in images[0]])
    tokens = aggregator.aggregate(one_by_one[None], (3, 4), [0, 2])
    expected = aggregator(images, [0, 2])
    assert tokens.keys() == expected.keys() == {0, 2}
    for layer in tokens:
        torch.testing.assert_close(tokens[layer], expected[layer])


def test_list_entries_do_not_depend_on_which_are_kept(network, images):
    everything = network.aggregator(images, range(3))
    assert torch.equal(network.aggregator(images, [1])[1], everything[1])
    assert list(network.aggregator(images)) == [2]


def test_permuting_the_other_frames_permutes_the_tokens(network, images):
    order = [0, 3, 1, 2]
    expected = network.aggregator(images)[2][:, order]
    torch.testing.assert_close(network.aggregator(images[:, order])[2], expected)


def test_the_first_frame_is_special(network, images):
    order = [1, 0, 2, 3]
    permuted = network.aggregator(images)[2][:, order]
    assert (network.aggregator(images[:, order])[2] - permuted).abs().max() > 1e-2


def test_scenes_of_a_batch_do_not_see_each_other(network, images):
    both = torch.cat([images, images.flip(1)])
    torch.testing.assert_close(network.aggregator(both)[2][:1], network.aggregator(images)[2])


def test_learned_tokens_make_half_precision_patches_single(network, images):
    patch_tokens = network.aggregator.encode(images[0])[None].bfloat16()
    assert network.aggregator.aggregate(patch_tokens, (3, 4))[2].dtype == torch.float32


@pytest.mark.parametrize('size', [(24, 30), (25, 32), (0, 32), (4, 4)])
def test_refuses_sizes_that_are_not_whole_patches(network, size):
    with pytest.raises(PredictionError, match=f'{size[1]} x {size[0]} px.*patch size 8'):
        network.aggregator.encode(torch.rand(1, 3, *size))


def test_refuses_a_grid_that_the_tokens_do_not_fill(network):
    with pytest.raises(PredictionError, match='12 patch tokens do not fill a grid of 5 x 3'):
        network.aggregator.aggregate(torch.rand(1, 2, 12, 32), (5, 3))
