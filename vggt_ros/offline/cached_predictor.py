"""Cached predictor: a network whose answers are kept, so that a run repeats without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
import hashlib
import json
from pathlib import Path

from jaxtyping import UInt8
import numpy as np

from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.offline.prediction_file import read_prediction, rounded, write_prediction


class CachedPredictor:
    """Answers as another predictor does, from files where it was asked the same before.

    The same is: the same pixels of the same frames, the same request, and the same `network`. A
    first answer is rounded as its file is, so that a run that goes on is like one that never
    stopped.

    Attributes:
        capabilities: Those of the other one, but for encoding on arrival.
        num_asked: Windows that the other one was asked for.
        num_known: Windows that were answered from files.
    """

    def __init__(self, predictor: Predicts, folder: Path, network: str) -> None:
        """Use the answers in a folder.

        Args:
            predictor: Is asked for the others.
            folder: Of the files; made if it is not there.
            network: What else the answers depend on: weights and preprocessing.

        Raises:
            OSError: The folder cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.capabilities = replace(predictor.capabilities, encodes_on_arrival=False)
        self.num_asked = self.num_known = 0
        self._predictor = predictor
        self._folder = folder
        self._network = network

    def encode(self, frame_id: int, image: UInt8[np.ndarray, 'H W 3']) -> None:
        """Do nothing: the answer may be known."""

    def predict(
        self,
        images: Sequence[UInt8[np.ndarray, 'H W 3']],
        request: Request,
        *,
        frame_ids: Sequence[int] | None = None,
    ) -> Prediction:
        """Return the answer of before, or that of the other predictor.

        Raises:
            PredictionError: The other one's answer is unusable; that is not kept.
            OSError: The answer cannot be written.
        """
        path = self._folder / f'{_key(images, request, frame_ids, self._network)}.npz'
        found = read_prediction(path)
        if found is not None:
            self.num_known += 1
            return found
        self.num_asked += 1
        answer = self._predictor.predict(images, request, frame_ids=frame_ids)
        write_prediction(path, answer)
        return rounded(answer)


def _key(
    images: Sequence[np.ndarray], request: Request, frame_ids: Sequence[int] | None, network: str
) -> str:
    digest = hashlib.blake2b(network.encode(), digest_size=20)
    described = {
        'point_head': request.point_head,
        'filter': None if request.filter is None else asdict(request.filter),
        'depth_frames': request.depth_frames,
        'frames': None if frame_ids is None else list(frame_ids),
        'sizes': [image.shape for image in images],
    }
    digest.update(json.dumps(described, sort_keys=True).encode())
    if request.query_points is not None:
        digest.update(request.query_points.tobytes())
    for image in images:
        digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()
