"""Tile layer: the points of the map on a canvas; what has not changed is not sent again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.submap_tiles import NO_SUBMAP, place_of, SubmapTile
from vggt_ros.viewer.canvas import Canvas, Cloud
from vggt_ros.viewer.level_of_detail import nearest_within
from vggt_ros.viewer.point_colors import ColorRange, tile_colors
from vggt_ros.viewer.shown_tile import prepared, rows_of, ShownTile
from vggt_ros.viewer.view_settings import ViewSettings

# Rounding to 11 bits is invisible up to here; larger tiles are sent in twice as many bytes.
_MAX_FLOAT16_ERROR = 0.005
_FLOAT16_EPS = 2.0**-11
_COARSE, _FINE = 'coarse', 'fine'
# A page may hold this many times what it draws, to show another part without delay.
_HELD = 2.0
_MIN_POINT_SIZE = 0.002
# Of the distance between points; neighbors then just hide what is behind them.
_SIZE = 0.7
# Samples of a tile for the ends of color scales.
_SAMPLES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a call of `draw` sent.

    Attributes:
        num_bytes: Of points and colors.
        num_shown: Points that are visible now.
        is_complete: False if some has to wait for the next call.
    """

    num_bytes: int
    num_shown: int
    is_complete: bool


class TileLayer:
    """Not thread-safe.

    Attributes:
        settings: What is chosen.
        ends: Of the color scales.
        diagonal: Length of the diagonal of most of the map when it was measured, map units.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.settings = ViewSettings()
        self.ends = ColorRange()
        self.diagonal = 0.0
        self._places: Mapping[int, Sim3] = {}
        self._begins_ns: Mapping[int, int] = {}
        self._shown: dict[int, ShownTile] = {}
        self._gone: list[ShownTile] = []

    def __len__(self) -> int:
        return sum(len(each.tile.confidence) for each in self._shown.values())

    def sizes(self) -> dict[int, int]:
        """Return the number of points of each tile."""
        return {each: len(shown.tile.confidence) for each, shown in self._shown.items()}

    def put(self, tiles: Iterable[SubmapTile]) -> None:
        """Take tiles in place of those with the same id; an empty one removes it."""
        for tile in tiles:
            old = self._shown.pop(tile.submap_id, None)
            if len(tile.confidence):
                shown = prepared(tile, place_of(tile.submap_id, self._places))
                if old is not None:  # its clouds are replaced when the new ones are sent
                    shown.parts, shown.visible = old.parts, old.visible
                self._shown[tile.submap_id] = shown
            elif old is not None:
                self._gone.append(old)

    def place(self, places: Mapping[int, Sim3]) -> None:
        """Move submaps; those that are not among them any more are removed.

        A tile that comes before its place is kept, and not drawn before it has one.

        Args:
            places: map_from_submap by id.
        """
        removed = self._places.keys() - places.keys()
        self._places = places
        for submap_id in removed & self._shown.keys():
            self._gone.append(self._shown.pop(submap_id))

    def begin_at(self, begins_ns: Mapping[int, int]) -> None:
        """Take when each submap was first seen, for `ViewSettings.until_ns`."""
        self._begins_ns = begins_ns

    def choose(self, settings: ViewSettings) -> None:
        """Show the map in another way from the next `draw` on."""
        old, self.settings = self.settings, settings
        cut = ('max_height', 'min_confidence_percent')
        has_other_points = any(getattr(old, each) != getattr(settings, each) for each in cut)
        is_painted_anew = old.coloring != settings.coloring
        if is_painted_anew:
            self.measure()
        for shown in self._shown.values():
            shown.is_stale |= has_other_points
            shown.has_other_colors |= is_painted_anew

    def sample(self) -> Float[np.ndarray, 'n 3']:
        """Return some points of all tiles, in the map."""
        parts = [
            place_of(each.tile.submap_id, self._places).apply(
                each.tile.points_in_submap[_some(each)].astype(np.float64)
            )
            for each in self._shown.values()
        ]
        return np.concatenate(parts) if parts else np.zeros((0, 3))

    def measure(self) -> None:
        """Let the color scales end where the points of now do."""
        if not self._shown:
            return
        points = self.sample()
        low, high = np.percentile(points[:, 2], [1, 99]).tolist()
        self.diagonal = float(
            np.linalg.norm(np.ptp(np.percentile(points, [3, 97], axis=0), axis=0))
        )
        confidences = [each.tile.confidence[_some(each)] for each in self._shown.values()]
        logs = np.log(np.maximum(np.concatenate(confidences), 1e-6))
        dark, bright = np.percentile(logs, [2, 98]).tolist()
        ages = (min(self._shown), max(self._shown))
        self.ends = ColorRange(heights=(low, high), confidences=(dark, bright), ages=ages)

    def draw(self, canvas: Canvas, eyes: Float[np.ndarray, 'm 3'], max_bytes: int) -> Drawn:
        """Send what has changed.

        Args:
            canvas: Where to.
            eyes: (m, 3) those who look, in the map.
            max_bytes: More than this is left for the next call, but for one cloud.
        """
        for gone in self._gone:
            for name in gone.parts:
                canvas.remove(name)
        self._gone.clear()
        placed = [each for each in self._shown.values() if self._is_placed(each)]
        for shown in placed:
            self._move(canvas, shown)
        spent, is_complete = 0, True
        is_full = self._full(eyes)
        for shown in placed:
            level = (_COARSE, _FINE) if is_full[shown.tile.submap_id] else (_COARSE,)
            if spent > max_bytes:
                is_complete = False
                break
            spent += self._send(canvas, shown, level)
            self._expose(canvas, shown, level)
        self._make_room(canvas)
        return Drawn(num_bytes=spent, num_shown=self._num_shown(), is_complete=is_complete)

    def resize(self, canvas: Canvas) -> None:
        """Draw points as large as the settings say."""
        for shown in self._shown.values():
            for name in shown.parts:
                canvas.size_points(name, self._size(shown))

    def _full(self, eyes: Float[np.ndarray, 'm 3']) -> dict[int, bool]:
        ids = list(self._shown)
        if not ids:
            return {}
        shown = [self._shown[each] for each in ids]
        coarse = np.array([each.num_coarse for each in shown])
        fine = np.array([len(each.tile.confidence) for each in shown]) - coarse
        hidden = np.array([not self._is_begun(each) for each in ids])
        coarse[hidden] = fine[hidden] = 0
        centers = np.stack([self._cloud_place(each).translation for each in shown])
        budget = int(max(0, self.settings.max_points - coarse.sum()))
        is_full = nearest_within(centers, fine, eyes, budget)
        return dict(zip(ids, is_full.tolist(), strict=True))

    def _is_placed(self, shown: ShownTile) -> bool:
        return shown.tile.submap_id in self._places or shown.tile.submap_id == NO_SUBMAP

    def _is_begun(self, submap_id: int) -> bool:
        until_ns = self.settings.until_ns
        return until_ns is None or self._begins_ns.get(submap_id, until_ns) <= until_ns

    def _cloud_place(self, shown: ShownTile) -> Sim3:
        place = place_of(shown.tile.submap_id, self._places)
        return place @ Sim3(1.0, np.eye(3), shown.center)

    def _move(self, canvas: Canvas, shown: ShownTile) -> None:
        place = self._cloud_place(shown)
        if _is_same(place, shown.place):
            return
        shown.place = place
        # A cut at a height is another one after the tile has moved, and so are colors by height.
        shown.is_stale |= bool(np.isfinite(self.settings.max_height))
        shown.has_other_colors |= self.settings.coloring == 'height'
        for name in shown.parts:
            canvas.move_cloud(name, place)

    def _send(self, canvas: Canvas, shown: ShownTile, level: tuple[str, ...]) -> int:
        tile, spent = shown.tile, 0
        held: set[str] = set()
        names = {part: f'/map/{tile.submap_id}_{part}' for part in (_COARSE, _FINE)}
        if shown.is_stale:
            for name in shown.parts.keys() - {names[part] for part in level}:
                canvas.remove(name)
                shown.visible.discard(name)
            held = set(shown.parts)
            shown.parts = {}
        keep = self._kept(shown)
        for part in level:
            name = names[part]
            if name in shown.parts and not shown.has_other_colors:
                continue
            begin, end = (0, shown.num_coarse)
            if part == _FINE:
                begin, end = (shown.num_coarse, len(tile.confidence))
            rows = begin + np.flatnonzero(keep[begin:end])
            own = rows_of(tile, rows)
            colors = tile_colors(
                own, place_of(tile.submap_id, self._places), self.settings.coloring, self.ends
            )
            if name in shown.parts:
                canvas.color_cloud(name, colors)
                spent += colors.nbytes
                continue
            if not len(rows):
                if name in held:
                    canvas.remove(name)
                continue
            points = own.points_in_submap - shown.center.astype(np.float32)
            error = float(np.abs(points).max()) * _FLOAT16_EPS
            precision = np.float16 if error <= _MAX_FLOAT16_ERROR else np.float32
            cloud = Cloud(
                points=points.astype(precision), colors=colors, map_from_cloud=shown.place
            )
            canvas.put_cloud(name, cloud, self._size(shown))
            spent += cloud.num_bytes
            shown.parts[name] = rows
            shown.visible.add(name)
        if shown.has_other_colors and len(level) == 1 and names[_FINE] in shown.parts:
            canvas.remove(names[_FINE])  # hidden, and painted as before
            shown.visible.discard(names[_FINE])
            del shown.parts[names[_FINE]]
        shown.is_stale = shown.has_other_colors = False
        return spent

    def _kept(self, shown: ShownTile) -> np.ndarray:
        tile, settings = shown.tile, self.settings
        keep = np.ones(len(tile.confidence), dtype=bool)
        if settings.min_confidence_percent > 0:
            keep &= tile.confidence >= np.percentile(
                tile.confidence, settings.min_confidence_percent
            )
        if np.isfinite(settings.max_height):
            place = place_of(tile.submap_id, self._places)
            heights = place.apply(tile.points_in_submap.astype(np.float64))[:, 2]
            keep &= heights <= settings.max_height
        return keep

    def _expose(self, canvas: Canvas, shown: ShownTile, level: tuple[str, ...]) -> None:
        is_begun = self._is_begun(shown.tile.submap_id)
        for name in shown.parts:
            is_visible = is_begun and name.rpartition('_')[2] in level
            if is_visible != (name in shown.visible):
                canvas.show(name, is_visible=is_visible)
                (shown.visible.add if is_visible else shown.visible.discard)(name)

    def _make_room(self, canvas: Canvas) -> None:
        held = sum(len(rows) for shown in self._shown.values() for rows in shown.parts.values())
        for shown in self._shown.values():
            if held <= _HELD * self.settings.max_points:
                return
            for name in [each for each in shown.parts if each not in shown.visible]:
                held -= len(shown.parts.pop(name))
                canvas.remove(name)

    def _num_shown(self) -> int:
        return sum(
            len(rows)
            for shown in self._shown.values()
            for name, rows in shown.parts.items()
            if name in shown.visible
        )

    def _size(self, shown: ShownTile) -> float:
        return max(
            _MIN_POINT_SIZE, _SIZE * self.settings.point_size * shown.spacing * shown.place.scale
        )


def _some(shown: ShownTile) -> slice:
    return slice(None, None, max(1, len(shown.tile.confidence) // _SAMPLES))


def _is_same(a: Sim3, b: Sim3) -> bool:
    return (
        a.scale == b.scale
        and np.array_equal(a.translation, b.translation)
        and np.array_equal(a.rotation, b.rotation)
    )
