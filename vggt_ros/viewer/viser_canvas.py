"""Viser canvas: a page of viser as a `Canvas`. viser belongs to the extra `view`."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, UInt8
import numpy as np

from vggt_ros.geometry.rotation import (
    matrix_from_quat_xyzw,
    matrix_from_rotation_vector,
    quat_wxyz_from_matrix,
    rotation_vector_from_matrix,
)
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.viewer.canvas import Cloud, Frustum

_FRUSTUM_COLOR = (255, 200, 60)
_JPEG_QUALITY = 70
_FLIGHT_STEPS = 12
# What is looked at lies so many sizes of the frustum before the camera.
_LOOK_AHEAD = 5.0


class ViserCanvas:
    """Draws on all pages of one server. Thread-safe as far as viser is."""

    def __init__(self, server: Any) -> None:
        """Draw on this `viser.ViserServer`."""
        self._server = server
        self._handles: dict[str, Any] = {}

    def put_cloud(self, name: str, cloud: Cloud, point_size: float) -> None:
        """Draw points; their edge is a length in the map."""
        self._handles[name] = self._server.scene.add_point_cloud(
            name,
            cloud.points,
            cloud.colors,
            point_size=point_size,
            point_shape='circle',
            point_shading='flat',
            precision='float16' if cloud.points.dtype == np.float16 else 'float32',
            scale=cloud.map_from_cloud.scale,
            wxyz=quat_wxyz_from_matrix(cloud.map_from_cloud.rotation),
            position=cloud.map_from_cloud.translation,
        )

    def color_cloud(self, name: str, colors: UInt8[np.ndarray, 'N 3']) -> None:
        """Give the points of a cloud other colors."""
        self._handles[name].colors = colors

    def size_points(self, name: str, point_size: float) -> None:
        """Give the points of a cloud another size, map units."""
        self._handles[name].point_size = point_size

    def move_cloud(self, name: str, map_from_cloud: Sim3) -> None:
        """Move a cloud; its points are not sent again."""
        handle = self._handles[name]
        handle.wxyz = quat_wxyz_from_matrix(map_from_cloud.rotation)
        handle.position = map_from_cloud.translation
        handle.scale = map_from_cloud.scale

    def put_lines(
        self,
        name: str,
        segments: Float[np.ndarray, 'N 2 3'],
        colors: UInt8[np.ndarray, 'N 2 3'],
        width_px: float,
    ) -> None:
        """Draw lines in the map; none are drawn of an empty array."""
        if not len(segments):
            self.remove(name)
            return
        self._handles[name] = self._server.scene.add_line_segments(
            name, segments, colors, thickness=width_px, thickness_units='screen'
        )

    def put_frustum(self, name: str, frustum: Frustum) -> None:
        """Draw a camera; a click on it takes who clicked there."""
        height, width = frustum.image.shape[:2]
        handle = self._server.scene.add_camera_frustum(
            name,
            fov=frustum.fov_rad,
            aspect=width / height,
            scale=frustum.size,
            thickness=1.5,
            thickness_units='screen',
            color=_FRUSTUM_COLOR,
            image=frustum.image,
            format='jpeg',
            jpeg_quality=_JPEG_QUALITY,
            wxyz=quat_wxyz_from_matrix(frustum.map_from_cam[:3, :3]),
            position=frustum.map_from_cam[:3, 3],
            cast_shadow=False,
            receive_shadow=False,
        )
        handle.on_click(lambda event: fly_to(event.client, handle, _LOOK_AHEAD * frustum.size))
        self._handles[name] = handle

    def move_frustum(self, name: str, map_from_cam: Float[np.ndarray, '4 4']) -> None:
        """Move a camera; its image is not sent again."""
        handle = self._handles[name]
        handle.wxyz = quat_wxyz_from_matrix(map_from_cam[:3, :3])
        handle.position = map_from_cam[:3, 3]

    def put_floor(
        self,
        name: str,
        image: UInt8[np.ndarray, 'H W 4'],
        corner: Float[np.ndarray, ' 3'],
        resolution: float,
    ) -> None:
        """Draw an image flat in the map; see `Canvas`."""
        height, width = image.shape[:2]
        center = corner + resolution * np.array([width / 2, height / 2, 0.0])
        self._handles[name] = self._server.scene.add_image(
            name,
            image[::-1],  # its rows go down
            width * resolution,
            height * resolution,
            format='png',
            # The picture's x points right and its y down.
            wxyz=quat_wxyz_from_matrix(np.diag([1.0, -1.0, -1.0])),
            position=center,
            cast_shadow=False,
            receive_shadow=False,
        )

    def show(self, name: str, *, is_visible: bool) -> None:
        """Show or hide what is drawn; it stays in the browser."""
        handle = self._handles.get(name)
        if handle is not None:
            handle.visible = is_visible

    def remove(self, name: str) -> None:
        """Remove what is drawn, if it is there."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.remove()


def fly_to(client: Any, handle: Any, distance: float) -> None:
    """Take the one who looks to a camera, in some steps.

    Args:
        client: Of viser; None does nothing.
        handle: What has `position` and `wxyz`, optical frame.
        distance: From there to what will be looked at.
    """
    if client is None:
        return
    start = matrix_from_quat_xyzw(np.roll(np.asarray(client.camera.wxyz, np.float64), -1))
    goal = matrix_from_quat_xyzw(np.roll(np.asarray(handle.wxyz, np.float64), -1))
    begin = np.asarray(client.camera.position, np.float64)
    end = np.asarray(handle.position, np.float64)
    turn = rotation_vector_from_matrix(start.T @ goal)
    for share in np.linspace(0, 1, _FLIGHT_STEPS + 1)[1:]:
        rotation = start @ matrix_from_rotation_vector(share * turn)
        position = (1 - share) * begin + share * end
        with client.atomic():
            client.camera.position = position
            client.camera.look_at = position + distance * rotation[:, 2]
        client.flush()
