"""Position refinement: a map goes where positions are, and is adjusted to these and its matches.

First one similarity (`position_priors.place`), then all keyframes at once, with positions beside
matches. What the adjustment gives is used only if it explains as many matches as before, and is
nearer to the positions; else the similarity alone is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry.geodetic import LocalFrame
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.registration.scale_measurement import ScaleMeasurement
from vggt_ros.offline.global_refinement import GlobalRefinement, moved_by, support_of
from vggt_ros.offline.position_priors import place, Placement, PositionPriors
from vggt_ros.offline.structure import structure_of_poses

# Matches that poses may explain less for being nearer to the positions.
_AS_MANY = 0.99
# Beyond so many standard deviations a position is an outlier.
_OUTLIER_SIGMAS = 4.0
# Of Cauchy's loss, in standard deviations: 95 % of chi-square with 3 degrees of freedom.
_LOSS_SCALE = math.sqrt(7.815)
_SAME = Sim3(1.0, np.eye(3), np.zeros(3))


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport:
    """What came of positions.

    Attributes:
        method: `adjusted`, `placed` by one similarity, or `none` where they were not used.
        why: Why no more came of it; empty if they were adjusted to.
        num_positions: Keyframes that had one.
        num_outliers: Of them farther off in the end than four standard deviations.
        residual_before_m: Median distance of keyframes from their positions after the similarity.
        residual_after_m: The same in the end.
        meters_per_unit: Of the map before.
        log_sigma: Standard deviation of the log of that.
        is_roll_known: Whether positions determine all of the rotation; on a straight way up is
            what the map took for it.
        gauge: `enu` if the axes of the map are east, north and up of the origin, else `map`.
        origin: Where its origin is; None if `gauge` is `map`.
        support_before: Matches that the map explained.
        support_after: Those that it explains now.
    """

    method: str = 'none'
    why: str = 'there are no positions'
    num_positions: int = 0
    num_outliers: int = 0
    residual_before_m: float = math.nan
    residual_after_m: float = math.nan
    meters_per_unit: float = math.nan
    log_sigma: float = math.inf
    is_roll_known: bool = False
    gauge: str = 'map'
    origin: LocalFrame | None = None
    support_before: int = 0
    support_after: int = 0

    @property
    def scale(self) -> ScaleMeasurement | None:
        """By what the map is metric now; None if positions were not used."""
        if self.method == 'none':
            return None
        return ScaleMeasurement(
            source='gnss',
            meters_per_unit=self.meters_per_unit,
            log_sigma=self.log_sigma,
            residual=0.0,
        )


def refine_to_positions(
    found: GlobalRefinement,
    keyframes: Sequence[KeyframeFeatures],
    map_from_cam: Float[np.ndarray, 'N 4 4'],
    priors: PositionPriors,
    *,
    is_calibrated: bool,
) -> tuple[GlobalRefinement, PositionReport]:
    """Put a map where positions are; it has meters and their axes then.

    Args:
        found: What matches alone said.
        keyframes: With what they measured, in the unit of `map_from_cam`.
        map_from_cam: (N, 4, 4) their poses before all refinement.
        priors: Positions of some of them.
        is_calibrated: Whether the focal length is known.

    Returns:
        What is the case now, and what came of it; the same as before if positions do not fit.
    """
    num = len(priors.rows)
    try:
        placement = place(found.map_from_cam[priors.rows], priors)
    except AlignmentError as error:
        return found, PositionReport(why=str(error), num_positions=num)
    placed = _placed(found, placement)
    before_m, before = priors.distances(placed.map_from_cam[priors.rows])
    support = 0 if found.graph is None else found.graph.support(placed.map_from_cam, placed.K)
    report = PositionReport(
        method='placed',
        why='keyframes are not adjusted to each other',
        num_positions=num,
        num_outliers=_outliers(before),
        residual_before_m=float(np.median(before_m)),
        residual_after_m=float(np.median(before_m)),
        meters_per_unit=placement.enu_from_map.scale,
        log_sigma=placement.log_sigma,
        is_roll_known=placement.is_roll_known,
        gauge='enu',
        origin=priors.origin,
        support_before=support,
        support_after=support,
    )
    priors = replace(priors, is_line=not placement.is_roll_known)
    adjusted = _adjusted(placed, keyframes, map_from_cam, priors, is_calibrated=is_calibrated)
    if adjusted is None:
        return placed, report
    refined, after_support = adjusted
    after_m, after = priors.distances(refined.map_from_cam[priors.rows])
    if after_support < _AS_MANY * support or _cost(after) > _cost(before):
        why = (
            f'adjusted to positions it would explain {after_support} of {support} matches, '
            f'{float(np.median(after_m)):.2g} m from them instead of '
            f'{float(np.median(before_m)):.2g} m'
        )
        return placed, replace(report, why=why)
    return refined, replace(
        report,
        method='adjusted',
        why='',
        num_outliers=_outliers(after),
        residual_after_m=float(np.median(after_m)),
        support_after=after_support,
    )


def _placed(found: GlobalRefinement, placement: Placement) -> GlobalRefinement:
    return replace(
        found,
        map_from_cam=placement.enu_from_map.apply_to_pose(found.map_from_cam),
        growth=placement.enu_from_map.scale * found.growth,
    )


def _adjusted(
    placed: GlobalRefinement,
    keyframes: Sequence[KeyframeFeatures],
    map_from_cam: Float[np.ndarray, 'N 4 4'],
    priors: PositionPriors,
    *,
    is_calibrated: bool,
) -> tuple[GlobalRefinement, int] | None:
    """Return what matches and positions say together, and how many matches that explains."""
    if placed.graph is None:
        return None
    structure = structure_of_poses(
        placed.graph, placed.map_from_cam, is_calibrated=is_calibrated, positions=priors
    )
    if structure is None:
        return None
    K = placed.K.copy()
    K[structure.rows] = structure.K
    moved, growth = moved_by(structure, _SAME, map_from_cam, keyframes)
    refined = replace(placed, map_from_cam=moved, growth=growth, K=K)
    return refined, support_of(placed.graph, structure, placed.K)


def _cost(in_sigmas: Float[np.ndarray, ' n']) -> float:
    """Return what the adjustment makes small (Cauchy's loss, as pycolmap has it)."""
    return float(np.mean(np.log1p(in_sigmas**2 / _LOSS_SCALE**2)))


def _outliers(in_sigmas: Float[np.ndarray, ' n']) -> int:
    return int((in_sigmas > _OUTLIER_SIGMAS).sum())
