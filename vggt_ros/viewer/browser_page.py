"""Browser page: server, canvas, page and panel of one viewer, started and stopped together."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.viewer.map_page import MapPage
from vggt_ros.viewer.page_server import address_of, start_server, stop_server
from vggt_ros.viewer.panel import Panel
from vggt_ros.viewer.start_camera import look_at_map
from vggt_ros.viewer.viser_canvas import ViserCanvas

_FOV_RAD = 1.0
# Who comes later starts farther away when the map has grown by so much.
_AIM_AGAIN = 0.2
_FOLLOW_BACK, _FOLLOW_UP, _FOLLOW_AHEAD = 0.5, 0.2, 0.4


class BrowserPage:
    """A page that browsers can open while the block lasts.

    Attributes:
        page: What it shows.
        panel: Its controls.
    """

    def __init__(self, host: str, port: int, name: str) -> None:
        """Listen.

        Args:
            host: Address; see `start_server`.
            port: 0 for a free one.
            name: Of what is shown.

        Raises:
            ConfigError: viser is missing, or nothing can listen there.
        """
        self._server = start_server(host, port, f'vggt_ros: {name}')
        self._server.initial_camera.fov = _FOV_RAD
        self.page = MapPage(ViserCanvas(self._server), self._eyes, self._server.atomic)
        self.panel = Panel(self._server, self.page, name)
        self._aimed_radius = 0.0

    def __enter__(self) -> BrowserPage:
        self.page.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.page.stop()
        stop_server(self._server)

    @property
    def address(self) -> str:
        """Of the page, for a browser on this machine."""
        return address_of(self._server)

    def aim(self) -> None:
        """Look at the map once there is something; follow the camera where that is chosen."""
        extent = self.page.extent()
        if extent is None:
            return
        if abs(extent.radius - self._aimed_radius) > _AIM_AGAIN * self._aimed_radius:
            look_at_map(self._server.initial_camera, extent)
            if not self._aimed_radius:  # later it would take the view from who has turned it
                for client in self._server.get_clients().values():
                    look_at_map(client.camera, extent)
            self._aimed_radius = extent.radius
        if self.panel.follow.value:
            self._follow()

    def _follow(self) -> None:
        extent, pose = self.page.extent(), self.page.newest_pose()
        if extent is None or pose is None:
            return
        ahead = extent.radius * pose[:3, 2]
        above = np.array([0.0, 0.0, _FOLLOW_UP * extent.radius])
        for client in self._server.get_clients().values():
            with client.atomic():
                client.camera.position = pose[:3, 3] - _FOLLOW_BACK * ahead + above
                client.camera.look_at = pose[:3, 3] + _FOLLOW_AHEAD * ahead

    def _eyes(self) -> Float[np.ndarray, 'm 3']:
        clients: dict[int, Any] = self._server.get_clients()
        places = [each.camera.position for each in clients.values()]
        return np.array(places, dtype=np.float64).reshape(-1, 3)
