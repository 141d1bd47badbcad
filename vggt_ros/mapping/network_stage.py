"""Network stage: windows through the network, with the points that are to be followed."""

from __future__ import annotations

from collections.abc import Sequence
import threading

from jaxtyping import Float32
import numpy as np

from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.mapping.depth_request import depth_request
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.track_registry import Queries
from vggt_ros.mapping.refinement.network_tracks import NetworkTracks, take_network_tracks
from vggt_ros.mapping.registration.window_refiner import WindowRefiner
from vggt_ros.settings.config import VggtConfig


class NetworkStage:
    """Asks the network what is wanted of a window; needs nothing of the window before.

    One thread calls `encode` and `predict`; `answer` any.
    """

    def __init__(self, predictor: Predicts, refiner: WindowRefiner) -> None:
        """Ask nothing yet.

        Args:
            predictor: The network.
            refiner: Says which features it would like to have followed.
        """
        self._predictor = predictor
        self._refiner = refiner
        # Loops may ask the network, too, while it works on the next window.
        self._lock = threading.Lock()
        # What of an image the network sees; the first answer tells.
        self._grid: ImageGrid | None = None

    @property
    def follows_points(self) -> bool:
        """Whether it can follow points."""
        return self._predictor.capabilities.follows_points

    @property
    def is_metric(self) -> bool:
        """Whether its lengths are meters, as far as it can tell."""
        return self._predictor.capabilities.is_metric

    def encode(self, frame: Frame) -> None:
        """Do what the network can do for a frame before its window is complete.

        Raises:
            VggtRosError: The network cannot encode it.
        """
        if self._predictor.capabilities.encodes_on_arrival:
            with self._lock:
                self._predictor.encode(frame.id, frame.image)

    def predict(
        self, window: Window, queries: Queries | None, config: VggtConfig
    ) -> tuple[Prediction, NetworkTracks | None]:
        """Return what the network says of a window, and where it sees features of the refinement.

        Args:
            window: The frames.
            queries: Points of the first frame to follow; None for none.
            config: The settings.

        Raises:
            PredictionError: The network's answer is unusable.
        """
        points = [] if queries is None else [queries.uv_image]
        asked = None
        if config.refine.asks_tracker and self.follows_points and self._grid is not None:
            asked = self._refiner.queries(window.frames[0], self._grid)
        if asked is not None:
            points.append(asked.uv_image)
        prediction = self.answer(window.frames, _request(window, points, config))
        self._grid = prediction.grid
        if asked is None:
            return prediction, None
        return take_network_tracks(prediction, asked, config.tracks.min_visibility)

    def answer(self, frames: Sequence[Frame], request: Request) -> Prediction:
        """Return what the network says of some frames; waits while it is at work.

        Raises:
            PredictionError: The network's answer is unusable.
        """
        images, frame_ids = [frame.image for frame in frames], [frame.id for frame in frames]
        with self._lock:
            return self._predictor.predict(images, request, frame_ids=frame_ids)


def _request(
    window: Window, points: Sequence[Float32[np.ndarray, '_ 2']], config: VggtConfig
) -> Request:
    return Request(
        query_points=np.concatenate(points) if points else None,
        point_head=config.cloud.point_source == 'point_head',
        filter=config.cloud,
        depth_frames=depth_request(window.set_rows, window.num_overlap_sets),
    )
