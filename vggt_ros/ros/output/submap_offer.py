"""Submap offer: the map as tiles that move, for viewers; only what changed is published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vggt_ros.mapping.layers.submap_tiles import NO_SUBMAP, SubmapTile
from vggt_ros.mapping.map_state import MapState
from vggt_ros.ros.output.publishers import Publishers

# Of one message: some megabytes. Tiles are not divided.
MAX_POINTS = 200_000


class SubmapOffer:
    """Publishes tiles that changed and the places of all submaps. Not thread-safe.

    When a viewer comes, all tiles follow: what it missed is not known.
    """

    def __init__(self, current: MapState, publishers: Publishers) -> None:
        """Offer nothing yet."""
        self._map = current
        self._publishers = publishers
        self._sizes: dict[int, int] = {}
        self._tick = self._num_viewers = 0
        self._epoch = current.epoch

    def offer(self, stamp_ns: int, *, has_news: bool) -> bool:
        """Publish what is due, if there is a viewer; return whether anything was.

        Args:
            stamp_ns: Of the newest frame.
            has_news: Whether the map may have changed.
        """
        num_viewers = self._publishers.num_tile_viewers
        is_new = num_viewers > self._num_viewers or self._epoch != self._map.epoch
        self._num_viewers, self._epoch = num_viewers, self._map.epoch
        if not num_viewers or not (is_new or has_news):
            return False
        if is_new:
            self._tick, self._sizes = 0, {}
        forgotten = {each for each in self._sizes if each not in self._map.graph}
        has_forgotten = bool(forgotten - {NO_SUBMAP})
        tiled = self._map.tiled(self._tick, and_forgotten=has_forgotten)
        self._tick = tiled.tick
        for group in _groups(tiled.tiles):
            self._publishers.publish_tiles(stamp_ns, group)
        self._sizes |= {each.submap_id: len(each.confidence) for each in tiled.tiles}
        self._sizes = {
            each: size
            for each, size in self._sizes.items()
            if size and (each in tiled.places or each == NO_SUBMAP)
        }
        self._publishers.publish_submaps(stamp_ns, tiled, self._sizes)
        return True


def _groups(tiles: Sequence[SubmapTile]) -> Iterator[list[SubmapTile]]:
    group: list[SubmapTile] = []
    size = 0
    for tile in tiles:
        count = len(tile.confidence)
        if group and size + count > MAX_POINTS:
            yield group
            group, size = [], 0
        if count:
            group.append(tile)
            size += count
    if group:
        yield group
