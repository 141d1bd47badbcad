"""From a window in the map to what is known about each of its new frames."""

from __future__ import annotations

from vggt_ros.config import CloudSettings
from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.map_update import FrameResult
from vggt_ros.mapping.point_filter import keep_mask
from vggt_ros.mapping.submap import Submap
from vggt_ros.mapping.track_book import frame_tracks, Queries
from vggt_ros.mapping.window import Window


def frame_results(
    window: Window,
    prediction: Prediction,
    in_map: Submap,
    settings: CloudSettings,
    queries: Queries | None,
) -> tuple[FrameResult, ...]:
    """Return the results of the frames that the map does not have yet, oldest first.

    Args:
        window: The frames.
        prediction: The network's answer; its images and tracks are used.
        in_map: Depth, points and poses of the whole window in map units.
        settings: The filters; a percentile is one of the whole window.
        queries: Which points the tracks of the prediction are about, None if there are none.
    """
    keep = keep_mask(
        in_map.points_in_cam[..., 2],
        in_map.points_confidence,
        prediction.grid.inside(),
        settings,
    )
    results = []
    for i in range(window.num_overlap, len(window.frames)):
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
                keep=keep[i],
                K=in_map.K[i],
                map_from_cam=in_map.submap_from_cam[i],
                tracks=tracks,
            )
        )
    return tuple(results)
