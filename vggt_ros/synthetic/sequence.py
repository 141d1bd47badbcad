"""A walk through a made-up room, frame by frame, with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

from jaxtyping import Float, Float32, UInt8
import numpy as np
import torch

from vggt_ros.synthetic.point_tracks import PointTracks, track_points
from vggt_ros.synthetic.ray_cast import cast
from vggt_ros.synthetic.renderer import pixel_directions, render
from vggt_ros.synthetic.room import furnished_room
from vggt_ros.synthetic.walk import walk_along


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderedFrames:
    """Pictures and depth of some frames.

    Attributes:
        rgb: (n, H, W, 3).
        depth: (n, H, W) along the optical axis, meters.
    """

    rgb: UInt8[np.ndarray, 'n H W 3']
    depth: Float32[np.ndarray, 'n H W']


class SyntheticSequence:
    """Frames of a walk; everything follows from the arguments.

    Attributes:
        K: (3, 3) intrinsics of all frames, pixels.
        rate_hz: Frames a second.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        num_frames: int = 200,
        width: int = 320,
        height: int = 240,
        rate_hz: float = 10.0,
        fov_deg: float = 70.0,
    ) -> None:
        """Make up the room and the walk; nothing is rendered yet.

        Args:
            seed: Chooses room and walk.
            num_frames: Length of the walk.
            width: Columns of the images.
            height: Rows of the images.
            rate_hz: Frames a second; the robot walks about half a meter in a second.
            fov_deg: Horizontal field of view.
        """
        room = furnished_room(seed)
        rng = np.random.default_rng([seed, 2])
        self._scene = room.scene
        self._walk = walk_along(rng, room.path, num_frames, rate_hz)
        self._width, self._height = width, height
        focal = 0.5 * width / math.tan(math.radians(0.5 * fov_deg))
        self.K = np.array(
            [[focal, 0, 0.5 * (width - 1)], [0, focal, 0.5 * (height - 1)], [0, 0, 1.0]]
        )
        self.rate_hz = rate_hz

    def __len__(self) -> int:
        return len(self._walk.stamps_s)

    def world_from_cam(self, index: int) -> Float[np.ndarray, '4 4']:
        """Return the true pose of a frame, OpenCV axes in a z-up world, meters."""
        return self._walk.world_from_cam[index]

    def render(self, indices: Sequence[int]) -> RenderedFrames:
        """Render some frames; twenty at a time use about a gigabyte at 320 x 240."""
        K, poses = self._views(indices)
        scene_of_view = torch.zeros(len(indices), dtype=torch.int64)
        with torch.inference_mode():
            views = render(
                self._scene, scene_of_view, K, poses, height=self._height, width=self._width
            )
        return RenderedFrames(rgb=views.rgb.numpy(), depth=views.depth.numpy())

    def depth(
        self, index: int, K: Float[np.ndarray, '3 3'], height: int, width: int
    ) -> Float32[np.ndarray, 'H W']:
        """Return the true depth of a frame as a camera with other intrinsics would see it.

        Args:
            index: Which frame.
            K: (3, 3) intrinsics in pixels of the image that is asked for.
            height: Rows of that image.
            width: Columns of that image.
        """
        origin = torch.from_numpy(self._walk.world_from_cam[index]).to(torch.float32)
        direction = pixel_directions(torch.from_numpy(K[None]).to(torch.float32), height, width)
        with torch.inference_mode():
            hits = cast(self._scene, origin[None, :3, 3], direction @ origin[:3, :3].T)
        return hits.distance.reshape(height, width).numpy()

    def tracks(
        self, indices: Sequence[int], query: int, query_uv: Float[np.ndarray, 'N 2']
    ) -> PointTracks:
        """Return where the points that frame `indices[query]` shows are in all those frames.

        Args:
            indices: S frames.
            query: Position in `indices` of the frame that the pixels are of.
            query_uv: (N, 2) pixels (u, v) of that frame.
        """
        K, poses = self._views(indices)
        uv = torch.from_numpy(query_uv).to(torch.float32)
        with torch.inference_mode():
            return track_points(
                self._scene, K, poses, query, uv, height=self._height, width=self._width
            )

    def _views(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        K = torch.from_numpy(self.K).to(torch.float32).expand(len(indices), 3, 3)
        poses = torch.from_numpy(self._walk.world_from_cam[list(indices)]).to(torch.float32)
        return K, poses
