"""Backbone: what the package needs of a network, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import UInt8
import numpy as np

from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.inference.predictor_description import PredictorDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a network can do; what it cannot is not asked of it.

    Attributes:
        follows_points: It follows query points from image to image.
        encodes_on_arrival: It does part of its work for an image before the others of its window
            are there.
        is_metric: It means its lengths in meters, as trained; the scale of a map may come from it
            (`scale.source` model).
        license: Of its weights, an SPDX identifier where there is one; empty if not known.
    """

    follows_points: bool = False
    encodes_on_arrival: bool = False
    is_metric: bool = False
    license: str = ''


@runtime_checkable
class Predicts(Protocol):
    """A network, or what stands for one, as mapping sees it.

    Attributes:
        capabilities: What it can do.
    """

    capabilities: Capabilities

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
        """Return depth, cameras and what `request` asks for, for images of one size.

        Raises:
            PredictionError: The answer is unusable; the next window may be answered.
            DeviceMemoryError: The window does not fit; a smaller one may.
        """
        ...


@runtime_checkable
class Backbone(Predicts, Protocol):
    """A network with weights on a device, as the node sees it. One thread at a time calls it.

    Attributes:
        description: What runs where.
    """

    description: PredictorDescription

    def park(self) -> None:
        """Free the memory of the device; again is harmless."""
        ...

    def unpark(self) -> None:
        """Take the device again after `park`; again is harmless.

        Raises:
            DeviceError: The device has not enough memory.
        """
        ...

    def close(self) -> None:
        """Free everything; nothing may be called afterwards."""
        ...
