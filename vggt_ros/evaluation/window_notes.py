"""Notes of what a network said about each window, before anything was done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import time

from jaxtyping import Float, UInt8
import numpy as np

from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.prediction import Prediction, Request


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowNote:
    """The cameras of one forward pass.

    Attributes:
        frame_ids: (S,) of its frames.
        cam_from_world: (S, 4, 4) rigid, in the unit of the network.
        K_image: (S, 3, 3) intrinsics, pixels of the camera's images.
        predict_s: Wall time of the pass.
    """

    frame_ids: tuple[int, ...]
    cam_from_world: Float[np.ndarray, 'S 4 4']
    K_image: Float[np.ndarray, 'S 3 3']
    predict_s: float


class NotingPredictor:
    """A predictor that answers as another one does and keeps a note of each answer.

    Attributes:
        capabilities: Those of the other one.
        notes: Of all forward passes so far, also of those that look whether two places are one.
    """

    def __init__(self, predictor: Predicts) -> None:
        """Ask `predictor` from now on."""
        self._predictor = predictor
        self.capabilities = predictor.capabilities
        self.notes: list[WindowNote] = []

    def encode(self, frame_id: int, image: UInt8[np.ndarray, 'H W 3']) -> None:
        """Do what can be done for an image before the others are there."""
        self._predictor.encode(frame_id, image)

    def predict(
        self,
        images: Sequence[UInt8[np.ndarray, 'H W 3']],
        request: Request,
        *,
        frame_ids: Sequence[int] | None = None,
    ) -> Prediction:
        """Return what the other predictor answers."""
        started_s = time.perf_counter()
        prediction = self._predictor.predict(images, request, frame_ids=frame_ids)
        if frame_ids is not None:
            self.notes.append(
                WindowNote(
                    frame_ids=tuple(frame_ids),
                    cam_from_world=prediction.cam_from_world.copy(),
                    K_image=prediction.K_image.copy(),
                    predict_s=time.perf_counter() - started_s,
                )
            )
        return prediction
