"""From a window in the map to what is known about each of its new frames."""

from __future__ import annotations

from jaxtyping import Bool, Float32
import numpy as np

from vggt_ros.config import CloudSettings
from vggt_ros.errors import PredictionError
from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.map_update import FrameResult
from vggt_ros.mapping.submap import Submap
from vggt_ros.mapping.track_book import frame_tracks, Queries
from vggt_ros.mapping.window import Window


def frame_results(
    window: Window,
    prediction: Prediction,
    in_map: Submap,
    believed: Bool[np.ndarray, ' S'],
    settings: CloudSettings,
    queries: Queries | None,
) -> tuple[FrameResult, ...]:
    """Return the results of the frames that the map does not have yet, oldest first; at least one.

    Args:
        window: The frames.
        prediction: The network's answer; its images and tracks are used.
        in_map: Depth, points and poses of the whole window in map units.
        believed: (S,) False for frames that get no result.
        settings: The filters that need the unit of the map; the others are in the prediction.
        queries: Which points the tracks of the prediction are about, None if there are none.

    Raises:
        PredictionError: No new frame is believed.
    """
    results = []
    for i in range(window.num_overlap, len(window.frames)):
        if not believed[i]:
            continue
        keep = prediction.keep[i] & _is_in_range(in_map.points_in_cam[i, ..., 2], settings)
        tracks = None
        if queries is not None and prediction.tracks is not None:
            tracks = frame_tracks(queries, prediction.tracks, i, in_map.depth[i], in_map.K[i])
        results.append(
            FrameResult(
                frame=window.frames[i],
                image=prediction.images[i],
                depth=in_map.depth[i],
                confidence=in_map.confidence[i],
                points_in_cam=in_map.points_in_cam[i],
                keep=keep,
                K=in_map.K[i],
                map_from_cam=in_map.submap_from_cam[i],
                tracks=tracks,
            )
        )
    if not results:
        raise PredictionError(
            f'none of the {len(window.new_frames)} new frames agrees with the rest of the window'
        )
    return tuple(results)


def _is_in_range(
    depth: Float32[np.ndarray, 'H W'], settings: CloudSettings
) -> Bool[np.ndarray, 'H W']:
    is_in_range = np.isfinite(depth)
    if settings.min_depth > 0:
        is_in_range &= depth >= settings.min_depth
    if settings.max_depth > 0:
        is_in_range &= depth <= settings.max_depth
    return is_in_range
