"""Predicted window: what the network answered, and the map has not taken in yet."""

from __future__ import annotations

from dataclasses import dataclass

from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.track_registry import Queries
from vggt_ros.mapping.refinement.network_tracks import NetworkTracks
from vggt_ros.settings.config import VggtConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What subscribers need of a window beside depth, points and poses.

    Attributes:
        tracks: True to follow points from frame to frame.
    """

    tracks: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PredictedWindow:
    """What goes from the stage of the network to the stage of the map.

    Attributes:
        window: The frames.
        answer: Of the network; the error if it has none; None if the map was reset meanwhile.
        queries: The points that were followed; None if none were wanted.
        config: The settings when the window was taken.
        start_s: When that was, by time.monotonic.
        followed: Where the network sees features, for the refinement; None if it was not asked.
    """

    window: Window
    answer: Prediction | Exception | None
    queries: Queries | None
    config: VggtConfig
    start_s: float
    followed: NetworkTracks | None = None
