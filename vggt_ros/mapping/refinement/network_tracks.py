"""Tracks of the network: where its tracker sees the features of the first frame of a window."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float, Float32, Int
import numpy as np

from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction, Tracks
from vggt_ros.mapping.refinement.features import rows_in_turn
from vggt_ros.mapping.refinement.tracks import FeatureTracks
from vggt_ros.mapping.refinement.view_transfer import is_inside
from vggt_ros.mapping.refinement.window_tracks import WindowTracks

# Features that are followed, and parts of the image along each side from which they are taken.
_MAX_QUERIES, _CELLS = 200, 8
# The tracker is right to this part of a pixel of the network; no track is better than a feature.
_SIGMA_MODEL_PX, _MIN_SIGMA_PX = 0.5, 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureQueries:
    """Features of the first frame of a window that the network is to follow; n of them.

    Attributes:
        feature: (n,) their rows.
        uv_image: (n, 2) their pixels.
    """

    feature: Int[np.ndarray, ' n']
    uv_image: Float32[np.ndarray, 'n 2']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkTracks:
    """Where the network sees features of the first of S frames; n of them.

    Attributes:
        feature: (n,) their rows in the first frame.
        uv: (n, S, 2) pixels of the camera's images, NaN where a feature is hidden.
        sigma_px: Standard deviation of the pixels along each axis.
    """

    feature: Int[np.ndarray, ' n']
    uv: Float[np.ndarray, 'n S 2']
    sigma_px: float


def feature_queries(uv: Float32[np.ndarray, 'n 2'], grid: ImageGrid) -> FeatureQueries | None:
    """Return features that are spread over the image: all parts give some in turn.

    Args:
        uv: (n, 2) features of the first frame of a window.
        grid: What of the image the network sees.

    Returns:
        At most 200; None if the network sees no features.
    """
    uv_model = grid.model_from_image(uv.astype(np.float64))
    rows = np.flatnonzero(is_inside(uv_model, grid.model_height, grid.model_width))
    if not len(rows):
        return None
    size = np.array([grid.model_width, grid.model_height])
    cell = np.clip((uv_model[rows] + 0.5) * _CELLS / size, 0, _CELLS - 1).astype(int)
    number = cell[:, 0] * _CELLS + cell[:, 1]
    feature = rows[rows_in_turn(number, np.ones(len(rows)), _MAX_QUERIES)]
    return FeatureQueries(feature=feature, uv_image=uv[feature])


def take_network_tracks(
    answer: Prediction, queries: FeatureQueries, min_visibility: float
) -> tuple[Prediction, NetworkTracks]:
    """Take the tracks of features out of an answer of the network.

    Args:
        answer: To query points the last of which are the features.
        queries: The features.
        min_visibility: Less visible features count as hidden, and so do those that left the image
            of the network.

    Returns:
        The answer to the other query points, and where the features are.
    """
    tracks, grid = answer.tracks, answer.grid
    assert tracks is not None, 'points were asked for'
    num_others = tracks.positions.shape[1] - len(queries.feature)
    in_model = tracks.positions[:, num_others:].astype(np.float64)
    in_image = grid.image_from_model(in_model)
    is_seen = tracks.visibility[:, num_others:] >= min_visibility
    is_seen &= is_inside(in_model, grid.model_height, grid.model_width)
    is_seen &= is_inside(in_image, grid.image_height, grid.image_width)
    uv = np.where(is_seen[..., None], in_image, np.nan).swapaxes(0, 1)
    # There it was asked for.
    uv[:, 0] = queries.uv_image
    sigma_px = max(_MIN_SIGMA_PX, _SIGMA_MODEL_PX / min(grid.scale_u, grid.scale_v))
    others = None
    if num_others:
        others = Tracks(
            positions=tracks.positions[:, :num_others],
            visibility=tracks.visibility[:, :num_others],
            confidence=tracks.confidence[:, :num_others],
        )
    found = NetworkTracks(feature=queries.feature, uv=uv, sigma_px=sigma_px)
    return replace(answer, tracks=others), found


def with_network_tracks(seen: WindowTracks, found: NetworkTracks, first: int) -> WindowTracks:
    """Return a window with the tracks of the network behind those of the features.

    A feature that matches have in a track is left out: that one is finer.

    Args:
        seen: Tracks of features.
        found: Of the same window.
        first: Position of its first frame; those before are not seen by the network.
    """
    tracks = seen.tracks
    is_new = ~np.isin(found.feature, tracks.feature[:, first])
    is_new &= np.isfinite(found.uv[..., 0]).sum(axis=1) >= 2
    uv = np.full((int(is_new.sum()), *tracks.uv.shape[1:]), np.nan)
    uv[:, first:] = found.uv[is_new]
    joined = FeatureTracks(
        feature=np.concatenate([tracks.feature, np.full(uv.shape[:2], -1)]),
        uv=np.concatenate([tracks.uv, uv]),
        sigma_px=np.concatenate([tracks.sigma_px, np.full(len(uv), found.sigma_px)]),
    )
    return replace(seen, tracks=joined)
