"""Map page: what is known of a map, and a thread that keeps what a browser shows up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
import logging
import threading

from jaxtyping import Bool, Float, Int8, Int64, UInt8
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.submap_tiles import SubmapTile
from vggt_ros.viewer.camera_layer import CameraLayer, SeenFrame
from vggt_ros.viewer.canvas import Canvas
from vggt_ros.viewer.ellipses import ellipse_segments
from vggt_ros.viewer.floor_image import floor_image
from vggt_ros.viewer.tile_layer import Drawn, TileLayer
from vggt_ros.viewer.view_settings import ViewSettings

_PERIOD_S = 0.2
# Sent at a time, so that the page stays alive while a large map comes.
_MAX_BYTES = 6_000_000
_GRAPH, _ELLIPSES, _FLOOR = '/graph', '/ellipses', '/floor'
_OVERLAP_COLOR, _LOOP_COLOR, _ELLIPSE_COLOR = (120, 130, 140), (255, 115, 25), (250, 120, 200)
_GRAPH_WIDTH_PX, _ELLIPSE_WIDTH_PX = 2.0, 1.0
# A frustum is so large against the map, but never larger than the second.
_FRUSTUM_SHARE, _MAX_FRUSTUM = 0.025, 0.5
_NO_PLACES = np.zeros((0, 3))
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapExtent:
    """Where most of a map is.

    Attributes:
        center: (3,) of it.
        radius: Half of its diagonal, map units.
        cameras: (3,) where the cameras were on average.
    """

    center: Float[np.ndarray, ' 3']
    radius: float
    cameras: Float[np.ndarray, ' 3']


class MapPage:
    """Any thread may call any method; `put_*` return at once, `draw` sends.

    Attributes:
        num_sent_bytes: Of points and colors since the start.
        num_corrections: How often submaps moved.
    """

    def __init__(
        self,
        canvas: Canvas,
        eyes: Callable[[], Float[np.ndarray, 'm 3']] = lambda: _NO_PLACES,
        atomic: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Show nothing yet.

        Args:
            canvas: Where to draw.
            eyes: Says where those who look are.
            atomic: Makes what is drawn within it visible at once.
        """
        self._canvas, self._eyes, self._atomic = canvas, eyes, atomic
        self._lock = threading.RLock()
        self._tiles, self._cameras = TileLayer(), CameraLayer()
        self._places: Mapping[int, Sim3] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._changes: dict[str, Callable[[], None]] = {}
        self._hidden: set[str] = set()
        self.num_sent_bytes = self.num_corrections = 0
        self.last_drawn = Drawn(num_bytes=0, num_shown=0, is_complete=True)

    def put_tiles(self, tiles: Iterable[SubmapTile]) -> None:
        """Take tiles in place of those with the same id."""
        with self._lock:
            was_empty = not len(self._tiles)
            self._tiles.put(tiles)
            if was_empty:
                self._tiles.measure()

    def put_places(self, places: Mapping[int, Sim3]) -> None:
        """Move submaps; those that are not among them any more are removed.

        Args:
            places: map_from_submap by id.
        """
        with self._lock:
            self.num_corrections += any(
                each in places and not _is_near(places[each], old)
                for each, old in self._places.items()
            )
            self._places = dict(places)
            self._tiles.place(self._places)

    def put_begins(self, begins_ns: Mapping[int, int]) -> None:
        """Take when each submap was first seen."""
        with self._lock:
            self._tiles.begin_at(begins_ns)

    def put_path(
        self, stamps_ns: Int64[np.ndarray, ' N'], map_from_cam: Float[np.ndarray, 'N 4 4']
    ) -> None:
        """Take all poses anew, oldest first."""
        with self._lock:
            self._cameras.take_path(stamps_ns, map_from_cam)

    def put_image(self, frame: SeenFrame) -> None:
        """Take an image; it is shown where the path has its stamp."""
        with self._lock:
            self._cameras.add_image(frame)

    def put_graph(
        self, segments: Float[np.ndarray, 'E 2 3'], is_loop: Bool[np.ndarray, ' E']
    ) -> None:
        """Take edges between submaps, in the map."""
        colors = np.where(is_loop[:, None], _LOOP_COLOR, _OVERLAP_COLOR).astype(np.uint8)
        both_ends = np.repeat(colors[:, None], 2, axis=1)
        self._later(
            _GRAPH,
            lambda: self._canvas.put_lines(_GRAPH, segments, both_ends, _GRAPH_WIDTH_PX),
        )

    def put_ellipses(
        self, centers: Float[np.ndarray, 'n 3'], covariances: Float[np.ndarray, 'n 3 3']
    ) -> None:
        """Take how well positions in the map are known."""
        lines = ellipse_segments(centers, covariances)
        colors = np.tile(np.array(_ELLIPSE_COLOR, np.uint8), (len(lines), 2, 1))
        self._later(
            _ELLIPSES,
            lambda: self._canvas.put_lines(_ELLIPSES, lines, colors, _ELLIPSE_WIDTH_PX),
        )

    def put_floor(
        self, cells: Int8[np.ndarray, 'H W'], corner: Float[np.ndarray, ' 3'], resolution: float
    ) -> None:
        """Take an occupancy grid: -1 unknown, 0 free to 100 occupied; see `Canvas.put_floor`."""
        image = floor_image(cells)
        if image.size:
            pixel = resolution * cells.shape[0] / image.shape[0]
            self._later(_FLOOR, lambda: self._canvas.put_floor(_FLOOR, image, corner, pixel))

    def clear(self) -> None:
        """Show nothing, as after a reset of the node."""
        with self._lock:
            self.put_places({})
            self._cameras.clear()
            for name in (_GRAPH, _ELLIPSES, _FLOOR):
                self._later(name, lambda name=name: self._canvas.remove(name))  # type: ignore[misc]

    @property
    def settings(self) -> ViewSettings:
        """What is chosen."""
        with self._lock:
            return self._tiles.settings

    def choose(self, settings: ViewSettings) -> None:
        """Show the map in another way."""
        with self._lock:
            has_other_size = settings.point_size != self._tiles.settings.point_size
            self._tiles.choose(settings)
            if has_other_size:
                self._later('point size', lambda: self._tiles.resize(self._canvas))
            if self._cameras.until_ns != settings.until_ns:
                self._cameras.until_ns = settings.until_ns
                self._cameras.refresh()

    def limit_frusta(self, max_frusta: int) -> None:
        """Draw so many cameras with their images; the path has all."""
        with self._lock:
            self._cameras.max_frusta = max_frusta
            self._cameras.refresh()

    def show_layer(self, name: str, *, is_visible: bool) -> None:
        """Show or hide graph, ellipses or floor, by name."""
        path = f'/{name}'
        with self._lock:
            (self._hidden.discard if is_visible else self._hidden.add)(path)
            self._later(f'show {path}', lambda: self._canvas.show(path, is_visible=is_visible))

    def newest_image(self) -> UInt8[np.ndarray, 'H W 3'] | None:
        """Return the last image up to the chosen time, None without any."""
        with self._lock:
            return self._cameras.newest_image()

    def newest_pose(self) -> Float[np.ndarray, '4 4'] | None:
        """Return map_from_cam of the last pose up to the chosen time, None without any."""
        with self._lock:
            poses = self._cameras.shown_poses
            return poses[-1].copy() if len(poses) else None

    def sizes(self) -> dict[int, int]:
        """Return the number of points of each tile."""
        with self._lock:
            return self._tiles.sizes()

    @property
    def heights(self) -> tuple[float, float]:
        """Where most points are between, map units."""
        with self._lock:
            return self._tiles.ends.heights

    def extent(self) -> MapExtent | None:
        """Return where most of the map is, None while it is empty."""
        with self._lock:
            points = self._tiles.sample()
            cameras = self._cameras.shown_poses[:, :3, 3]
        if not len(points):
            return None
        low, high = np.percentile(points, [3, 97], axis=0)
        center = (low + high) / 2
        radius = max(float(np.linalg.norm(high - low)) / 2, 1e-3)
        return MapExtent(
            center=center, radius=radius, cameras=cameras.mean(axis=0) if len(cameras) else center
        )

    def draw(self) -> Drawn:
        """Send what has changed, up to some megabytes."""
        eyes = self._eyes()
        with self._lock, self._atomic():
            changes, self._changes = self._changes, {}
            for draw in changes.values():
                draw()
            for name in self._hidden & changes.keys():  # what was drawn anew
                self._canvas.show(name, is_visible=False)
            drawn = self._tiles.draw(self._canvas, eyes, _MAX_BYTES)
            self._cameras.draw(self._canvas, self._frustum_size())
            self.num_sent_bytes += drawn.num_bytes
            self.last_drawn = drawn
        return drawn

    def start(self) -> None:
        """Draw now and then, in a thread of its own, until `stop`."""
        self._thread = threading.Thread(target=self._keep_drawing, name='map page', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _keep_drawing(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            try:
                self.draw()
            except Exception:  # noqa: BLE001 - outermost frame of the thread
                _log.exception('the page could not be drawn; the next time it is tried again')

    def _later(self, name: str, draw: Callable[[], None]) -> None:
        with self._lock:
            self._changes.pop(name, None)  # the order is that of the calls
            self._changes[name] = draw

    def _frustum_size(self) -> float:
        return min(_MAX_FRUSTUM, self._tiles.diagonal * _FRUSTUM_SHARE or _MAX_FRUSTUM)


def _is_near(a: Sim3, b: Sim3) -> bool:
    return bool(
        np.allclose(a.translation, b.translation, atol=1e-6)
        and np.allclose(a.rotation, b.rotation, atol=1e-6)
        and abs(a.scale - b.scale) < 1e-6
    )
