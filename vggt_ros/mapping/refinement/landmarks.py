"""Landmarks: how far away the features of the map's last frames are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement.bundle_adjustment import DepthPrior
from vggt_ros.mapping.refinement.refined_window import RefinedWindow
from vggt_ros.mapping.refinement.tracks import FeatureTracks

# A feature is found to this part of a pixel; at best its depth is known to this part of itself.
_SIGMA_PX = 1.0
_MIN_LOG_SIGMA = 0.004
# Depth that is known worse says nothing.
_MAX_LOG_SIGMA = 0.2
_MIN_ANGLE_RAD = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameLandmarks:
    """Depth of the features of one frame; n of them.

    Attributes:
        depth: (n,) along the optical axis; NaN where it is not known.
        log_sigma: (n,) standard deviation of its log.
    """

    depth: Float[np.ndarray, ' n']
    log_sigma: Float[np.ndarray, ' n']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Landmarks:
    """Depth of features, frame by frame.

    Attributes:
        of_frame: By the id of the frame.
    """

    of_frame: Mapping[int, FrameLandmarks]

    def scaled(self, scale: float) -> Landmarks:
        """Return the same in units of which `scale` make one of the units before."""
        return Landmarks(
            of_frame={
                frame_id: FrameLandmarks(depth=scale * each.depth, log_sigma=each.log_sigma)
                for frame_id, each in self.of_frame.items()
            }
        )

    def prior(self, frame_ids: Sequence[int], tracks: FeatureTracks) -> DepthPrior | None:
        """Return what is known of the points of tracks: one depth for each, the best known.

        Args:
            frame_ids: Of the S images of the tracks.
            tracks: Of a window.
        """
        depth = np.full(tracks.feature.shape, np.nan)
        log_sigma = np.full(tracks.feature.shape, np.inf)
        for column, frame_id in enumerate(frame_ids):
            known = self.of_frame.get(frame_id)
            if known is None:
                continue
            rows = np.flatnonzero(tracks.feature[:, column] >= 0)
            feature = tracks.feature[rows, column]
            depth[rows, column] = known.depth[feature]
            log_sigma[rows, column] = np.where(
                np.isfinite(known.depth[feature]), known.log_sigma[feature], np.inf
            )
        best = log_sigma.argmin(axis=1)
        track = np.flatnonzero(log_sigma.min(axis=1) < _MAX_LOG_SIGMA)
        if not len(track):
            return None
        row = best[track]
        return DepthPrior(
            track=track, row=row, depth=depth[track, row], log_sigma=log_sigma[track, row]
        )


NO_LANDMARKS = Landmarks(of_frame={})


def landmarks_of(
    refined: RefinedWindow, frame_ids: Sequence[int], num_features: Sequence[int]
) -> Landmarks:
    """Return the depths that a refined window gives the features of its verified frames.

    Args:
        refined: The window, in the unit the depths are wanted in.
        frame_ids: Of its S images.
        num_features: Features of each of them.
    """
    geometry = refined.geometry
    cam_from_window = se3.inverse(geometry.window_from_cam)
    of_frame = {}
    for row in np.flatnonzero(refined.is_verified).tolist():
        depth = np.full(num_features[row], np.nan)
        log_sigma = np.full(num_features[row], np.inf)
        feature = refined.tracks.feature[:, row]
        use = refined.is_inlier[:, row] & np.isfinite(geometry.points[:, 0]) & (feature >= 0)
        z = se3.transform(cam_from_window[row], geometry.points[use])[:, 2]
        feature = feature[use]
        depth[feature] = np.where(z > 0, z, np.nan)
        log_sigma[feature] = point_log_sigma(
            refined.point_angle_rad[use], float(geometry.K[row, 0, 0])
        )
        of_frame[frame_ids[row]] = FrameLandmarks(depth=depth, log_sigma=log_sigma)
    return Landmarks(of_frame=of_frame)


def point_log_sigma(
    angle_rad: Float[np.ndarray, ' n'], focal_px: float
) -> Float[np.ndarray, ' n']:
    """Return how well the depth of points is known: standard deviations of its log.

    A pixel's error over the parallax (Hartley and Zisserman, "Multiple View Geometry in Computer
    Vision", 2nd ed., section 12.6).

    Args:
        angle_rad: (n,) largest angles between their rays.
        focal_px: Focal length of the camera.
    """
    sigma = _SIGMA_PX / focal_px / np.maximum(angle_rad, _MIN_ANGLE_RAD)
    return np.maximum(sigma, _MIN_LOG_SIGMA)
