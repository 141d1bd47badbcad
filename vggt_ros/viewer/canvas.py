"""Canvas: what a page can draw. Names are paths; a name that is there is replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Shaped, UInt8
import numpy as np

from vggt_ros.geometry.sim3 import Sim3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cloud:
    """Points that are sent once and move as a whole.

    Attributes:
        points: (N, 3) float16 where that is exact enough, else float32.
        colors: (N, 3) RGB.
        map_from_cloud: Where they are.
    """

    points: Shaped[np.ndarray, 'N 3']
    colors: UInt8[np.ndarray, 'N 3']
    map_from_cloud: Sim3

    @property
    def num_bytes(self) -> int:
        """Bytes that are sent for it."""
        return self.points.nbytes + self.colors.nbytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frustum:
    """A camera with its image.

    Attributes:
        map_from_cam: (4, 4) rigid, optical frame.
        fov_rad: From the upper to the lower edge.
        image: (H, W, 3) RGB, small.
        size: Distance of the drawn image from the camera, map units.
    """

    map_from_cam: Float[np.ndarray, '4 4']
    fov_rad: float
    image: UInt8[np.ndarray, 'H W 3']
    size: float


@runtime_checkable
class Canvas(Protocol):
    """A page. Calls of one block become visible at once."""

    def put_cloud(self, name: str, cloud: Cloud, point_size: float) -> None:
        """Draw points; their edge is a length in the map."""

    def color_cloud(self, name: str, colors: UInt8[np.ndarray, 'N 3']) -> None:
        """Give the points of a cloud other colors."""

    def size_points(self, name: str, point_size: float) -> None:
        """Give the points of a cloud another size, map units."""

    def move_cloud(self, name: str, map_from_cloud: Sim3) -> None:
        """Move a cloud; its points are not sent again."""

    def put_lines(
        self,
        name: str,
        segments: Float[np.ndarray, 'N 2 3'],
        colors: UInt8[np.ndarray, 'N 2 3'],
        width_px: float,
    ) -> None:
        """Draw lines in the map; none are drawn of an empty array."""

    def put_frustum(self, name: str, frustum: Frustum) -> None:
        """Draw a camera; a click on it takes who clicked there."""

    def move_frustum(self, name: str, map_from_cam: Float[np.ndarray, '4 4']) -> None:
        """Move a camera; its image is not sent again."""

    def put_floor(
        self,
        name: str,
        image: UInt8[np.ndarray, 'H W 4'],
        corner: Float[np.ndarray, ' 3'],
        resolution: float,
    ) -> None:
        """Draw an image flat in the map.

        Args:
            name: Of it.
            image: (H, W, 4) RGBA, rows along y, columns along x.
            corner: (3,) the corner with the smallest x and y.
            resolution: Edge of a pixel, map units.
        """

    def show(self, name: str, *, is_visible: bool) -> None:
        """Show or hide what is drawn; it stays in the browser."""

    def remove(self, name: str) -> None:
        """Remove what is drawn, if it is there."""
