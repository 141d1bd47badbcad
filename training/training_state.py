"""Training state: all that a training needs to go on, on disk, whole or not at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from training.learner import Learner
from vggt_ros.errors import CheckpointCorruptError, CheckpointNotFoundError


@dataclass(slots=True, kw_only=True)
class Clock:
    """How far a training is.

    Attributes:
        trained_s: Seconds spent in steps, over all pieces.
        num_steps: Steps of the optimizer.
        num_frames: Frames seen.
        num_pieces: Starts of the program; each draws other places.
        is_from_trained: It began with trained weights, so that only the last stage is practiced.
    """

    trained_s: float = 0.0
    num_steps: int = 0
    num_frames: int = 0
    num_pieces: int = 0
    is_from_trained: bool = False


def save_state(
    path: Path,
    learner: Learner,
    averaged: AveragedModel,
    optimizer: torch.optim.Optimizer,
    clock: Clock,
) -> None:
    """Write the state beside the old one, then put it in its place.

    Args:
        path: Where; a run that is killed while writing leaves the old file as it is.
        learner: Weights.
        averaged: Their moving average.
        optimizer: Moments.
        clock: How far it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix('.new')
    content = {
        'learner': learner.state_dict(),
        'averaged': averaged.state_dict(),
        'optimizer': optimizer.state_dict(),
        'clock': asdict(clock),
    }
    torch.save(content, fresh)
    fresh.replace(path)


def load_state(
    path: Path,
    learner: Learner,
    averaged: AveragedModel,
    optimizer: torch.optim.Optimizer,
) -> Clock:
    """Put a state back and return how far it is.

    Raises:
        CheckpointNotFoundError: There is none.
        CheckpointCorruptError: It cannot be read, or belongs to another network.
    """
    if not path.is_file():
        raise CheckpointNotFoundError(
            f'there is no training to go on with: {path} does not exist; start without --resume'
        )
    try:
        content: dict[str, Any] = torch.load(path, map_location='cpu', weights_only=True)
        learner.load_state_dict(content['learner'])
        averaged.load_state_dict(content['averaged'])
        optimizer.load_state_dict(content['optimizer'])
        return Clock(**content['clock'])
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise CheckpointCorruptError(
            f'{path} is not the state of a training of this network ({error}); move it away to '
            f'start afresh'
        ) from error
