"""Overlap reference: the part of a registered window that the next one is registered to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from jaxtyping import Float
import numpy as np

from vggt_ros.mapping.backend.registered_window import RegisteredWindow, unit_of
from vggt_ros.mapping.refinement.anchor import Anchor, anchor, apart
from vggt_ros.mapping.refinement.landmarks import NO_LANDMARKS
from vggt_ros.mapping.registration.placement import map_from_odom, OverlapReference

# A camera of a robot that stands is no further anchor, in median depths: those from before it
# stopped hold the scale.
_MIN_STEP = 0.01


def overlap_reference(
    registered: RegisteredWindow,
    before: OverlapReference | None,
    num_sets: int,
    max_anchors: int,
    meters_per_unit: float,
) -> OverlapReference:
    """Return what the next window is registered to.

    Args:
        registered: The window that entered the map.
        before: What it was registered to, None for the first one.
        num_sets: Frame sets that the next window will share: `window.overlap`.
        max_anchors: Frames before those that hold it, too.
        meters_per_unit: Of the map, NaN if not known.
    """
    estimate = registered.estimate
    # The sets that the next window will share, as the window buffer picks them.
    of_sets = (
        [row for row in each if estimate.is_inlier[row]] for each in estimate.window.set_rows
    )
    newest = [each for each in of_sets if each][-num_sets:]
    rows = [row for each in newest for row in each]
    kept = registered.in_map.select([registered.in_map.frame_ids[row] for row in rows])
    if before is not None:
        kept = kept.completed_by(before.in_map)
    landmarks = NO_LANDMARKS
    if estimate.refinement is not None:
        landmarks = estimate.refinement.landmarks.scaled(
            registered.placement.map_from_submap.scale
        )
    return OverlapReference(
        submap_id=registered.placed.id,
        in_map=kept,
        inconsistency=estimate.inconsistency[rows],
        map_from_first=registered.in_map.ref_from_cam[0],
        map_from_odom=map_from_odom(
            registered.in_map, estimate.is_inlier, estimate.priors, meters_per_unit
        ),
        unit=unit_of(estimate, registered.placement),
        landmarks=landmarks,
        anchors=_anchors(registered, before, rows, max_anchors),
    )


def anchor_poses(registered: RegisteredWindow) -> Mapping[int, Float[np.ndarray, '4 4']]:
    """Return where a refined window puts its anchors, map_from_cam by frame id."""
    if registered.estimate.refinement is None:
        return {}
    place = registered.placement.map_from_submap
    poses = registered.estimate.refinement.anchor_poses
    return {frame_id: place.apply_to_pose(pose) for frame_id, pose in poses.items()}


def _anchors(
    registered: RegisteredWindow,
    before: OverlapReference | None,
    last_rows: Sequence[int],
    most: int,
) -> tuple[Anchor, ...]:
    """Return the frames before the last ones that hold the next window, brought up to date."""
    estimate = registered.estimate
    if estimate.refinement is None:
        return ()
    earlier = [row for row in np.flatnonzero(estimate.is_inlier).tolist() if row not in last_rows]
    frames = estimate.window.frames
    new = {
        frames[row].id: anchor(frames[row], registered.in_map.ref_from_cam[row]) for row in earlier
    }
    # A window that is not connected to the last one has nothing to do with its anchors.
    known = before if estimate.window.num_overlap else None
    old = [] if known is None else [a for a in known.anchors if a.frame.id not in new]
    poses = anchor_poses(registered)
    old = [replace(a, map_from_cam=poses.get(a.frame.id, a.map_from_cam)) for a in old]
    every = apart([*old, *new.values()], _MIN_STEP * float(np.nanmedian(registered.in_map.depth)))
    return tuple(every[max(0, len(every) - most) :])
