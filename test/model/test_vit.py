import pytest
import torch

from vggt_ros.model import config as network_config
from vggt_ros.model.config import AggregatorConfig, EncoderSize
from vggt_ros.model.vit import resized_position_table, VisionTransformer


@pytest.fixture
def encoder(monkeypatch):
    monkeypatch.setitem(network_config.ENCODER_SIZES, 'dinov2_test', EncoderSize(16, 2, 2))
    config = AggregatorConfig(
        img_size=16, patch_size=4, embed_dim=16, num_heads=2, patch_embed='dinov2_test'
    )
    return VisionTransformer(config).eval()


def test_only_patch_tokens_come_out(encoder):
    assert encoder(torch.rand(2, 3, 8, 12)).shape == (2, 6, 16)


def test_images_do_not_see_each_other(encoder):
    images = torch.rand(3, 3, 8, 12)
    torch.testing.assert_close(encoder(images)[1:2], encoder(images[1:2]))


def test_table_of_the_training_size_is_used_as_it_is():
    table = torch.randn(1, 17, 8)
    assert resized_position_table(table, (4, 4)) is table


def test_resizing_keeps_the_cls_entry_and_a_constant_table():
    table = torch.cat([torch.full((1, 1, 2), 5.0), torch.full((1, 16, 2), 3.0)], dim=1)
    resized = resized_position_table(table, (2, 7))
    assert resized.shape == (1, 15, 2)
    torch.testing.assert_close(resized[:, 1:], torch.full((1, 14, 2), 3.0))
    assert torch.equal(resized[:, :1], table[:, :1])


def test_new_weights_are_noticed_after_a_table_was_cached(encoder):
    images = torch.rand(1, 3, 8, 12)
    with torch.inference_mode():
        before = encoder(images)
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    state['pos_embed'] = torch.randn_like(state['pos_embed'])
    encoder.load_state_dict(state)
    with torch.inference_mode():
        after = encoder(images)
    assert (before - after).abs().max() > 1e-3


def test_positional_table_is_trained(encoder):
    encoder(torch.rand(1, 3, 8, 12)).square().sum().backward()
    assert encoder.pos_embed.grad.abs().max() > 0


def test_training_after_inference_gets_gradients(encoder):
    images = torch.rand(1, 3, 8, 12)
    with torch.inference_mode():
        encoder(images)
    encoder(images).square().sum().backward()
    assert encoder.pos_embed.grad is not None
