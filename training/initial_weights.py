"""Initial weights from which a network learns matching soon.

A network that starts from plain noise has to discover by chance that comparing patches across
frames pays before it can learn anything about motion; small networks stay on that plateau. These
weights describe the same architecture, only its first steps are laid out: where things are is
written in channels of its own, the first global blocks compare contents, and what they bring back
from the matching patch is its place. Training may change all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import math

from jaxtyping import Float
import torch
from torch import nn, Tensor

from vggt_ros.inference.untrained import fill_untrained
from vggt_ros.model.aggregator import Aggregator
from vggt_ros.model.attention import Attention
from vggt_ros.model.block import Block
from vggt_ros.model.vggt import VGGT
from vggt_ros.model.vit import VisionTransformer

MATCHING_LAYERS = (0, 1)
_LAYER_SCALE = 0.4
_QUIET = 0.1  # of what blocks add at first: the signal must reach the end
_LOUDER = 5.0  # poses, than in a network that will not be trained
_SPECIAL_STD = 0.3
_SHARP, _BLUNT = 1.6, 0.25
# Rotations faster than this per patch say nothing about patches that are some patches apart.
_FAST_RAD = 0.35
_SIGNATURE, _MARK = 8.0, 4.0


def fill_for_training(network: VGGT) -> None:
    """Give every parameter the value that training starts from; the same in every run.

    A quarter of the token's channels holds the patch's place; a quarter is left free for the place
    of the patch that matches it, but for its last two: these say whether the frame is the first
    one, and which token knows it. The rest is for the content.

    Args:
        network: With an encoder that has a table of positions.
    """
    fill_untrained(network)
    aggregator = network.aggregator
    quarter = network.config.aggregator.embed_dim // 4
    encoder = aggregator.patch_embed
    assert isinstance(encoder, VisionTransformer), 'only an encoder has a table of positions'
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith('gamma') and name.startswith('aggregator'):
                parameter.fill_(_LAYER_SCALE)
        for block in _blocks((*aggregator.frame_blocks, *aggregator.global_blocks)):
            block.attn.proj.weight.mul_(_QUIET)
            block.mlp.fc2.weight.mul_(_QUIET)
        network.camera_head.pose_branch.fc2.weight.mul_(_LOUDER)
        _write_places(encoder, quarter)
        _sign_first_frame(aggregator, quarter)
        for block in _blocks(aggregator.frame_blocks[:1]):
            _spread_marks(block, quarter)
        for block in _blocks(aggregator.global_blocks[i] for i in MATCHING_LAYERS):
            _compare_contents(block, quarter)
        for block in _blocks(aggregator.frame_blocks[len(MATCHING_LAYERS) :][:1]):
            _pool_places(block, quarter)
    network.requires_grad_(True)


def _write_places(encoder: VisionTransformer, quarter: int) -> None:
    side = math.isqrt(encoder.pos_embed.shape[1] - 1)
    encoder.pos_embed.zero_()
    encoder.pos_embed[0, 1:, : quarter - 2] = place_code(side, quarter - 2)
    reserved = slice(0, 2 * quarter)
    for parameter in encoder.patch_embed.parameters():
        parameter[reserved] = 0
    for block in _blocks(encoder.blocks):
        for parameter in (*block.attn.proj.parameters(), *block.mlp.fc2.parameters()):
            parameter[reserved] = 0


def place_code(side: int, num_channels: int) -> Float[Tensor, 'n C']:
    """Return codes of the cells of a square table: place, then sines and cosines of it.

    Args:
        side: Rows and columns of the table; it spans -1..1 along both axes.
        num_channels: C, a multiple of 2; the first half is about the column.
    """
    half = num_channels // 2
    place = (torch.arange(side, dtype=torch.float32) + 0.5) / side * 2 - 1
    waves = [1.5 * place, 1.5 * place]
    for k in range(1, half // 2 + 1):
        waves += [torch.sin(0.5 * math.pi * k * place), torch.cos(0.5 * math.pi * k * place)]
    code = torch.stack(waves[:half], dim=-1)
    column = code[None].expand(side, -1, -1)
    row = code[:, None].expand(-1, side, -1)
    return torch.cat([column, row], dim=-1).flatten(0, 1)


def _sign_first_frame(aggregator: Aggregator, quarter: int) -> None:
    """Let the camera token know whether its frame is the first, and be easy to find."""
    for tokens in (aggregator.camera_token, aggregator.register_token):
        tokens.mul_(_SPECIAL_STD / tokens.std())
        tokens[..., : 2 * quarter] = 0
    aggregator.camera_token[..., 2 * quarter - 1] = _SIGNATURE
    aggregator.camera_token[0, 0, :, 2 * quarter - 2] = _MARK
    aggregator.camera_token[0, 1, :, 2 * quarter - 2] = -_MARK


def _spread_marks(block: Block, quarter: int) -> None:
    """Let the first head of a frame block copy the camera token's mark to the patches."""
    attention = block.attn
    dim, head_dim = attention.proj.out_features, attention.proj.out_features // attention.num_heads
    slow = head_dim // 4 - 1
    q, k, v = _parts(attention)
    for part in (q, k, v):
        part[:head_dim] = 0
    attention.qkv.bias[slow] = 1
    k[slow, 2 * quarter - 1] = 1
    # Keys are normalized: without something else in them, a whiff of signature would be enough.
    attention.qkv.bias[dim + 3 * head_dim // 4 - 1] = 3
    v[0, 2 * quarter - 2] = 1
    mark = 2 * quarter - 2
    attention.proj.weight[mark] = 0
    attention.proj.weight[mark, 0] = 1
    attention.proj.weight[:mark, 0] = 0
    block.ls1.gamma[mark] = 1


def _compare_contents(block: Block, quarter: int) -> None:
    """Let a global block find the patch of the same content and bring back its place.

    Tokens of the first frame look for others, others for the first frame's.
    """
    attention = block.attn
    head_dim = attention.proj.out_features // attention.num_heads
    mark, slow = 2 * quarter - 2, head_dim // 4 - 1
    q, k, v = _parts(attention)
    q[:, : 2 * quarter] = 0
    q[slow::head_dim] = 0
    k.copy_(q)
    q[slow::head_dim, mark] = -0.6
    k[slow::head_dim, mark] = 0.6
    # The first head brings the matching patch's place into the free channels.
    num_places = min(head_dim, quarter - 2)
    v[:head_dim] = 0
    v[range(num_places), range(num_places)] = 1
    attention.proj.weight[quarter : 2 * quarter] = 0
    attention.proj.weight[range(quarter, quarter + num_places), range(num_places)] = 1
    block.ls1.gamma[quarter : 2 * quarter] = 0.5
    _weigh_frequencies(attention, head_dim)


def _pool_places(block: Block, quarter: int) -> None:
    """Let the first head of a frame block tell all tokens the mean place of the matches.

    Next to the mean place of the patches, which is always the same, that is the mean flow: what a
    camera token needs to know first about a rotation.
    """
    attention = block.attn
    head_dim = attention.proj.out_features // attention.num_heads
    num_places = min(head_dim, quarter - 2)
    q, _, v = _parts(attention)
    q[:head_dim] = 0  # the same score for every key
    v[:head_dim] = 0
    v[range(num_places), range(quarter, quarter + num_places)] = 1
    rows = range(2 * quarter, 2 * quarter + num_places)
    attention.proj.weight[rows] = 0
    attention.proj.weight[rows, range(num_places)] = 2
    block.ls1.gamma[2 * quarter : 3 * quarter] = 1


def _parts(attention: Attention) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weights of queries, keys and values, as views."""
    q, k, v = torch.unflatten(attention.qkv.weight, 0, (3, -1)).unbind(0)
    return q, k, v


def _weigh_frequencies(attention: Attention, head_dim: int) -> None:
    """Let comparisons rest on components that rotate slowly with the distance of patches."""
    frequencies = head_dim // 4
    speed = torch.tensor([100.0 ** (-j / frequencies) for j in range(frequencies)])
    weight = torch.where(speed > _FAST_RAD, _BLUNT, _SHARP).repeat(4)
    for norm in (attention.q_norm, attention.k_norm):
        if isinstance(norm, nn.LayerNorm):
            norm.weight.copy_(weight)


def _blocks(modules: Iterable[nn.Module]) -> Iterator[Block]:
    for module in modules:
        assert isinstance(module, Block)
        yield module
