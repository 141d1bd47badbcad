"""The node with a network that takes a set time for a window, as a busy GPU would.

    .venv/bin/python -m benchmarks.paced_node WINDOW_S --ros-args -p model.checkpoint:=nano ...

Prints a JSON line per window: how long it took, and how many of its frames it shares with the
window before.
"""

from __future__ import annotations

from collections.abc import Sequence
import json
import sys
import time
from unittest.mock import patch

from jaxtyping import Shaped
import numpy as np

from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.inference.predictor import Predictor
from vggt_ros.ros.node import main


class PacedPredictor(Predictor):
    """Sleeps after a prediction until it took `window_s`."""

    window_s = 0.5
    _last_ids: frozenset[int] = frozenset()

    def predict(
        self,
        images: Sequence[Shaped[np.ndarray, '*_']],
        request: Request | None = None,
        *,
        frame_ids: Sequence[int] | None = None,
    ) -> Prediction:
        """Predict, sleep, report."""
        start_s = time.monotonic()
        prediction = super().predict(images, request, frame_ids=frame_ids)
        time.sleep(max(0.0, self.window_s - (time.monotonic() - start_s)))
        ids = frozenset(frame_ids or ())
        line = {'window_s': time.monotonic() - start_s, 'shared': len(ids & self._last_ids)}
        sys.stdout.write(json.dumps(line) + '\n')
        sys.stdout.flush()
        self._last_ids = ids
        return prediction


if __name__ == '__main__':
    PacedPredictor.window_s = float(sys.argv.pop(1))
    with patch('vggt_ros.ros.predictor_loader.Predictor', PacedPredictor):
        sys.exit(main())
