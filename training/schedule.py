"""Schedule of the learning rate, and of the moving average of the weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
import math

import torch
from torch import nn, Tensor
from torch.optim.swa_utils import AveragedModel

from training.learner import Learner

_PEAK = 9e-4
_FLOOR = 0.02  # last learning rate relative to the peak
_WARM_UP_STEPS = 300
# Trained weights must not be thrown far off; moments are estimated soon enough.
_TRAINED_PEAK, _TRAINED_WARM_UP_STEPS = 6e-4, 100
_WEIGHT_DECAY = 0.02
_EMA_DECAY = 0.999
_MAX_GRADIENT = 1.0


def make_optimizer(learner: Learner) -> torch.optim.AdamW:
    """Return AdamW; vectors (biases, scales, norms) and tokens do not decay.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019. Every group says
    with `rate` how fast it learns relative to the others.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in learner.named_parameters():
        decay = _WEIGHT_DECAY if parameter.ndim in (2, 4) else 0.0
        groups[_rate(name), decay].append(parameter)
    return torch.optim.AdamW(
        [
            {'params': parameters, 'rate': rate, 'weight_decay': decay}
            for (rate, decay), parameters in groups.items()
        ],
        lr=_PEAK,
        betas=(0.9, 0.98),
        fused=True,
    )


def clip_gradients(learner: Learner) -> float:
    """Limit the gradient of each part of the network on its own; return the norm of all.

    A head whose gradients are large must not slow the others down. Pascanu et al., "On the
    difficulty of training recurrent neural networks", ICML 2013.
    """
    parts = [learner.readout, learner.pose_readout, *learner.network.children()]
    norms = [torch.nn.utils.clip_grad_norm_(part.parameters(), _MAX_GRADIENT) for part in parts]
    return float(torch.stack(norms).norm())


def _rate(name: str) -> float:
    # Every step moves an output by about rate * learning rate * width; poses have to be exact to
    # a hundredth.
    if name.startswith('network.camera_head.pose_branch.fc2'):
        return 0.05
    if name.startswith('network.camera_head'):
        return 0.5
    # The dense heads start late and have to catch up.
    if name.startswith(('network.depth_head', 'network.point_head')):
        return 2.0
    # Read-outs start at zero and have far to go.
    return 4.0 if name.startswith('readout') else 1.0


def make_average(learner: Learner) -> AveragedModel:
    """Return the moving average of a learner: the weights that are shipped.

    It forgets the first steps soon: it averages over the last tenth of the steps, over a thousand
    at most.
    """
    return AveragedModel(learner, multi_avg_fn=_average)


@torch.no_grad()
def _average(
    averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Tensor | int
) -> None:
    num = float(num_averaged)
    decay = min(_EMA_DECAY, (1 + num) / (10 + num))
    for mean, value in zip(averaged, current, strict=True):
        mean.lerp_(value, 1 - decay)


def learning_rate(progress: float, num_steps: int, *, is_from_trained: bool = False) -> float:
    """Return the rate of a step: linear warm-up, then half a cosine.

    Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts.

    Args:
        progress: 0 at the start of the training, 1 at its end.
        num_steps: Steps taken so far.
        is_from_trained: Begin with less, since there is something to lose.
    """
    peak, warm_up_steps = (
        (_TRAINED_PEAK, _TRAINED_WARM_UP_STEPS) if is_from_trained else (_PEAK, _WARM_UP_STEPS)
    )
    warm_up = min(1.0, (num_steps + 1) / warm_up_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))
    return peak * warm_up * (_FLOOR + (1 - _FLOOR) * cosine)
