"""Loop search: revisited places, by images where they were asked, else by a network window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase
from vggt_ros.mapping.backend.loop_closure import LoopCloser, LoopQuery, Predict
from vggt_ros.mapping.backend.loop_verification import LoopStatistics, LoopVerifier
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.submap_graph import SubmapGraph
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel

# Takes long, and needs nothing of the map any more.
Verification = Callable[[], Edge | None]


class LoopSearch:
    """Looks up what may be the place of a window, and verifies it; one window at a time."""

    def __init__(self, database: KeyframeDatabase, predict: Predict) -> None:
        """Start without loops.

        Args:
            database: Stored keyframes.
            predict: Runs the network on frames of two places.
        """
        self._predict = predict
        self._closer = LoopCloser(database)
        self._verifier = LoopVerifier(database)

    @property
    def statistics(self) -> LoopStatistics:
        """What queries by images brought so far."""
        return self._verifier.statistics

    def clear(self) -> None:
        """Forget what waits for another window."""
        self._closer.clear()
        self._verifier.clear()

    def verification(
        self, query: LoopQuery, graph: SubmapGraph, error_model: PoseErrorModel
    ) -> Verification | None:
        """Look up candidates; quick, the map may not change meanwhile.

        Args:
            query: What a window shows.
            graph: The submaps.
            error_model: Of the network's poses.

        Returns:
            What compares the window with them; None if there are none.
        """
        if query.features is not None:
            candidates = self._verifier.candidates(query, graph)
            return None if candidates is None else partial(self._verifier.verify, candidates)
        places = [each for each in self._closer.candidates(query) if each.submap_id in graph]
        if not places:
            return None
        submaps = {each.submap_id: graph[each.submap_id] for each in places}
        return partial(self._closer.verify, query, places, submaps, self._predict, error_model)
