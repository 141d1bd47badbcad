"""Protocol of a predictor: what the map needs of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import UInt8
import numpy as np

from vggt_ros.inference.prediction import Prediction, Request


@runtime_checkable
class Predicts(Protocol):
    """A network, or what stands for one."""

    def encode(
        self, frame_id: int, image: UInt8[np.ndarray, 'image_height image_width 3']
    ) -> None:
        """Do what can be done for an image before the others of its window are there."""
        ...

    def predict(
        self,
        images: Sequence[UInt8[np.ndarray, 'image_height image_width 3']],
        request: Request,
        *,
        frame_ids: Sequence[int] | None = None,
    ) -> Prediction:
        """Return depth, cameras and what `request` asks for, for images of one size."""
        ...
