"""A window after refinement: what its images say, and whether they say enough."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float, Int
import numpy as np

from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.tracks import FeatureTracks


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinementReport:
    """How a window was refined, for people and diagnostics.

    Attributes:
        method: adjusted: poses and points by bundle adjustment; rotation: rotations only, there
            was no parallax; none: not refined.
        start: What won: network, or tracks; empty if nothing was refined.
        reason: Why it was not refined as a whole, or not verified; empty if it was.
        num_tracks: Feature tracks of the window.
        num_observations: Observations that fit.
        median_px: Median reprojection error of those, pixels; NaN if there are none.
        median_angle_deg: Median of the largest angles between the rays of a point.
        focal_ratio: Refined over given focal length; 1 if the intrinsics are calibrated.
        duration_s: Time that it took.
    """

    method: str
    start: str
    reason: str
    num_tracks: int
    num_observations: int
    median_px: float
    median_angle_deg: float
    focal_ratio: float
    duration_s: float

    @property
    def refined_from(self) -> str:
        """Key to count windows by: the start of an adjusted one, else the method."""
        return self.start if self.method == 'adjusted' else self.method


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RefinedWindow:
    """What the images of a window say.

    Attributes:
        geometry: Cameras, in the frame and unit of the window, and the points of the tracks.
        tracks: The tracks, N of them over S images.
        is_inlier: (N, S) observations that fit.
        is_verified: (S,) cameras whose place the images confirm.
        point_angle_rad: (N,) largest angle between the rays of a point that fit; 0 without.
        report: How it came about.
    """

    geometry: Geometry
    tracks: FeatureTracks
    is_inlier: Bool[np.ndarray, 'N S']
    is_verified: Bool[np.ndarray, ' S']
    point_angle_rad: Float[np.ndarray, ' N']
    report: RefinementReport

    def without_first(self, count: int) -> RefinedWindow:
        """Return the window without its first cameras; what only they see has no point."""
        is_inlier = self.is_inlier[:, count:]
        has_point = np.asarray(is_inlier.any(axis=1))
        geometry = self.geometry
        return replace(
            self,
            geometry=Geometry(
                window_from_cam=geometry.window_from_cam[count:],
                K=geometry.K[count:],
                points=np.where(has_point[:, None], geometry.points, np.nan),
            ),
            tracks=self.tracks.of_images(slice(count, None)),
            is_inlier=is_inlier,
            is_verified=self.is_verified[count:],
        )

    @property
    def num_inliers(self) -> Int[np.ndarray, ' S']:
        """Observations of each image that fit."""
        return np.asarray(self.is_inlier.sum(axis=0))
