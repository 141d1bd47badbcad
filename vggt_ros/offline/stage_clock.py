"""Stage clock: wall time by stage, and a network that is timed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
import time

from jaxtyping import UInt8
import numpy as np

from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.prediction import Prediction, Request


class StageClock:
    """Adds up wall time by the name of the stage; stages within stages count once, inside.

    Attributes:
        seconds: By stage.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._started_s = time.perf_counter()
        self._inner_s = [0.0]

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of a block to a stage, but for that of stages within it."""
        started_s = time.perf_counter()
        self._inner_s.append(0.0)
        try:
            yield
        finally:
            took_s = time.perf_counter() - started_s
            self.seconds[name] += took_s - self._inner_s.pop()
            self._inner_s[-1] += took_s

    def total_s(self) -> float:
        """Return the time since the clock was made."""
        return time.perf_counter() - self._started_s


class TimedPredictor:
    """Answers as another predictor does; its time counts to the stage `network`.

    Images are encoded with their window: a recording has no time between two frames to use.

    Attributes:
        capabilities: Those of the other one, but for encoding on arrival.
    """

    def __init__(self, predictor: Predicts, clock: StageClock) -> None:
        self._predictor = predictor
        self._clock = clock
        self.capabilities = replace(predictor.capabilities, encodes_on_arrival=False)

    def encode(self, frame_id: int, image: UInt8[np.ndarray, 'H W 3']) -> None:
        """Do nothing: the window will bring the image."""

    def predict(
        self,
        images: Sequence[UInt8[np.ndarray, 'H W 3']],
        request: Request,
        *,
        frame_ids: Sequence[int] | None = None,
    ) -> Prediction:
        """Return what the other predictor answers."""
        with self._clock.stage('network'):
            return self._predictor.predict(images, request, frame_ids=frame_ids)
