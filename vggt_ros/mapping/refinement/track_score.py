"""Track score: how well a window's geometry explains its tracks; decides between two of them."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
import numpy as np

from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.tracks import FeatureTracks
from vggt_ros.mapping.refinement.triangulation import reprojection_error_px

# An observation farther off than this counts for nothing, whatever its distance.
MAX_ERROR_PX = 4.0
INLIER_PX = 2.0
# Parts of the image, along each side, in which inliers are counted.
_CELLS = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackScore:
    """How well cameras and points fit the tracks.

    Attributes:
        total: Sum over the observations of 1 - min(error, 4 px) / 4 px.
        error_px: (N, S) reprojection errors, over the standard deviation of their track; NaN where
            it is not seen or has no point.
        num_inliers: (S,) observations within `INLIER_PX`, of tracks that two cameras see so.
    """

    total: float
    error_px: Float[np.ndarray, 'N S']
    num_inliers: Int[np.ndarray, ' S']

    @property
    def is_inlier(self) -> Bool[np.ndarray, 'N S']:
        """Observations within `INLIER_PX` of tracks that two cameras or more see so."""
        return _inliers(self.error_px)

    @property
    def median_px(self) -> float:
        """Median error of the inliers, NaN if there are none."""
        inliers = self.error_px[self.is_inlier]
        return float(np.median(inliers)) if inliers.size else float('nan')


def score_tracks(geometry: Geometry, tracks: FeatureTracks) -> TrackScore:
    """Compare a geometry with the observations.

    Args:
        geometry: Cameras with poses of NaN are left out.
        tracks: Of the same window.
    """
    is_placed = np.isfinite(geometry.window_from_cam[:, 0, 0])
    poses = np.where(is_placed[:, None, None], geometry.window_from_cam, np.eye(4))
    error_px = reprojection_error_px(
        geometry.points, tracks.uv, geometry.K, poses, tracks.sigma_px
    )
    error_px[:, ~is_placed] = np.nan
    inliers = _inliers(error_px)
    known = error_px[np.isfinite(error_px)]
    return TrackScore(
        total=float(np.maximum(1.0 - known / MAX_ERROR_PX, 0.0).sum()),
        error_px=error_px,
        num_inliers=inliers.sum(axis=0),
    )


def _inliers(error_px: Float[np.ndarray, 'N S']) -> Bool[np.ndarray, 'N S']:
    with np.errstate(invalid='ignore'):
        is_near = error_px < INLIER_PX
    return seen_twice(is_near)


def seen_twice(is_inlier: Bool[np.ndarray, 'N S']) -> Bool[np.ndarray, 'N S']:
    """Return the observations of tracks that two cameras or more see so: one tells nothing."""
    is_shared = is_inlier.sum(axis=1) >= 2
    return np.asarray(is_inlier & is_shared[:, None])


def num_cells(uv: Float[np.ndarray, 'n 2'], image_size: tuple[int, int]) -> int:
    """Return in how many of the 36 parts of an image there is a pixel."""
    cells = np.clip((uv + 0.5) * _CELLS / np.array(image_size), 0, _CELLS - 1).astype(int)
    return len(np.unique(cells[:, 0] * _CELLS + cells[:, 1]))
