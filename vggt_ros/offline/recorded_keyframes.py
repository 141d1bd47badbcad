"""Recorded keyframes: what global refinement needs of each, kept while a recording passes."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.offline.global_refinement import (
    GlobalRefinement,
    GlobalReport,
    MAX_KEYFRAMES,
    refine_globally,
)
from vggt_ros.offline.keyframe_clouds import KeyframeClouds
from vggt_ros.settings.world_config import MapSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RefinedKeyframes:
    """Keyframes where they are after global refinement.

    Attributes:
        report: What came of it.
        map_from_cam: Their poses, by frame.
        growth: How much longer what each measured when it came is in the map now, by frame.
        K: Their intrinsics now, by frame.
        points: The cloud drawn anew; None if the map was kept.
    """

    report: GlobalReport
    map_from_cam: dict[int, Float[np.ndarray, '4 4']]
    growth: dict[int, float]
    K: dict[int, Float[np.ndarray, '3 3']]
    points: MapPoints | None


class RecordedKeyframes:
    """Features and points of keyframes, up to a number; beyond that nothing is kept."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._features: dict[int, KeyframeFeatures] = {}
        self._clouds: KeyframeClouds | None = KeyframeClouds()
        self._num_seen = 0

    def add(self, result: FrameResult, features: KeyframeFeatures) -> None:
        """Take a keyframe.

        Args:
            result: What is known about it.
            features: Its features, with points in the unit of the map when it came.
        """
        self._num_seen += 1
        if self._num_seen > MAX_KEYFRAMES:
            self.close()
        if self._clouds is not None:
            self._features[result.frame.id] = features
            self._clouds.add(result)

    def close(self) -> None:
        """Let go of everything."""
        self._features.clear()
        if self._clouds is not None:
            self._clouds.close()
            self._clouds = None

    def refined(
        self,
        map_from_cam: dict[int, Float[np.ndarray, '4 4']],
        growth: dict[int, float],
        settings: MapSettings,
        *,
        is_calibrated: bool,
    ) -> RefinedKeyframes:
        """Refine all that are kept.

        Args:
            map_from_cam: Poses of the keyframes of the map, by frame.
            growth: How much longer what each measured when it came is in the map now, by frame.
            settings: `map.*`.
            is_calibrated: Whether the focal length is known.

        Raises:
            ConfigError: pycolmap is not installed.
        """
        ids = [i for i in sorted(map_from_cam) if i in self._features]
        keyframes = [self._features[i].scaled(growth[i]) for i in ids]
        if self._clouds is None or len(ids) < len(map_from_cam):
            report = GlobalReport(
                method='none',
                why=f'{self._num_seen} keyframes; at most {MAX_KEYFRAMES} are adjusted at once',
                num_keyframes=self._num_seen,
            )
            return RefinedKeyframes(
                report=report, map_from_cam=map_from_cam, growth=growth, K={}, points=None
            )
        poses = np.stack([map_from_cam[i] for i in ids]) if ids else np.zeros((0, 4, 4))
        found: GlobalRefinement = refine_globally(keyframes, poses, is_calibrated=is_calibrated)
        intrinsics = dict(zip(ids, found.K, strict=True))
        moved = dict(zip(ids, found.map_from_cam, strict=True))
        longer = {i: growth[i] * float(g) for i, g in zip(ids, found.growth, strict=True)}
        points = None
        if found.report.method != 'none':
            focal_px = {i: float(K[0, 0]) for i, K in intrinsics.items()}
            points = self._clouds.fused(moved, longer, focal_px, settings)
        return RefinedKeyframes(
            report=found.report, map_from_cam=moved, growth=longer, K=intrinsics, points=points
        )
