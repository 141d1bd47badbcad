"""Rig of several cameras on one robot: what their mounts say about a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.robust import median_and_sigma
from vggt_ros.geometry.rotation import mean_rotation
from vggt_ros.mapping.registration.scale_measurement import ScaleMeasurement
from vggt_ros.mapping.registration.submap import Submap

# Cameras are not calibrated, nor mounted, better than this part of their distance.
_MIN_RIG_SIGMA = 0.005
# What one set says alone, if there are too few to see how much they scatter.
_ONE_SET_SIGMA = 0.1
# Cameras nearer to each other than this have one place: they tell no lengths.
_MIN_BASELINE_M = 0.01
# Less sure than this the network does not see the cameras apart.
_MAX_LOG_SIGMA = 0.25

RigPoses = Sequence[Float[np.ndarray, '4 4'] | None]


def measure_by_rig(
    ref_from_cam: Float[np.ndarray, 'S 4 4'],
    set_rows: Sequence[Sequence[int]],
    first_from_cam: RigPoses,
    is_inlier: Bool[np.ndarray, ' S'],
) -> ScaleMeasurement | None:
    """Compare the distances of the cameras of each set with the true ones.

    Of the predicted translation from one camera to another the part along the true one counts,
    with the predicted orientation: noise across it would only make every distance longer.

    Args:
        ref_from_cam: (S, 4, 4) predicted poses, any unit.
        set_rows: For every set the rows of its frames.
        first_from_cam: For every frame the pose of its camera in a frame fixed to the rig,
            meters; None where not known.
        is_inlier: (S,) False for frames that do not count.

    Returns:
        None if no set has two known cameras that are far enough apart, or the network does not
        see that they are.
    """
    ratios, weights, found, true = [], [], [], []
    for rows in set_rows:
        known = [i for i in rows if is_inlier[i] and first_from_cam[i] is not None]
        pairs = list(combinations(known, 2))
        if not pairs:
            continue
        ways_m = np.stack([_way(first_from_cam[i], first_from_cam[j]) for i, j in pairs])
        ways = np.stack([_way(ref_from_cam[i], ref_from_cam[j]) for i, j in pairs])
        size_m2 = float((ways_m**2).sum())
        if size_m2 < len(pairs) * _MIN_BASELINE_M**2:
            continue
        ratios.append(float((ways * ways_m).sum()) / size_m2)
        weights.append(size_m2)
        found.append(ways)
        true.append(ways_m)
    if not ratios:
        return None
    units_per_meter, spread = median_and_sigma(np.array(ratios))
    if not units_per_meter > 0:
        return None
    num = len(ratios)
    log_sigma = spread / units_per_meter / np.sqrt(num) if num > 2 else _ONE_SET_SIGMA
    if log_sigma > _MAX_LOG_SIGMA:
        return None
    # What is left of the shape when all sets are taken together: their noise is mostly gone.
    off = np.concatenate([a - units_per_meter * b for a, b in zip(found, true, strict=True)])
    off_rms = float(np.sqrt((off**2).sum() / sum(weights))) / units_per_meter
    return ScaleMeasurement(
        source='rig',
        meters_per_unit=1.0 / float(units_per_meter),
        log_sigma=float(np.hypot(_MIN_RIG_SIGMA, log_sigma)),
        residual=off_rms / float(np.sqrt(num)),
    )


def on_rig(
    submap: Submap,
    set_rows: Sequence[Sequence[int]],
    first_from_cam: RigPoses,
    is_inlier: Bool[np.ndarray, ' S'],
    meters_per_unit: float,
) -> Submap:
    """Return the submap with the cameras of each set where the rig has them.

    The rig is put at the mean of where the inlier cameras of the set have it; the depth of every
    frame stays. A set with one known camera, and unknown cameras, stay as they are.

    Args:
        submap: One window.
        set_rows: For every set the rows of its frames.
        first_from_cam: As in `measure_by_rig`.
        is_inlier: (S,) False for frames that have no say; they are moved with the others.
        meters_per_unit: Of the submap.
    """
    poses = submap.ref_from_cam.copy()
    for rows in set_rows:
        known = {i: pose for i in rows if (pose := first_from_cam[i]) is not None}
        asked = [i for i in known if is_inlier[i]]
        if len(known) < 2 or not asked:
            continue
        in_units = {i: _in_units(pose, meters_per_unit) for i, pose in known.items()}
        turns = np.stack([poses[i, :3, :3] @ in_units[i][:3, :3].T for i in asked])
        rotation = mean_rotation(turns)
        origin = np.mean([poses[i, :3, 3] - rotation @ in_units[i][:3, 3] for i in asked], axis=0)
        submap_from_first = se3.rigid(rotation, origin)
        for i, pose in in_units.items():
            poses[i] = submap_from_first @ pose
    return replace(submap, ref_from_cam=poses)


def _way(
    common_from_a: Float[np.ndarray, '4 4'] | None, common_from_b: Float[np.ndarray, '4 4'] | None
) -> Float[np.ndarray, ' 3']:
    """Return where camera b is seen from camera a."""
    assert common_from_a is not None, 'known'
    assert common_from_b is not None, 'known'
    way: Float[np.ndarray, ' 3'] = (se3.inverse(common_from_a) @ common_from_b)[:3, 3]
    return way


def _in_units(pose_m: Float[np.ndarray, '4 4'], meters_per_unit: float) -> np.ndarray:
    pose = pose_m.copy()
    pose[:3, 3] /= meters_per_unit
    return pose
