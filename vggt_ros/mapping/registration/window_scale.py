"""Window scale: how long a window is in the map, by what the robot says of it."""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.registration.metric_scale import MetricScale
from vggt_ros.mapping.registration.placement import Placement
from vggt_ros.mapping.registration.scale_measurement import ScaleMeasurement
from vggt_ros.mapping.registration.scale_sources import measure_scale, MeasuredWindow
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.mapping.registration.window_estimate import WindowEstimate

# In meters the scale of a submap is known; this keeps its covariance invertible.
_LOCKED_LOG_SIGMA = 1e-4


def first_scale(scale: MetricScale, estimate: WindowEstimate) -> float:
    """Return map units per unit of the window that a map begins with; the scale takes note.

    Args:
        scale: Of the map.
        estimate: Its first window.
    """
    if scale.settings.source == 'fixed':
        return scale.start_fixed()
    measured = _measured(scale, estimate, estimate.submap)
    found = None if measured is None else scale.start(measured)
    return 1.0 if found is None else found


def own_scale(scale: MetricScale, estimate: WindowEstimate) -> float | None:
    """Return map units per unit of a window, from what the robot says of it alone.

    Args:
        scale: Of the map.
        estimate: The window.

    Returns:
        None if it says nothing, or the unit of the map is not known.
    """
    measured = _measured(scale, estimate, estimate.submap)
    if measured is None or not np.isfinite(scale.meters_per_unit):
        return None
    if measured.residual > scale.settings.max_residual:
        return None
    return measured.meters_per_unit / scale.meters_per_unit


def in_true_scale(scale: MetricScale, estimate: WindowEstimate, placement: Placement) -> Placement:
    """Compare a window's lengths with meters; once the scale is locked, put them right.

    Args:
        scale: Of the map; it takes note.
        estimate: The window, not the first one.
        placement: Where it is.
    """
    if scale.settings.source in ('none', 'fixed'):
        return placement
    in_map = estimate.submap.moved(placement.map_from_submap)
    unit = placement.map_from_submap.scale
    measured = _measured(scale, estimate, in_map, unit)
    if measured is not None:
        scale.observe(measured)
    factor = scale.take_correction()
    # The overlap stays where it is: lengths grow about the last shared camera.
    anchor = in_map.ref_from_cam[max(estimate.window.num_overlap - 1, 0), :3, 3]
    old = placement.map_from_submap
    moved = Sim3(factor * old.scale, old.rotation, anchor + factor * (old.translation - anchor))
    covariance = placement.covariance
    if covariance is not None and scale.is_locked:
        covariance = _with_known_scale(covariance)
    return replace(placement, map_from_submap=moved, covariance=covariance)


def _measured(
    scale: MetricScale, estimate: WindowEstimate, submap: Submap, unit: float = 1.0
) -> ScaleMeasurement | None:
    """Return what tells of the unit of a submap, which is so many of the network's."""
    window = MeasuredWindow(
        submap=submap, priors=estimate.priors, is_inlier=estimate.is_inlier, unit=unit
    )
    return measure_scale(window, scale.settings)


def _with_known_scale(covariance: Float[np.ndarray, '7 7']) -> Float[np.ndarray, '7 7']:
    known = covariance.copy()
    known[6, :] = known[:, 6] = 0.0
    known[6, 6] = _LOCKED_LOG_SIGMA**2
    return known
