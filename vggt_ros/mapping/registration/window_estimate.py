"""Window estimate: what is said about a window before it has a place in the map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.errors import PredictionError
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.registration.frame_agreement import consistent_frames, frame_inconsistency
from vggt_ros.mapping.registration.odometry_agreement import moved_as_odometry
from vggt_ros.mapping.registration.rig import measure_by_rig, on_rig
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.mapping.registration.window_priors import WindowPriors
from vggt_ros.mapping.registration.window_refiner import Refinement


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowEstimate:
    """What is said about a window before it has a place.

    Attributes:
        window: Its frames.
        submap: What the network says of them.
        inconsistency: (S,) how much each disagrees with the others.
        is_inlier: (S,) False for frames that are left out.
        priors: What the rest of the robot says.
        refinement: What the images say; None if they were not asked.
        features: What the images of frames show, by id, with points in the unit of the submap;
            None if the images were not asked.
    """

    window: Window
    submap: Submap
    inconsistency: Float[np.ndarray, ' S']
    is_inlier: Bool[np.ndarray, ' S']
    priors: WindowPriors
    refinement: Refinement | None = None
    features: Mapping[int, KeyframeFeatures] | None = None

    @property
    def median_depth(self) -> float:
        """Of all its pixels, in its own unit."""
        return float(np.nanmedian(self.submap.depth))


def window_estimate(
    window: Window, submap: Submap, priors: WindowPriors, refinement: Refinement | None
) -> WindowEstimate:
    """Tell inliers from outliers among the frames of a window.

    Args:
        window: Its frames.
        submap: What the network says of them; not used where there is a refinement.
        priors: What is known of the frames.
        refinement: What the images say; None if they were not asked.

    Raises:
        PredictionError: None of the new frames is an inlier.
    """
    if refinement is not None:
        submap = refinement.submap
    inconsistency = frame_inconsistency(submap, max(map(len, window.set_rows)))
    if refinement is None:
        is_inlier = consistent_frames(inconsistency, submap)
    else:
        is_inlier = refinement.window.is_verified.copy()
    is_inlier &= moved_as_odometry(submap.ref_from_cam, priors.odom_from_cam)
    if not is_inlier[window.num_overlap :].any():
        raise PredictionError(
            f'none of the {len(window.new_frames)} new frames agrees with the rest of the window'
        )
    return WindowEstimate(
        window=window,
        submap=submap,
        inconsistency=inconsistency,
        is_inlier=is_inlier,
        priors=priors,
        refinement=refinement,
        features=None if refinement is None else refinement.features,
    )


def with_rig(estimate: WindowEstimate, max_residual: float) -> WindowEstimate:
    """Put the cameras of a rig where TF has them; nothing changes if the window contradicts it.

    Args:
        estimate: A window.
        max_residual: Largest disagreement, part of the distance of the cameras.
    """
    submap, rows, priors = estimate.submap, estimate.window.set_rows, estimate.priors
    known = priors.first_from_cam
    rig = measure_by_rig(submap.ref_from_cam, rows, known, estimate.is_inlier)
    if rig is None or rig.residual > max_residual:
        return estimate
    return replace(
        estimate,
        submap=on_rig(submap, rows, known, estimate.is_inlier, rig.meters_per_unit),
        priors=replace(priors, rig_scale=rig),
    )
