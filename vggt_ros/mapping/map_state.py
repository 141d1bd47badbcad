"""What is known of the world and what the next window is joined to."""

from __future__ import annotations

from dataclasses import dataclass
import threading

from jaxtyping import Bool, Float32
import numpy as np

from vggt_ros.config import VggtConfig
from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.map_update import FrameResult
from vggt_ros.mapping.registration import continue_from, register
from vggt_ros.mapping.submap import Submap
from vggt_ros.mapping.track_book import TrackBook
from vggt_ros.mapping.trajectory import Trajectory
from vggt_ros.mapping.voxel_map import VoxelMap
from vggt_ros.mapping.window import Window
from vggt_ros.mapping.z_up import first_map_from_submap


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LastWindow:
    """What the next window is joined to.

    Attributes:
        in_map: The last frames of the map's last window, in map units.
        scale: Map units per unit of that window's prediction.
    """

    in_map: Submap
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """Where a window is in the map.

    Attributes:
        map_from_submap: The similarity.
        scale_residual: As in `MapUpdate`.
    """

    map_from_submap: Sim3
    scale_residual: float


def place(
    window: Window, submap: Submap, last: LastWindow | None, believed: Bool[np.ndarray, ' S']
) -> Placement:
    """Return where a window is: by the shared frames, after the last one, or at the origin.

    Args:
        window: Its frames.
        submap: What the network says of them.
        last: What the map has.
        believed: (S,) False for frames that must not decide it.

    Raises:
        AlignmentError: The shared frames do not determine it.
    """
    if last is None:
        return Placement(
            map_from_submap=first_map_from_submap(submap.submap_from_cam[0]), scale_residual=0.0
        )
    if window.num_overlap == 0:
        continued = continue_from(last.in_map.submap_from_cam[-1], last.scale, submap)
        return Placement(map_from_submap=continued, scale_residual=float('nan'))
    shared = [submap.frame_ids[i] for i in range(window.num_overlap) if believed[i]]
    if not shared:
        raise AlignmentError(
            f'none of the {window.num_overlap} frames that the window shares with the map agrees '
            f'with the rest of it; the new window is not used'
        )
    seam = register(last.in_map.select(shared), submap.select(shared))
    return Placement(map_from_submap=seam.map_from_submap, scale_residual=seam.scale_residual)


class MapState:
    """Voxel map, trajectory, tracks and the last window; hold `lock` for every call.

    Attributes:
        lock: Guards all of it.
        voxels: The accumulated points.
        trajectory: The newest poses.
        tracks: The points that are followed from window to window.
        last: What the next window is joined to, None for an empty map.
    """

    def __init__(self, config: VggtConfig) -> None:
        self.lock = threading.RLock()
        self.voxels = VoxelMap(config.map.voxel_size, config.map.max_points)
        self.trajectory = Trajectory(config.path.max_size)
        self.tracks = TrackBook()
        self.last: LastWindow | None = None
        self._config = config

    def update_config(self, config: VggtConfig) -> None:
        """Take new bounds; what is over them goes at once."""
        self._config = config
        self.voxels.max_points = config.map.max_points
        self.trajectory.max_size = config.path.max_size

    def clear(self) -> None:
        """Forget everything."""
        self.voxels.clear()
        self.trajectory.clear()
        self.tracks.clear()
        self.last = None

    def add(self, in_map: Submap, scale: float, results: tuple[FrameResult, ...]) -> None:
        """Add the new frames of a window and make it the one to join next.

        Args:
            in_map: Those frames of the window that are believed, in map units.
            scale: Map units per unit of its prediction.
            results: Its new frames.
        """
        for result in results:
            frame = result.frame
            self.trajectory.add(frame.id, frame.stamp_ns, result.map_from_cam)
        if self._config.map.enable:
            self.voxels.insert(
                np.concatenate([_kept_points_in_map(result) for result in results]),
                np.concatenate([result.image[result.keep] for result in results]),
                np.concatenate([result.confidence[result.keep] for result in results]),
            )
        kept_ids = in_map.frame_ids[-self._config.window.overlap :]
        kept = in_map.select(kept_ids)
        if self.last is not None:
            kept = kept.completed_by(self.last.in_map)
        self.last = LastWindow(in_map=kept, scale=scale)


def _kept_points_in_map(result: FrameResult) -> Float32[np.ndarray, 'n 3']:
    return se3.transform(result.map_from_cam, result.points_in_cam[result.keep])
