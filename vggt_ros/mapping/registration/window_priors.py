"""Window priors: what the rest of the robot says about the frames of one window."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.pose_priors import PosePriors
from vggt_ros.mapping.registration.scale_measurement import (
    ScaleMeasurement,
)
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.world_config import GravitySettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowPriors:
    """What is known beside the images, frame by frame of a window; None where nothing is.

    Attributes:
        odom_from_cam: Poses of the cameras in the odometry, meters.
        base_from_cam: Poses of the cameras on the robot's base, meters.
        first_from_cam: Poses of the cameras in that of the first frame, meters; all None for
            one camera.
        depth_m: (H, W) measured depth on the network's pixels, meters, NaN where there is none.
        up_in_cam: What gravity says is up along the axes of the cameras; empty for nothing.
        rig_scale: Meters per unit of the window as the network predicts it, from the places of its
            cameras; None if they do not tell.
        is_metric: Whether the network means meters.
    """

    odom_from_cam: tuple[Float[np.ndarray, '4 4'] | None, ...]
    base_from_cam: tuple[Float[np.ndarray, '4 4'] | None, ...]
    first_from_cam: tuple[Float[np.ndarray, '4 4'] | None, ...]
    depth_m: tuple[Float32[np.ndarray, 'H W'] | None, ...]
    up_in_cam: tuple[UpDirection | None, ...] = ()
    rig_scale: ScaleMeasurement | None = None
    is_metric: bool = False


def window_priors(
    window: Window, prediction: Prediction, priors: PosePriors, config: VggtConfig
) -> WindowPriors:
    """Ask the robot about all frames of a window; may wait for its answers.

    Args:
        window: The frames.
        prediction: Whose pixels measured depth is brought to.
        priors: Answers by stamp.
        config: Depth is not asked for if it is not wanted.
    """
    priors.begin_window()
    frames = window.frames
    first = frames[0]
    is_rig = len({f.camera for f in frames}) > 1
    wants_depth = config.scale.source in ('auto', 'depth')
    base_from_cam = tuple(priors.base_from_cam(f.stamp_ns, f.camera_frame) for f in frames)
    return WindowPriors(
        odom_from_cam=tuple(priors.odom_from_cam(f.stamp_ns, f.camera_frame) for f in frames),
        base_from_cam=base_from_cam,
        up_in_cam=tuple(
            _up_in_cam(priors.up_in_cam(f.stamp_ns, f.camera_frame), base, config.gravity)
            for f, base in zip(frames, base_from_cam, strict=True)
        ),
        first_from_cam=tuple(
            priors.cam_from_cam(first.camera_frame, f.camera_frame, f.stamp_ns) if is_rig else None
            for f in frames
        ),
        depth_m=tuple(
            _on_network_pixels(priors.depth_m(f.stamp_ns, f.camera), prediction)
            if wants_depth
            else None
            for f in frames
        ),
    )


def _up_in_cam(
    measured: UpDirection | None,
    base_from_cam: Float[np.ndarray, '4 4'] | None,
    settings: GravitySettings,
) -> UpDirection | None:
    if measured is not None or base_from_cam is None or not settings.level_base:
        return measured
    # The last row is the direction up along the axes of the camera.
    sigma_rad = float(np.deg2rad(settings.sigma))
    return UpDirection(along_axes=base_from_cam[2, :3].copy(), sigma_rad=sigma_rad)


def _on_network_pixels(
    depth_m: Float32[np.ndarray, 'h w'] | None, prediction: Prediction
) -> Float32[np.ndarray, 'H W'] | None:
    if depth_m is None:
        return None
    grid = prediction.grid
    v, u = np.indices((grid.model_height, grid.model_width))
    uv = grid.image_from_model(np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float64))
    # The sensor's image shows the camera's view at a size of its own.
    scale = np.array([depth_m.shape[1] / grid.image_width, depth_m.shape[0] / grid.image_height])
    uv = ((uv + 0.5) * scale - 0.5).astype(np.float32).reshape(*u.shape, 2)
    # The nearest pixel: a mixture of two depths is neither.
    return cv2.remap(
        depth_m, uv, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=np.nan
    )
