"""The scores with which chosen global blocks compare tokens, for losses on them."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from jaxtyping import Float
import torch
from torch import nn, Tensor

from vggt_ros.model.aggregator import Aggregator
from vggt_ros.model.attention import Attention
from vggt_ros.model.block import Block


class AttentionScores:
    """Remembers what the attention of chosen global blocks was given, while it is entered.

    The network itself never holds scores: its attention is fused. Losses on them compute them a
    second time, from the same input.
    """

    def __init__(self, aggregator: Aggregator, layers: Sequence[int]) -> None:
        """Choose the blocks; nothing is remembered yet.

        Args:
            aggregator: Whose `global_blocks`.
            layers: Numbers of the blocks.
        """
        blocks = [aggregator.global_blocks[i] for i in layers]
        self._modules: list[Attention] = [
            block.attn for block in blocks if isinstance(block, Block)
        ]
        self._inputs: dict[int, tuple[Any, ...]] = {}
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> AttentionScores:
        self._hooks = [
            module.register_forward_pre_hook(self._remember) for module in self._modules
        ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    def pop(self) -> list[Float[Tensor, 'B heads N N']]:
        """Return the scores before the softmax, block by block, and forget the inputs.

        Row i has the scores of query i against all keys; N counts the tokens of all frames.
        """
        scores = [_scores(module, *self._inputs[id(module)]) for module in self._modules]
        self._inputs.clear()
        return scores

    def _remember(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._inputs[id(module)] = inputs


def _scores(attention: Attention, x: Tensor, rope: Any) -> Float[Tensor, 'B heads N N']:
    two_thirds = attention.qkv.out_features * 2 // 3
    qk = nn.functional.linear(
        x, attention.qkv.weight[:two_thirds], attention.qkv.bias[:two_thirds]
    )
    q, k = torch.unflatten(qk, -1, (2, attention.num_heads, -1)).permute(2, 0, 3, 1, 4)
    q, k = attention.q_norm(q), attention.k_norm(k)
    if rope is not None:
        q, k = rope.rotate(q), rope.rotate(k)
    return (q.float() @ k.float().mT) * q.shape[-1] ** -0.5
