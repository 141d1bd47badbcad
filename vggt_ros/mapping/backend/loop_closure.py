"""Loop closure: revisited places, found by appearance, accepted by geometric verification."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import logging

from jaxtyping import Float32
import numpy as np

from vggt_ros.errors import VggtRosError
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.mapping.backend.keyframe_database import (
    KeyframeDatabase,
    MAX_DEPTH_SIZE,
    StoredKeyframe,
)
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.registered_window import RegisteredWindow
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.registration.frame_agreement import (
    consistent_frames,
    frame_inconsistency,
    pairwise_inconsistency,
)
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel
from vggt_ros.mapping.registration.registration import register, Registration
from vggt_ros.mapping.registration.submap import joined, Submap, submap_from_prediction

# Frames of either place in the window over both.
_FRAMES = 3
# The newest submaps are no other place.
_MIN_SUBMAP_GAP = 10
# Exponential back-off: windows that pass after a query that brought nothing.
_FIRST_PAUSE, _MAX_PAUSE = 1, 16
# Frames of the two places must see the same thing at the same distance: as much as those of a
# window, or to within this part of the depth.
_MAX_RATIO, _MAX_DISAGREEMENT = 3.0, 0.06
# A loop that moves the newest submap by less, in median depths, was hardly worth a query.
_NEWS = 0.05

_log = logging.getLogger(__name__)
Predict = Callable[[Sequence[Frame], Request], Prediction]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoopQuery:
    """What a new window shows of the place the robot is at.

    Attributes:
        submap: The window's submap.
        frames: Those of its new frames that are inliers.
        in_map: The same frames in the map.
        descriptors: (n, C) of the same frames.
        features: What the images of the same frames show, map units, None for a frame of which
            nothing is known; None if the images were not asked.
    """

    submap: PlacedSubmap
    frames: tuple[Frame, ...]
    in_map: Submap
    descriptors: Float32[np.ndarray, 'n C']
    features: tuple[KeyframeFeatures | None, ...] | None = None


def loop_query(registered: RegisteredWindow, descriptors: Float32[np.ndarray, 'S C']) -> LoopQuery:
    """Return what a window shows: its new frames that are inliers.

    Args:
        registered: A window in the map.
        descriptors: (S, C) of all its frames.
    """
    window, is_inlier = registered.estimate.window, registered.estimate.is_inlier
    rows = [i for i in range(window.num_overlap, len(window.frames)) if is_inlier[i]]
    features = tuple(registered.features_in_map(window.frames[i].id) for i in rows)
    return LoopQuery(
        submap=registered.placed,
        frames=tuple(window.frames[i] for i in rows),
        in_map=registered.in_map.select([window.frames[i].id for i in rows]),
        descriptors=descriptors[rows],
        features=None if registered.estimate.features is None else features,
    )


class LoopCloser:
    """Retrieves places and verifies them geometrically; one window at a time.

    Attributes:
        num_verified: Windows that were made over two places.
        num_found: Those that showed that the two are one.
    """

    def __init__(self, database: KeyframeDatabase) -> None:
        self._database = database
        self._pause = _FIRST_PAUSE
        self._windows_to_wait = 0
        self.num_verified = 0
        self.num_found = 0

    def clear(self) -> None:
        """Forget how long to wait."""
        self._pause, self._windows_to_wait = _FIRST_PAUSE, 0

    def candidates(self, query: LoopQuery) -> list[StoredKeyframe]:
        """Return the frames of the place that this window may have come back to; often none."""
        if self._windows_to_wait > 0:
            self._windows_to_wait -= 1
            return []
        newest = query.frames[-1]
        index = self._database.candidate(query.descriptors[-1], newest.stamp_ns, _MIN_SUBMAP_GAP)
        if index is None:
            return []
        places = self._database.around(index, _FRAMES)
        size = query.in_map.subsampled(MAX_DEPTH_SIZE).depth.shape[1:]
        return places if places[0].in_map.depth.shape[1:] == size else []

    def verify(
        self,
        query: LoopQuery,
        places: Sequence[StoredKeyframe],
        submaps: Mapping[int, PlacedSubmap],
        predict: Predict,
        noise: PoseErrorModel,
    ) -> Edge | None:
        """Make a window over both places; return what it says if they are one.

        Args:
            query: Where the robot is.
            places: From `candidates`, not empty.
            submaps: Those of both, by id.
            predict: The network.
            noise: Of its poses.
        """
        self.num_verified += 1
        try:
            edge, news = self._edge(query, places, submaps, predict, noise)
        except VggtRosError as error:
            _log.info('frame %d is not at an old place: %s', query.frames[-1].id, error)
            edge, news = None, 0.0
        if edge is not None:
            self.num_found += 1
        self._pause = _FIRST_PAUSE if news > _NEWS else min(2 * self._pause, _MAX_PAUSE)
        self._windows_to_wait = self._pause
        return edge

    def _edge(
        self,
        query: LoopQuery,
        places: Sequence[StoredKeyframe],
        submaps: Mapping[int, PlacedSubmap],
        predict: Predict,
        noise: PoseErrorModel,
    ) -> tuple[Edge | None, float]:
        old_frames = [place.decoded() for place in places]
        picked = np.unique(np.linspace(0, len(query.frames) - 1, _FRAMES).astype(int))
        new_frames = [query.frames[i] for i in picked]
        frames = (*old_frames, *new_frames)
        both = submap_from_prediction(
            Window.of_frames(frames), predict(frames, Request())
        ).subsampled(MAX_DEPTH_SIZE)
        inconsistency = frame_inconsistency(both)
        is_inlier = consistent_frames(inconsistency, both)
        is_old = np.arange(len(frames)) < len(old_frames)
        if not (is_inlier[is_old].any() and is_inlier[~is_old].any()):
            return None, 0.0
        if not _is_one_place(
            pairwise_inconsistency(both), is_old & is_inlier, ~is_old & is_inlier
        ):
            return None, 0.0
        old_ids = [f.id for f, ok in zip(frames, is_old & is_inlier, strict=True) if ok]
        new_ids = [f.id for f, ok in zip(frames, ~is_old & is_inlier, strict=True) if ok]
        known = {place.frame.id: place for place in places}
        in_map_old = joined([known[i].in_map for i in old_ids])
        doubt = dict(zip(both.frame_ids, inconsistency, strict=True))
        old = register(in_map_old, both.select(old_ids), np.array([doubt[i] for i in old_ids]))
        thin = query.in_map.subsampled(MAX_DEPTH_SIZE)
        new = register(
            thin.select(new_ids), both.select(new_ids), np.array([doubt[i] for i in new_ids])
        )
        corrected_from_map = old.map_from_submap @ new.map_from_submap.inverse()
        submap_old, submap_new = submaps[known[old.frame_ids[-1]].submap_id], query.submap
        edge = Edge(
            i=submap_old.id,
            j=submap_new.id,
            i_from_j=submap_old.map_from_submap.inverse()
            @ corrected_from_map
            @ submap_new.map_from_submap,
            covariance=_covariance(old, new, both.moved(old.map_from_submap), noise),
            is_loop=True,
        )
        return edge, _news(corrected_from_map, thin)


def _is_one_place(pairs: np.ndarray, is_old: np.ndarray, is_new: np.ndarray) -> bool:
    across = np.concatenate([pairs[np.ix_(is_old, is_new)], pairs[np.ix_(is_new, is_old)].T])
    across = across[np.isfinite(across)]
    if not across.size:
        return False  # they see nothing in common
    within = np.concatenate([pairs[np.ix_(s, s)].ravel() for s in (is_old, is_new)])
    within = within[np.isfinite(within)]
    usual = float(np.median(within)) if within.size else 0.0
    return float(np.median(across)) <= max(_MAX_RATIO * usual, _MAX_DISAGREEMENT)


def _covariance(
    old: Registration, new: Registration, both_in_map: Submap, noise: PoseErrorModel
) -> np.ndarray:
    """Return the covariance of the step from the old to the new place: registered at both ends."""
    median_depth = float(np.nanmedian(both_in_map.depth))
    positions = both_in_map.ref_from_cam[:, :3, 3]
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    way = max(float(steps.sum()) / median_depth, 0.05)
    rotation_rad, shift = noise.over(way)
    rotation_rad = np.hypot(rotation_rad, old.rotation_residual_rad)
    rotation_rad = np.hypot(rotation_rad, new.rotation_residual_rad)
    shift = np.hypot(shift, old.translation_residual)
    shift = np.hypot(shift, new.translation_residual) * median_depth
    log_scale = np.hypot(old.log_scale_sigma, new.log_scale_sigma)
    return isotropic(float(rotation_rad), float(shift), float(log_scale))


def _news(corrected_from_map: Sim3, in_map: Submap) -> float:
    """Return how far the newest camera is moved, in median depths, or its scale changed."""
    median_depth = float(np.nanmedian(in_map.depth))
    position = in_map.ref_from_cam[-1, :3, 3]
    moved = float(np.linalg.norm(corrected_from_map.apply(position) - position)) / median_depth
    return max(moved, abs(float(np.log(corrected_from_map.scale))))
