import torch

from vggt_ros.model.attention import Attention
from vggt_ros.model.rope import frame_positions, rotary_table


def test_equals_attention_written_out():
    attention = Attention(16, 2, qk_norm=True)
    table = rotary_table(frame_positions((2, 2), 1), 8, 100.0)
    x = torch.randn(3, 5, 16)
    q, k, v = (part.unflatten(-1, (2, 8)) for part in attention.qkv(x).chunk(3, dim=-1))
    q, k = attention.q_norm(q).transpose(1, 2), attention.k_norm(k).transpose(1, 2)
    scores = table.rotate(q) @ table.rotate(k).transpose(-1, -2) / 8**0.5
    mixed = scores.softmax(-1) @ v.transpose(1, 2)
    expected = attention.proj(mixed.transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(x, table), expected)


def test_without_normalization_there_are_no_weights_for_it():
    assert not [name for name in Attention(8, 2).state_dict() if 'norm' in name]
