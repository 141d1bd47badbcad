"""The submaps of the map, how they hang together and where they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import compose, in_unit
from vggt_ros.mapping.backend.frozen_place import place_beside_frozen
from vggt_ros.mapping.backend.loop_gate import loop_innovation, MAX_LOOP_ERROR
from vggt_ros.mapping.backend.marginalization import hubs_of, marginalized
from vggt_ros.mapping.backend.pose_graph import Edge, optimize
from vggt_ros.mapping.backend.whole_graph import optimize_whole
from vggt_ros.mapping.registration.up_direction import UpDirection

# What a graph of more submaps would bring is not worth its memory and time; what `marginalize`
# leaves of a building is far less.
MAX_SUBMAPS = 10_000
# Own submaps beside those of a map that is only looked at: the windows that a loop may wait for.
_MAX_OWN_BESIDE_FROZEN = 50
# Where things of a submap go when it is moved: map_from_old_map, by id of the submap.
Correction = Mapping[int, Sim3]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedSubmap:
    """One window in the map.

    Attributes:
        id: Number, ascending.
        segment: Number of the segment: submaps of one are connected to each other by
            overlap, by odometry or by loops.
        map_from_submap: Origin at the window's first camera, in the unit of the map when the
            window came; the scale differs from 1 only by later corrections.
        covariance: (7, 7) of `map_from_submap` against the first submap of its segment.
        up: What is up along its axes, where the map's z is up; None if that was not measured.
    """

    id: int
    segment: int
    map_from_submap: Sim3
    covariance: Float[np.ndarray, '7 7']
    up: UpDirection | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClosedLoop:
    """A place that was recognized and moved the map.

    Attributes:
        old: The submap of the place, where it is now.
        new: The submap that came back to it, where it is now.
        old_from_new: What the loop says of them, in the unit of the map now.
    """

    old: PlacedSubmap
    new: PlacedSubmap
    old_from_new: Sim3


class SubmapGraph:
    """A graph of submaps and loops; the oldest are forgotten when there are too many.

    Attributes:
        first_own_id: Submaps before it were restored; those of this session follow.
        is_frozen: Whether those that were restored stay where they are whatever comes.
        num_loops: Places that were recognized.
        num_loops_refused: Loops that contradicted all the rest.
    """

    def __init__(self) -> None:
        self._submaps: dict[int, PlacedSubmap] = {}
        self._edges: list[Edge] = []
        self._next_id = 0
        self._num_segments = 0
        self.first_own_id = 0
        self.is_frozen = False
        self.num_loops = 0
        self.num_loops_refused = 0

    def __len__(self) -> int:
        return len(self._submaps)

    def __getitem__(self, submap_id: int) -> PlacedSubmap:
        return self._submaps[submap_id]

    def __contains__(self, submap_id: int) -> bool:
        return submap_id in self._submaps

    @property
    def newest(self) -> PlacedSubmap | None:
        """The submap that was added last, None if there is none."""
        return self._submaps[next(reversed(self._submaps))] if self._submaps else None

    @property
    def is_connected(self) -> bool:
        """Whether the newest submap is connected to the map's first segment."""
        return self.newest is None or self.newest.segment == 0

    @property
    def has_restored(self) -> bool:
        """Whether there are submaps of an earlier session."""
        return next(iter(self._submaps), self.first_own_id) < self.first_own_id

    @property
    def is_relocalizing(self) -> bool:
        """Whether it is not known where in the restored map the robot is."""
        newest = self.newest
        if newest is None or not self.has_restored:
            return False
        return newest.id < self.first_own_id or not self.is_connected

    @property
    def submaps(self) -> tuple[PlacedSubmap, ...]:
        """All submaps, oldest first."""
        return tuple(self._submaps.values())

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, in the order in which they came."""
        return tuple(self._edges)

    @property
    def loops(self) -> tuple[ClosedLoop, ...]:
        """The loops between submaps that are kept, in the order in which they were closed."""
        return tuple(self._closed(edge) for edge in self._edges if edge.is_loop)

    def clear(self) -> None:
        """Forget all submaps; their ids are not used again."""
        self._submaps.clear()
        self._edges.clear()
        self._num_segments = 0
        self.first_own_id, self.is_frozen = self._next_id, False

    def restore(
        self, submaps: Sequence[PlacedSubmap], edges: Sequence[Edge], *, is_frozen: bool = False
    ) -> Mapping[int, int]:
        """Take in submaps of an earlier session; what is added next begins a segment.

        Args:
            submaps: In the order of their ids, as they were stored.
            edges: Between them.
            is_frozen: Whether they stay where they are from now on.

        Returns:
            Their ids here by those that they were stored under.
        """
        ids = {each.id: self._next_id + k for k, each in enumerate(submaps)}
        first_segment = self._num_segments
        for each in submaps:
            segment = first_segment + each.segment
            self._submaps[ids[each.id]] = replace(each, id=ids[each.id], segment=segment)
            self._num_segments = max(self._num_segments, segment + 1)
        self._edges += [replace(each, i=ids[each.i], j=ids[each.j]) for each in edges]
        self._next_id += len(submaps)
        self.first_own_id, self.is_frozen = self._next_id, is_frozen
        self._forget_oldest()
        return ids

    def add(
        self, map_from_submap: Sim3, covariance: Float[np.ndarray, '7 7'] | None
    ) -> PlacedSubmap:
        """Add a submap after the newest one.

        Args:
            map_from_submap: Rigid, as in `PlacedSubmap`.
            covariance: (7, 7) of where it is seen from the newest submap; None if nothing ties it
                to that: it begins a segment.
        """
        previous = self.newest
        submap_id = self._next_id
        if previous is None or covariance is None:
            segment, own = self._num_segments, np.zeros((7, 7))
            self._num_segments += 1
        else:
            i_from_j = previous.map_from_submap.inverse() @ map_from_submap
            edge = Edge(i=previous.id, j=submap_id, i_from_j=i_from_j, covariance=covariance)
            self._edges.append(edge)
            segment, own = previous.segment, compose(previous.covariance, i_from_j, covariance)
        self._submaps[submap_id] = PlacedSubmap(
            id=submap_id, segment=segment, map_from_submap=map_from_submap, covariance=own
        )
        self._next_id += 1
        self._forget_oldest()
        return self._submaps[submap_id]

    def update(self, submap: PlacedSubmap) -> None:
        """Take what else became known of a submap; its edges stay as they were measured."""
        self._submaps[submap.id] = submap

    def close(self, loop: Edge, *, is_rigid: bool) -> Correction:
        """Take in a recognized place; return where everything goes.

        A loop between two segments ties the later one to the earlier one, which stays.

        Args:
            loop: Between two submaps of the chain.
            is_rigid: True if lengths are meters, so that scales stay as they are.

        Returns:
            map_from_old_map by submap; empty if the loop contradicts all the rest and is refused.

        Raises:
            AlignmentError: The graph has no solution; nothing was changed.
        """
        if self.is_frozen:
            return self._close_to_frozen(loop)
        segments = self[loop.i].segment, self[loop.j].segment
        members = [each for each in self._submaps.values() if each.segment in segments]
        places = {each.id: each.map_from_submap for each in members}
        if segments[0] != segments[1]:
            places |= self._tied(loop, max(segments))
        known = [edge for edge in self._edges if edge.i in places and edge.j in places]
        # Before the graph gives way to it: spread over many edges, a large error looks small.
        if loop_innovation(loop, known, places, is_rigid=is_rigid) > MAX_LOOP_ERROR:
            self.num_loops_refused += 1
            return {}
        ups = {each.id: each.up for each in members if each.up is not None}
        solve = partial(optimize_whole, ups=ups) if ups else optimize
        solution = solve(places, [*known, loop], is_rigid=is_rigid)
        if solution.loop_errors[-1] > MAX_LOOP_ERROR:
            self.num_loops_refused += 1
            return {}
        self.num_loops += 1
        self._edges.append(loop)
        last = members[-1].id
        correction = {}
        for submap in members:
            place = solution.map_from_submap[submap.id]
            correction[submap.id] = place @ submap.map_from_submap.inverse()
            is_last = submap.id == last
            self._submaps[submap.id] = replace(
                submap,
                segment=min(segments),
                map_from_submap=place,
                covariance=solution.newest_covariance if is_last else submap.covariance,
            )
        return correction

    def marginalize(self, ids: Collection[int]) -> Mapping[int, int]:
        """Take submaps out of the graph; what was known by way of them stays known.

        Returns:
            By id of each that went, the one that what hangs on it belongs to now.
        """
        hubs = hubs_of(self._edges, ids) if ids else {}
        if not hubs:
            return {}
        self._edges = marginalized(self._edges, hubs)
        for each in hubs:
            del self._submaps[each]
        # There are never more segments than submaps.
        used = sorted({each.segment for each in self._submaps.values()})
        if len(used) < self._num_segments:
            self._num_segments = len(used)
            for submap in list(self._submaps.values()):
                self._submaps[submap.id] = replace(submap, segment=used.index(submap.segment))
        return hubs

    def rescale(self, map_from_old_map: Sim3) -> Correction:
        """Change the unit of the map, and turn it; return where everything goes.

        Args:
            map_from_old_map: The same for all.
        """
        scale = map_from_old_map.scale
        for submap in list(self._submaps.values()):
            place = map_from_old_map @ submap.map_from_submap
            # The submap's own unit changes with the map's: its scale stays what it was.
            place = Sim3(submap.map_from_submap.scale, place.rotation, place.translation)
            self._submaps[submap.id] = replace(
                submap, map_from_submap=place, covariance=in_unit(submap.covariance, scale)
            )
        self._edges = [
            replace(
                edge,
                i_from_j=replace(edge.i_from_j, translation=scale * edge.i_from_j.translation),
                covariance=in_unit(edge.covariance, scale),
            )
            for edge in self._edges
        ]
        return dict.fromkeys(self._submaps, map_from_old_map)

    def _close_to_frozen(self, loop: Edge) -> Correction:
        """Put the own submaps where a loop to a restored one and the way since the last say."""
        old, new = self[loop.i], self[loop.j]
        if not old.id < self.first_own_id <= new.id:
            return {}
        found = place_beside_frozen(
            old.map_from_submap,
            new.map_from_submap,
            new.covariance if new.segment == old.segment else None,
            loop,
        )
        if found is None:
            self.num_loops_refused += 1
            return {}
        place, covariance = found
        self.num_loops += 1
        move = place @ new.map_from_submap.inverse()
        own = [
            each
            for each in self._submaps.values()
            if each.id >= self.first_own_id and each.segment == new.segment
        ]
        for each in own:
            self._submaps[each.id] = replace(
                each,
                segment=old.segment,
                map_from_submap=move @ each.map_from_submap,
                covariance=covariance if each.id == new.id else each.covariance,
            )
        return {each.id: move for each in own}

    def _closed(self, edge: Edge) -> ClosedLoop:
        old, new = self[edge.i], self[edge.j]
        unit = old.map_from_submap.scale
        old_from_new = replace(edge.i_from_j, translation=unit * edge.i_from_j.translation)
        return ClosedLoop(old=old, new=new, old_from_new=old_from_new)

    def _tied(self, loop: Edge, later: int) -> dict[int, Sim3]:
        """Return the places of a segment, moved to where a loop puts it."""
        if self[loop.j].segment == later:
            old, new = self[loop.j], self[loop.i].map_from_submap @ loop.i_from_j
        else:
            old, new = self[loop.i], self[loop.j].map_from_submap @ loop.i_from_j.inverse()
        map_from_old_map = new @ old.map_from_submap.inverse()
        return {
            each.id: map_from_old_map @ each.map_from_submap
            for each in self._submaps.values()
            if each.segment == later
        }

    def _forget_oldest(self) -> None:
        most = _MAX_OWN_BESIDE_FROZEN if self.is_frozen else MAX_SUBMAPS
        if len(self._submaps) <= most:
            return
        first = self.first_own_id if self.is_frozen else 0
        ids = [each for each in self._submaps if each >= first]
        gone = ids[: max(0, len(ids) - most)]
        for each in gone:
            del self._submaps[each]
        if gone:
            known = self._submaps
            self._edges = [edge for edge in self._edges if edge.i in known and edge.j in known]
