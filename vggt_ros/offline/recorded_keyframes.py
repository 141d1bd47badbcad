"""Recorded keyframes: what refinement in the end needs of each, kept while a recording passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import math

from jaxtyping import Float
import numpy as np

from vggt_ros.inference.device import resolve_device
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.registration.metric_scale import MAX_LOCK_SIGMA, ScaleState
from vggt_ros.mapping.registration.scale_measurement import ScaleMeasurement
from vggt_ros.offline.depth_again import DepthAgain, DepthReport, FinalViews
from vggt_ros.offline.global_refinement import (
    GlobalRefinement,
    GlobalReport,
    MAX_KEYFRAMES,
    refine_globally,
)
from vggt_ros.offline.keyframe_clouds import fused_points
from vggt_ros.offline.keyframe_rig import KeyframeRig
from vggt_ros.offline.keyframe_store import KeyframeStore, MeasuredDepth
from vggt_ros.offline.odometry_scale import scale_by_odometry
from vggt_ros.offline.position_priors import priors_of
from vggt_ros.offline.position_refinement import PositionReport, refine_to_positions
from vggt_ros.offline.recorded_priors import RecordedRig
from vggt_ros.settings.config import VggtConfig
from vggt_ros.sources.position_fixes import PositionFix

OnDepth = Callable[[int, MeasuredDepth], object]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RefinedKeyframes:
    """Keyframes where they are after global refinement.

    Attributes:
        report: What came of it.
        map_from_cam: Their poses, by frame.
        growth: How much longer what each measured when it came is in the map now, by frame.
        K: Their intrinsics now, by frame.
        points: The cloud drawn anew; None if nothing has changed.
        depth: What came of comparing their depth once more.
        scale: By what the map was made metric; None if its unit is that of before.
        positions: What came of where satellites say that keyframes were.
    """

    report: GlobalReport
    map_from_cam: dict[int, Float[np.ndarray, '4 4']]
    growth: dict[int, float]
    K: dict[int, Float[np.ndarray, '3 3']]
    points: MapPoints | None
    depth: DepthReport = field(default_factory=DepthReport)
    scale: ScaleMeasurement | None = None
    positions: PositionReport = field(default_factory=PositionReport)

    @classmethod
    def kept(
        cls,
        map_from_cam: Mapping[int, Float[np.ndarray, '4 4']],
        growth: Mapping[int, float],
        why: str,
        *,
        num_keyframes: int,
        num_fixes: int = 0,
    ) -> RefinedKeyframes:
        """Return keyframes where they were.

        Args:
            map_from_cam: Their poses, by frame.
            growth: As above.
            why: Nothing was done.
            num_keyframes: That there were.
            num_fixes: Positions by satellites that could have been used.
        """
        positions = PositionReport(why=why, num_positions=num_fixes)
        return cls(
            report=GlobalReport(method='none', why=why, num_keyframes=num_keyframes),
            map_from_cam=dict(map_from_cam),
            growth=dict(growth),
            K={},
            points=None,
            positions=positions if num_fixes else PositionReport(),
        )


class RecordedKeyframes:
    """Features and depth of keyframes, up to a number; beyond that nothing is kept."""

    def __init__(self, config: VggtConfig, rig: RecordedRig | None = None) -> None:
        """Start with nothing.

        Args:
            config: The settings; depth is compared once more if it is in windows, too
                (`refine.mode`).
            rig: Where the cameras are; None for one camera.
        """
        self._config = config
        self._rig = RecordedRig() if rig is None else rig
        self._taken: dict[int, tuple[int, int]] = {}
        self._features: dict[int, KeyframeFeatures] = {}
        self._store: KeyframeStore | None = KeyframeStore()
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
        if self._store is not None:
            self._features[result.frame.id] = features
            self._taken[result.frame.id] = result.frame.stamp_ns, result.frame.camera
            self._store.add(result)

    def close(self) -> None:
        """Let go of everything."""
        self._features.clear()
        if self._store is not None:
            self._store.close()
            self._store = None

    def refined(
        self,
        map_from_cam: dict[int, Float[np.ndarray, '4 4']],
        growth: dict[int, float],
        *,
        is_calibrated: bool,
        known: ScaleState | None = None,
        odom_from_cam: Mapping[int, Float[np.ndarray, '4 4'] | None] | None = None,
        fixes: Mapping[int, PositionFix | None] | None = None,
        on_depth: OnDepth | None = None,
    ) -> RefinedKeyframes:
        """Refine all that are kept.

        Args:
            map_from_cam: Poses of the keyframes of the map, by frame.
            growth: How much longer what each measured when it came is in the map now, by frame.
            is_calibrated: Whether the focal length is known.
            known: What the map knows of meters; None for nothing. With several cameras it has to
                know about what a meter is.
            odom_from_cam: Poses of the keyframes in the odometry, meters, by frame; a meter is
                what they say unless something else has told it. None if they are not to be used.
            fixes: Where satellites say that keyframes were, by frame; the map goes there if they
                fit, and odometry is not asked then. None if they are not to be used.
            on_depth: Called with every keyframe that has another depth now.

        Raises:
            ConfigError: pycolmap is not installed.
        """
        ids = [i for i in sorted(map_from_cam) if i in self._features]
        keyframes = [self._features[i].scaled(growth[i]) for i in ids]
        num_fixes = sum(each is not None for each in (fixes or {}).values())
        if self._store is None or len(ids) < len(map_from_cam):
            return RefinedKeyframes.kept(
                map_from_cam,
                growth,
                f'{self._num_seen} keyframes; at most {MAX_KEYFRAMES} are adjusted at once',
                num_keyframes=self._num_seen,
                num_fixes=num_fixes,
            )
        meters_per_unit = _meters_per_unit(known)
        rig, why = self._keyframe_rig(ids, meters_per_unit, is_calibrated=is_calibrated)
        if why:
            return RefinedKeyframes.kept(
                map_from_cam, growth, why, num_keyframes=len(ids), num_fixes=num_fixes
            )
        poses = np.stack([map_from_cam[i] for i in ids]) if ids else np.zeros((0, 4, 4))
        to_meters = 1.0 if rig is None else meters_per_unit
        keyframes = [each.scaled(to_meters) for each in keyframes]
        poses[:, :3, 3] *= to_meters
        found: GlobalRefinement = refine_globally(
            keyframes, poses, is_calibrated=is_calibrated, rig=rig
        )
        priors = priors_of([(fixes or {}).get(i) for i in ids])
        positions, factor = PositionReport(), 1.0
        scale = _by_rig(found.report, to_meters)
        if priors is not None:
            found, positions = refine_to_positions(
                found, keyframes, poses, priors, is_calibrated=is_calibrated
            )
            scale = positions.scale or scale
        if scale is None and rig is not None:
            factor = 1.0 / to_meters
        elif scale is None and (known is None or _may_be_told(known)):
            scale = self._scale(ids, found, odom_from_cam)
            factor = 1.0 if scale is None else scale.meters_per_unit
        in_unit = found.map_from_cam.copy()
        in_unit[:, :3, 3] *= factor
        views = FinalViews(
            map_from_cam=dict(zip(ids, in_unit, strict=True)),
            growth={
                i: growth[i] * to_meters * float(g) * factor
                for i, g in zip(ids, found.growth, strict=True)
            },
            focal_px={i: float(K[0, 0]) for i, K in zip(ids, found.K, strict=True)},
            neighbors={
                i: tuple(ids[row] for row in rows)
                for i, rows in zip(ids, found.neighbors, strict=True)
            },
        )
        depth = self._swept(self._store, views, on_depth)
        points = None
        if found.report.method != 'none' or depth.num_used or scale is not None:
            points = fused_points(self._store, views, self._config.map)
        return RefinedKeyframes(
            report=found.report,
            map_from_cam=dict(views.map_from_cam),
            growth=dict(views.growth),
            K=dict(zip(ids, found.K, strict=True)),
            points=points,
            depth=depth,
            scale=scale,
            positions=positions,
        )

    def _keyframe_rig(
        self, ids: list[int], meters_per_unit: float, *, is_calibrated: bool
    ) -> tuple[KeyframeRig | None, str]:
        """Return the rig of keyframes, None for one camera; and why there is none of several."""
        places = self._rig.first_from_cam
        if len(places) == 1:
            return None, ''
        known = [place for place in places if place is not None]
        if len(known) < len(places):
            return None, 'where its several cameras are on each other is not known'
        if not is_calibrated:
            return None, 'the focal lengths of its several cameras are not known'
        if not math.isfinite(meters_per_unit):
            return None, 'the cameras of the rig have not said what a meter is'
        stamps_ns, cameras = zip(*[self._taken[i] for i in ids], strict=True) if ids else ((), ())
        return KeyframeRig.of(stamps_ns, cameras, known), ''

    def _scale(
        self,
        ids: list[int],
        found: GlobalRefinement,
        odom_from_cam: Mapping[int, Float[np.ndarray, '4 4'] | None] | None,
    ) -> ScaleMeasurement | None:
        if odom_from_cam is None:
            return None
        rows = [row for row, i in enumerate(ids) if self._taken[i][1] == 0]
        known = [odom_from_cam.get(ids[row]) for row in rows]
        scale = scale_by_odometry(found.map_from_cam[rows], known, self._config.scale)
        return scale if scale is not None and scale.log_sigma <= MAX_LOCK_SIGMA else None

    def _swept(
        self, store: KeyframeStore, views: FinalViews, on_depth: OnDepth | None
    ) -> DepthReport:
        if self._config.refine.mode != 'depth':
            return DepthReport()
        device = resolve_device(self._config.model.device)
        report, used = DepthAgain(store, views, self._config.cloud, device).work()
        if on_depth is not None:
            for frame_id in used:
                on_depth(frame_id, store.measured(frame_id))
        return report


def _by_rig(report: GlobalReport, meters_per_unit: float) -> ScaleMeasurement | None:
    """Return what a rig says a meter is; None if it did not, or not well enough."""
    if report.method == 'none' or report.rig_log_sigma > MAX_LOCK_SIGMA:
        return None
    return ScaleMeasurement(
        source='rig',
        meters_per_unit=meters_per_unit,
        log_sigma=report.rig_log_sigma,
        residual=0.0,
    )


def _meters_per_unit(known: ScaleState | None) -> float:
    if known is None:
        return math.nan
    return 1.0 if known.is_metric else known.meters_per_unit


def _may_be_told(known: ScaleState) -> bool:
    """Return whether odometry may say what a meter is."""
    return known.source == 'odometry' or not known.is_metric
