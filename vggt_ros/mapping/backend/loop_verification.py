"""Loop verification: revisited places that the images confirm, without another network window.

A loop candidate goes through four tests, and each of them can only refuse: stored keyframes that
look alike are compared image by image (`refinement.place_verification`); places that contradict
each other are ambiguous; the next window has to say the same (`loop_hypothesis`); and the submap
graph has to find it possible (`loop_gate`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase, StoredKeyframe
from vggt_ros.mapping.backend.loop_closure import LoopQuery
from vggt_ros.mapping.backend.loop_hypothesis import (
    are_one,
    hypothesis_of,
    LoopHypothesis,
    MAX_WINDOWS_BETWEEN,
    say_the_same,
)
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.segment_gap import segment_gap, SegmentGap
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap, SubmapGraph
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.refinement.pair_verification import KeyframeView, Refusal
from vggt_ros.mapping.refinement.place_verification import VerifiedPlace, verify_place

# Keyframes of either place that are compared, and places that are verified in a query.
_FRAMES = 3
_MAX_PLACES = 4
# The newest submaps are no other place.
_MIN_SUBMAP_GAP = 10
# Windows in a row that have to say the same; more where there is no graph that could object.
_MIN_WINDOWS, _MIN_WINDOWS_BETWEEN_SEGMENTS = 2, 3
# A loop that corrects the newest submap by less, in median depths, was hardly worth a query; the
# next ones wait exponentially longer.
_MIN_CORRECTION, _MAX_PAUSE = 0.05, 16
# Where nothing else bounds the drift.
_MAX_PAUSE_BESIDE_FROZEN = 2

AMBIGUOUS, UNCONFIRMED, NO_FEATURES = 'ambiguous', 'unconfirmed', 'no_features'
OUT_OF_REACH = 'out_of_reach'


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStatistics:
    """Loop queries so far.

    Attributes:
        num_queries: Windows that were compared with stored keyframes.
        num_verified: Queries in which the images confirmed a place.
        num_confirmed: Those of them that a second window confirmed: the loops.
        refusals: By reason how many places were not confirmed: those of `Refusal`; ambiguous:
            candidates of one query contradict each other; unconfirmed: the windows before and
            after did not say the same; no_features: nothing is known of the window's images;
            out_of_reach: the robot cannot have got there while the map was lost.
    """

    num_queries: int
    num_verified: int
    num_confirmed: int
    refusals: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoopCandidates:
    """A window and the places that it may have come back to.

    Attributes:
        query: The window.
        places: Keyframes of each place, those that were taken in a row.
        placed: The submaps that matter, by id.
        gaps: Between other segments, by their number, and that of the window.
        max_pause: Windows until the next query, at most.
    """

    query: LoopQuery
    places: tuple[tuple[StoredKeyframe, ...], ...]
    placed: Mapping[int, PlacedSubmap]
    gaps: Mapping[int, SegmentGap]
    max_pause: int = _MAX_PAUSE


@dataclass(slots=True)
class _Counts:
    num_queries: int = 0
    num_verified: int = 0
    num_confirmed: int = 0
    refusals: Counter[str] = field(default_factory=Counter)


class LoopVerifier:
    """Finds revisited places by their images; one window at a time."""

    def __init__(self, database: KeyframeDatabase) -> None:
        self._database = database
        self._counts = _Counts()
        self._pending = None
        self._pause, self._windows_to_wait = 1, 0

    @property
    def statistics(self) -> LoopStatistics:
        """What the queries so far brought."""
        counts = self._counts
        return LoopStatistics(
            num_queries=counts.num_queries,
            num_verified=counts.num_verified,
            num_confirmed=counts.num_confirmed,
            refusals=dict(counts.refusals),
        )

    @property
    def _pending(self) -> LoopHypothesis | None:
        return self._hypothesis

    @_pending.setter
    def _pending(self, hypothesis: LoopHypothesis | None) -> None:
        self._hypothesis = hypothesis
        edge = None if hypothesis is None else hypothesis.edge
        self._database.submaps_in_use = frozenset() if edge is None else {edge.i, edge.j}

    def clear(self) -> None:
        """Forget what waits for a second window, and how long to wait."""
        self._pending = None
        self._pause, self._windows_to_wait = 1, 0

    def look_up(self, query: LoopQuery, graph: SubmapGraph) -> Edge | None:
        """Return what `candidates` and `verify` say, where nothing else works on the map."""
        candidates = self.candidates(query, graph)
        return None if candidates is None else self.verify(candidates)

    def candidates(self, query: LoopQuery, graph: SubmapGraph) -> LoopCandidates | None:
        """Return what to compare a window with; None if there is nothing, or it is too early.

        A window whose segment is not connected to the rest of the map is compared with all other
        segments, however new, and every time: this is how the map is relocalized.

        Args:
            query: The window.
            graph: The submaps; nothing of it is kept.
        """
        if not _rows_with_features(query):
            self._counts.refusals[NO_FEATURES] += 1
            return None
        rows, is_relocalizing = self._eligible_rows(query, graph)
        if self._windows_to_wait > 0 and not is_relocalizing:
            self._windows_to_wait -= 1
            return None
        places = tuple(self._around(row, rows) for row in self._ranked(query, rows))
        if not places:
            return None
        self._counts.num_queries += 1
        ids = {place.submap_id for each in places for place in each} | {query.submap.id}
        if self._pending is not None:
            ids |= {self._pending.edge.i, self._pending.edge.j}
        placed = {submap_id: graph[submap_id] for submap_id in ids if submap_id in graph}
        gaps = self._gaps(query, graph) if is_relocalizing else {}
        return LoopCandidates(
            query=query,
            places=places,
            placed=placed,
            gaps=gaps,
            max_pause=_MAX_PAUSE_BESIDE_FROZEN if graph.is_frozen else _MAX_PAUSE,
        )

    def verify(self, candidates: LoopCandidates) -> Edge | None:
        """Return a loop once two windows in a row agree on it.

        Takes some 10 ms for every pair of images that have something in common.
        """
        found = self._verified(candidates)
        if found is not None and not _is_in_reach(found, candidates):
            self._counts.refusals[OUT_OF_REACH] += 1
            self._pending = found = None
        pending = self._pending
        if found is None:
            if pending is not None and not self._is_recent(pending, candidates):
                self._pending = None
            return None
        self._counts.num_verified += 1
        if pending is not None and say_the_same(pending, found, candidates.placed):
            found = replace(found, num_windows=pending.num_windows + 1)
        self._pending = found
        segments = {candidates.placed[found.edge.i].segment, candidates.query.submap.segment}
        if found.num_windows < (
            _MIN_WINDOWS if len(segments) == 1 else _MIN_WINDOWS_BETWEEN_SEGMENTS
        ):
            self._counts.refusals[UNCONFIRMED] += 1
            return None
        self._counts.num_confirmed += 1
        is_worth_it = found.correction > _MIN_CORRECTION
        self._pause = 1 if is_worth_it else min(2 * self._pause, candidates.max_pause)
        self._windows_to_wait = self._pause - 1
        return found.edge

    def _is_recent(self, pending: LoopHypothesis, candidates: LoopCandidates) -> bool:
        return candidates.query.submap.id - pending.edge.j < MAX_WINDOWS_BETWEEN

    def _eligible_rows(self, query: LoopQuery, graph: SubmapGraph) -> tuple[list[int], bool]:
        """Return the stored keyframes that may be another place, and whether the map is lost."""
        segment = query.submap.segment
        until_ns = query.frames[-1].stamp_ns - int(self._database.settings.min_gap * 1e9)
        rows, others = [], []
        for row in range(len(self._database)):
            place = self._database[row]
            if place.features is None or place.submap_id not in graph:
                continue
            if graph[place.submap_id].segment != segment:
                others.append(row)
            elif place.submap_id < graph.first_own_id <= query.submap.id:
                rows.append(row)  # of an earlier session: neither its time nor the way counts
            elif (
                not graph.is_frozen
                and place.frame.stamp_ns <= until_ns
                and place.submap_id <= query.submap.id - _MIN_SUBMAP_GAP
            ):
                rows.append(row)
        return sorted(rows + others), bool(others)

    def _gaps(self, query: LoopQuery, graph: SubmapGraph) -> dict[int, SegmentGap]:
        """Return how far from the ends of other segments the window's own one can begin."""
        by_segment: dict[int, list[StoredKeyframe]] = {}
        for row in range(len(self._database)):
            place = self._database[row]
            # How far a robot is carried from one session to the next is not known.
            if place.submap_id in graph and place.submap_id >= graph.first_own_id:
                by_segment.setdefault(graph[place.submap_id].segment, []).append(place)
        begin, begin_ns = query.in_map.ref_from_cam[0, :3, 3], query.frames[0].stamp_ns
        own = by_segment.pop(query.submap.segment, [])
        if own:
            begin, begin_ns = own[0].map_from_cam[:3, 3], own[0].frame.stamp_ns
        return {
            number: segment_gap(places, begin, begin_ns) for number, places in by_segment.items()
        }

    def _ranked(self, query: LoopQuery, rows: Sequence[int]) -> list[int]:
        """Return the rows of different places to look at, the most promising first."""
        if not rows:
            return []
        ranked: list[int] = []
        if self._pending is not None:
            ids = [self._database[row].frame.id for row in rows]
            if self._pending.frame_id in ids:
                ranked.append(rows[ids.index(self._pending.frame_id)])
        newest, features = _rows_with_features(query)[-1]
        by_network = self._database.similarities(query.descriptors[newest])[rows]
        by_words = self._database.word_similarities(features)
        likely = [rows[k] for k in np.argsort(-by_network, kind='stable')[:_FRAMES]]
        if by_words is not None:
            order = np.argsort(-by_words[rows], kind='stable')
            # The encoder's opinion counts once: features retrieve better.
            likely = [rows[order[0]], likely[0], *(rows[k] for k in order[1:])]
        for row in likely:
            if len(ranked) == _MAX_PLACES:
                break
            if all(abs(row - other) >= _FRAMES for other in ranked):
                ranked.append(row)
        return ranked

    def _around(self, row: int, rows: Sequence[int]) -> tuple[StoredKeyframe, ...]:
        reach = _FRAMES // 2
        near = [each for each in rows if abs(each - row) <= reach]
        return tuple(self._database[each] for each in near)

    def _verified(self, candidates: LoopCandidates) -> LoopHypothesis | None:
        views = _views_of(candidates.query)
        found: list[tuple[VerifiedPlace, LoopHypothesis]] = []
        for places in candidates.places:
            stored = [
                KeyframeView(features=place.features, place_from_cam=place.map_from_cam)
                for place in places
                if place.features is not None
            ]
            verified = verify_place(views, stored)
            if isinstance(verified, Refusal):
                self._counts.refusals[verified.value] += 1
            else:
                place = places[len(places) // 2]
                old, new = candidates.placed[place.submap_id], candidates.query.submap
                hypothesis = hypothesis_of(verified, views[-1], place.frame.id, old, new)
                found.append((verified, hypothesis))
        if not found:
            return None
        best, hypothesis = max(found, key=lambda each: each[0].num_inliers)
        if any(not are_one(best, other, views[-1]) for other, _ in found):
            self._counts.refusals[AMBIGUOUS] += 1
            self._pending = None  # what it was about looks like something else, too
            return None
        return hypothesis


def _is_in_reach(found: LoopHypothesis, candidates: LoopCandidates) -> bool:
    """Return whether the robot can have come to a place of another segment."""
    old, new = candidates.placed[found.edge.i], candidates.query.submap
    gap = candidates.gaps.get(old.segment)
    corrected_from_map = old.map_from_submap @ found.edge.i_from_j @ new.map_from_submap.inverse()
    return gap is None or gap.allows(corrected_from_map)


def _rows_with_features(query: LoopQuery) -> list[tuple[int, KeyframeFeatures]]:
    return [(k, each) for k, each in enumerate(query.features or ()) if each is not None]


def _views_of(query: LoopQuery) -> list[KeyframeView]:
    known = _rows_with_features(query)
    picked = np.unique(np.linspace(0, len(known) - 1, _FRAMES).round().astype(int))
    poses = query.in_map.ref_from_cam
    return [
        KeyframeView(features=features, place_from_cam=poses[row])
        for row, features in (known[k] for k in picked)
    ]
