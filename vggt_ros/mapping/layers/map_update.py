"""Map update: what a window adds to the map; all that is published is in here."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Float32, UInt8, UInt32
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.refinement.refined_window import RefinementReport
from vggt_ros.mapping.registration.metric_scale import ScaleState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameTracks:
    """The tracked points as one frame sees them; N of them.

    Attributes:
        ids: (N,) the same point has the same id in every frame and window.
        uv: (N, 2) pixels of the published image.
        points_in_cam: (N, 3) in the camera's optical frame, map units; NaN where the point is
            outside the image or its depth is invalid.
        visibility: (N,) in 0..1.
        confidence: (N,) in 0..1.
    """

    ids: UInt32[np.ndarray, ' N']
    uv: Float32[np.ndarray, 'N 2']
    points_in_cam: Float32[np.ndarray, 'N 3']
    visibility: Float32[np.ndarray, ' N']
    confidence: Float32[np.ndarray, ' N']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """A step of a camera, from one of its frames in a window to the next.

    Attributes:
        previous_stamp_ns: Stamp of the frame before.
        previous_from_cam: (4, 4) rigid, this camera seen from that one, map units.
        covariance: (7, 7) of it, an error in this camera's frame; see `uncertainty`.
    """

    previous_stamp_ns: int
    previous_from_cam: Float[np.ndarray, '4 4']
    covariance: Float[np.ndarray, '7 7']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameResult:
    """All that is known about one new frame, on the network's pixels, in map units.

    Attributes:
        frame: The frame as it came in.
        image: (H, W, 3) RGB at the size of the depth.
        depth: (H, W) along the optical axis; NaN where there is none.
        confidence: (H, W) of the depth, at least 1.
        points_in_cam: (H, W, 3) in the camera's optical frame.
        keep: (H, W) True for the points that passed the filters of `cloud.*`.
        K: (3, 3) intrinsics of `image`: the calibrated ones where they are known.
        K_image: (3, 3) the same in pixels of the camera's image.
        map_from_cam: (4, 4) rigid, the camera's pose in the map.
        covariance: (6, 6) of that pose against the map's first one, in the order x, y, z, rotation
            about X, Y and Z, axes of the map; `UNKNOWN_VARIANCE` on the diagonal where nothing
            ties the pose to the map.
        motion: The step from the frame before it, None for the first frame of a map or a segment.
        descriptor: (C,) what the frame shows as a whole, None if the network does not say.
        tracks: The tracked points in this frame, None if not asked for.
        moves: (H, W) True for what moves, which is not drawn into the map; None if the map keeps
            it.
    """

    frame: Frame
    image: UInt8[np.ndarray, 'H W 3']
    depth: Float32[np.ndarray, 'H W']
    confidence: Float32[np.ndarray, 'H W']
    points_in_cam: Float32[np.ndarray, 'H W 3']
    keep: Bool[np.ndarray, 'H W']
    K: Float[np.ndarray, '3 3']
    K_image: Float[np.ndarray, '3 3']
    map_from_cam: Float[np.ndarray, '4 4']
    covariance: Float[np.ndarray, '6 6']
    motion: Motion | None = None
    descriptor: Float32[np.ndarray, ' C'] | None = None
    tracks: FrameTracks | None = None
    moves: Bool[np.ndarray, 'H W'] | None = None

    @property
    def drawn(self) -> Bool[np.ndarray, 'H W']:
        """(H, W) True for the points that are drawn into the map."""
        return self.keep if self.moves is None else self.keep & ~self.moves

    @property
    def view(self) -> CameraView:
        """The pose with stamp and camera."""
        width, height = self.frame.size
        return CameraView(
            stamp_ns=self.frame.stamp_ns,
            map_from_cam=self.map_from_cam,
            K=self.K_image,
            width=width,
            height=height,
            camera=self.frame.camera,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapUpdate:
    """What one window brought.

    Attributes:
        new_frames: Results of the frames that the map did not have, oldest set first; never
            empty.
        window_map_from_cam: (S, 4, 4) poses of all frames of the window in the map.
        scale: Map units per unit of this window's prediction.
        scale_residual: Spread (robust standard deviation) of the log depth ratio in the overlap,
            how well the two predictions of the shared frames agree. 0 for the first window, NaN
            for a window that shares no frame with the map, as after a change of image size.
        focal_ratio: Predicted over calibrated focal length, NaN without calibration.
        latency_s: From taking the window to this update, seconds.
        scale_state: What is known of meters.
        depth_ratio: Median depth of the window over that of windows before.
        correction: map_from_old_map of the map around the robot, None if the map was not moved.
        is_connected: False if the window is in a segment of the map whose place is a guess.
        refinement: What the images said; None if they were not asked.
    """

    new_frames: tuple[FrameResult, ...]
    window_map_from_cam: Float[np.ndarray, 'S 4 4']
    scale: float
    scale_residual: float
    focal_ratio: float
    latency_s: float
    scale_state: ScaleState
    depth_ratio: float
    correction: Sim3 | None
    is_connected: bool
    refinement: RefinementReport | None = None
