"""Initial values of a window's refinement: what the map and the network say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.refinement.anchor import Anchor
from vggt_ros.mapping.refinement.bundle_adjustment import PosePrior
from vggt_ros.mapping.refinement.feature_store import FeatureStore
from vggt_ros.mapping.refinement.landmarks import Landmarks
from vggt_ros.mapping.refinement.network_start import NetworkEstimate
from vggt_ros.mapping.refinement.relative_pose import RelativePose
from vggt_ros.mapping.refinement.tracks import FeatureTracks
from vggt_ros.mapping.refinement.window_candidate import AdjustmentPriors
from vggt_ros.mapping.registration.placement import OverlapReference
from vggt_ros.mapping.registration.registration import register
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.mapping.registration.window_depth import depth_at, with_map_depth

# Cameras of the map are known so well, in radians and median depths: the oldest ones, which hold
# the window, and those that newer images may still correct.
_HELD_ROTATION_RAD, _HELD_TRANSLATION = 2e-4, 5e-4
_FREE_ROTATION_RAD, _FREE_TRANSLATION = 5e-2, 0.2
_NUM_HELD = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowStart:
    """What is said of a window before its images are asked.

    Its cameras are the anchors, oldest first, and then the frames of the window.

    Attributes:
        known: What the network says, in the frame and unit of the map if there is one.
        unit: Units of `known` per unit of the network's prediction.
        in_map: The frames of the window that the map has, as it has them; None if it has none.
        anchors: Verified frames of the map that hold the window beside those.
        landmarks: Points that the map knows; None if it has no frame of the window.
    """

    known: Submap
    unit: float
    in_map: Submap | None
    anchors: Sequence[Anchor]
    landmarks: Landmarks | None

    @property
    def num_anchors(self) -> int:
        """Return how many cameras come before those of the window."""
        return len(self.anchors)

    @property
    def frame_ids(self) -> list[int]:
        """Return the frames of all cameras."""
        return [*(each.frame.id for each in self.anchors), *self.known.frame_ids]

    def estimate(self, tracks: FeatureTracks, grid: ImageGrid) -> NetworkEstimate:
        """Return where the network, and the map where it knows better, see cameras and tracks.

        Args:
            tracks: Of all cameras.
            grid: What of the images the network sees.
        """
        depth = np.full(tracks.feature.shape, np.nan)
        of_window = with_map_depth(self.known, self.in_map)
        depth[:, self.num_anchors :] = depth_at(of_window, tracks.uv[:, self.num_anchors :], grid)
        held = np.array([each.map_from_cam for each in self.anchors]).reshape(-1, 4, 4)
        poses = np.concatenate([held, self.known.ref_from_cam])
        return NetworkEstimate(window_from_cam=poses, track_depth=depth)

    def priors(self, tracks: FeatureTracks, relative: Sequence[RelativePose]) -> AdjustmentPriors:
        """Return what is known of cameras and points beside the network and the images.

        Args:
            tracks: Of all cameras.
            relative: What wheels and rig say.
        """
        if self.in_map is None or self.landmarks is None:
            return AdjustmentPriors(relative=relative)
        return AdjustmentPriors(
            poses=_pose_priors(self.anchors, self.in_map, self.frame_ids),
            depth=self.landmarks.prior(self.frame_ids, tracks),
            relative=relative,
        )


def window_start(
    window: Window, submap: Submap, last: OverlapReference | None, store: FeatureStore
) -> WindowStart:
    """Bring what the network says of a window to the map.

    Args:
        window: Its frames.
        submap: What the network says.
        last: What the map has; None if it has nothing yet.
        store: Frames whose features it does not have are no anchors.
    """
    in_map = _overlap(window, last)
    known, unit = _in_map(submap, in_map)
    anchors: list[Anchor] = []
    landmarks = None
    if last is not None and in_map is not None:
        landmarks = last.landmarks
        size = window.frames[0].size
        anchors = [each for each in last.anchors if each.size == size and each.frame.id in store]
    return WindowStart(known=known, unit=unit, in_map=in_map, anchors=anchors, landmarks=landmarks)


def _overlap(window: Window, last: OverlapReference | None) -> Submap | None:
    """Return the frames of the window that the map has, as it has them."""
    if last is None or not window.num_overlap:
        return None
    ids = [f.id for f in window.frames[: window.num_overlap] if f.id in last.in_map.frame_ids]
    return last.in_map.select(ids) if ids else None


def _pose_priors(
    anchors: Sequence[Anchor], in_map: Submap, frame_ids: Sequence[int]
) -> list[PosePrior]:
    """Return what is known of cameras: the oldest stay, later ones may give way a little."""
    depth = float(np.nanmedian(in_map.depth))
    known = [
        *((row, each.map_from_cam) for row, each in enumerate(anchors)),
        *(
            (frame_ids.index(frame_id), pose)
            for frame_id, pose in zip(in_map.frame_ids, in_map.ref_from_cam, strict=True)
        ),
    ]
    return [
        PosePrior(
            row=row,
            window_from_cam=pose,
            rotation_sigma_rad=_HELD_ROTATION_RAD if i < _NUM_HELD else _FREE_ROTATION_RAD,
            translation_sigma=(_HELD_TRANSLATION if i < _NUM_HELD else _FREE_TRANSLATION) * depth,
        )
        for i, (row, pose) in enumerate(known)
    ]


def _in_map(submap: Submap, in_map: Submap | None) -> tuple[Submap, float]:
    """Bring what the network says to the map by the shared frames, and tell the scale of that."""
    if in_map is None:
        return submap, 1.0
    shared = submap.select(in_map.frame_ids)
    try:
        place = register(in_map, shared).map_from_submap
    except AlignmentError:
        # The images will tell; this is only where to begin.
        with np.errstate(invalid='ignore'):
            ratio = np.nanmedian(in_map.depth / shared.depth)
        scale = float(ratio) if np.isfinite(ratio) else 1.0
        rotation = in_map.ref_from_cam[-1, :3, :3] @ shared.ref_from_cam[-1, :3, :3].T
        shift = in_map.ref_from_cam[-1, :3, 3]
        place = Sim3(scale, rotation, shift - scale * rotation @ shared.ref_from_cam[-1, :3, 3])
    return submap.moved(place), place.scale
