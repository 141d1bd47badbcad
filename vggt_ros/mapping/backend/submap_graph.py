"""The submaps of the map, how they hang together and where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import compose
from vggt_ros.mapping.backend.loop_gate import loop_innovation
from vggt_ros.mapping.backend.pose_graph import Edge, optimize

# What a graph of more submaps would bring is not worth its memory and time.
MAX_SUBMAPS = 4000
# A loop that is this many standard deviations off what all others say is a wrong one.
_MAX_LOOP_ERROR = 5.0
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
    """

    id: int
    segment: int
    map_from_submap: Sim3
    covariance: Float[np.ndarray, '7 7']


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
    """A graph of submaps and loops; the oldest are forgotten when there are too many."""

    def __init__(self) -> None:
        self._submaps: dict[int, PlacedSubmap] = {}
        self._edges: list[Edge] = []
        self._next_id = 0
        self._num_segments = 0
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
    def loops(self) -> tuple[ClosedLoop, ...]:
        """The loops between submaps that are kept, in the order in which they were closed."""
        return tuple(self._closed(edge) for edge in self._edges if edge.is_loop)

    def clear(self) -> None:
        """Forget all submaps; their ids are not used again."""
        self._submaps.clear()
        self._edges.clear()
        self._num_segments = 0

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
        segments = self[loop.i].segment, self[loop.j].segment
        members = [each for each in self._submaps.values() if each.segment in segments]
        places = {each.id: each.map_from_submap for each in members}
        if segments[0] != segments[1]:
            places |= self._tied(loop, max(segments))
        known = [edge for edge in self._edges if edge.i in places and edge.j in places]
        # Before the graph gives way to it: spread over many edges, a large error looks small.
        if loop_innovation(loop, known, places, is_rigid=is_rigid) > _MAX_LOOP_ERROR:
            self.num_loops_refused += 1
            return {}
        solution = optimize(places, [*known, loop], is_rigid=is_rigid)
        if solution.loop_errors[-1] > _MAX_LOOP_ERROR:
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
                submap, map_from_submap=place, covariance=_in_unit(submap.covariance, scale)
            )
        self._edges = [
            replace(
                edge,
                i_from_j=replace(edge.i_from_j, translation=scale * edge.i_from_j.translation),
                covariance=_in_unit(edge.covariance, scale),
            )
            for edge in self._edges
        ]
        return dict.fromkeys(self._submaps, map_from_old_map)

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
        while len(self._submaps) > MAX_SUBMAPS:
            oldest = next(iter(self._submaps))
            del self._submaps[oldest]
            self._edges = [edge for edge in self._edges if oldest not in (edge.i, edge.j)]


def _in_unit(covariance: Float[np.ndarray, '7 7'], scale: float) -> Float[np.ndarray, '7 7']:
    units = np.array([1.0] * 3 + [scale] * 3 + [1.0])
    return covariance * np.outer(units, units)
