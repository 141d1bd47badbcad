"""Global refinement: all keyframes of a recording at once, where their images agree on more.

Poses are compared by the matches that they explain (`ViewGraph.support`): those of the map, those
of the map adjusted to all matches, and those that the matches give alone. The map's are kept
unless others explain clearly more, or as many with the cameras of a rig where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import mean_rotation
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.offline.keyframe_rig import KeyframeRig
from vggt_ros.offline.structure import Structure, structure_of_images, structure_of_poses
from vggt_ros.offline.view_graph import view_graph, ViewGraph

# Other poses have to explain so many times the matches that the map's explain; those of a rig,
# whose cameras are where they are, only as many.
_CLEARLY_MORE, _AS_MANY = 1.02, 0.99
# Keyframes whose matches fit in memory and time: a longer recording is kept as it is.
MAX_KEYFRAMES = 1000
_MIN_DEPTHS = 20
_EPS = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalReport:
    """What came of it.

    Attributes:
        method: `images`, `poses`, or `none` where the map was kept.
        why: Why it was kept; empty if it was not.
        num_keyframes: In the map.
        num_placed: Of them that have another pose now.
        num_pairs: Pairs of keyframes with verified matches.
        num_matches: Matches of all pairs.
        support_before: Matches that the map's poses explained.
        support_after: Matches that those explain that are used now.
        num_points: Points of the structure, 0 if the map was kept.
        error_px: Mean reprojection error of these; NaN if the map was kept.
        largest_move: Of a keyframe, map units.
        rig_log_sigma: How well the places of several cameras say what a meter is: standard
            deviation of its log; infinite of one camera, or if the map was kept.
    """

    method: str
    why: str
    num_keyframes: int
    num_placed: int = 0
    num_pairs: int = 0
    num_matches: int = 0
    support_before: int = 0
    support_after: int = 0
    num_points: int = 0
    error_px: float = float('nan')
    largest_move: float = 0.0
    rig_log_sigma: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GlobalRefinement:
    """Keyframes where they are now.

    Attributes:
        report: What came of it.
        map_from_cam: (N, 4, 4) their poses; those that have no other one have moved with those
            next to them.
        growth: (N,) how much longer what each measured is now.
        K: (N, 3, 3) their intrinsics now.
        neighbors: For each the rows of those that share matches with it, most first.
        graph: Their matches; None where they were not asked.
    """

    report: GlobalReport
    map_from_cam: Float[np.ndarray, 'N 4 4']
    growth: Float[np.ndarray, ' N']
    K: Float[np.ndarray, 'N 3 3']
    neighbors: tuple[tuple[int, ...], ...]
    graph: ViewGraph | None = None


def refine_globally(
    keyframes: Sequence[KeyframeFeatures],
    map_from_cam: Float[np.ndarray, 'N 4 4'],
    *,
    is_calibrated: bool,
    rig: KeyframeRig | None = None,
    num_threads: int = 2,
) -> GlobalRefinement:
    """Put keyframes where all of their images say they were.

    The unit, the origin and the axes of the map stay: the new poses are brought to the old ones
    by one similarity. With a rig the unit is that of the places of its cameras, the meter, in
    which the map has to be nearly.

    Args:
        keyframes: In the order in which they were taken, with the points of features in the unit
            of the map now.
        map_from_cam: (N, 4, 4) their poses in the map.
        is_calibrated: Whether the focal length is known.
        rig: By which they were taken; None for one camera.
        num_threads: At work at a time.

    Raises:
        ConfigError: pycolmap is not installed.
    """
    count = len(keyframes)
    if not 3 <= count <= MAX_KEYFRAMES:
        why = f'{count} keyframes; 3 to {MAX_KEYFRAMES} can be adjusted at once'
        K = np.array([each.K for each in keyframes]).reshape(-1, 3, 3)
        report = GlobalReport(method='none', why=why, num_keyframes=count)
        return _kept(map_from_cam, K, report, ((),) * count)
    graph = view_graph(keyframes, rig=rig, num_threads=num_threads)
    neighbors = tuple(tuple(graph.neighbors(row)) for row in range(count))
    K = np.stack([each.K for each in keyframes])
    before = graph.support(map_from_cam, K)
    found = [('images', structure_of_images(graph, is_calibrated=is_calibrated))]
    found.append(('poses', structure_of_poses(graph, map_from_cam, is_calibrated=is_calibrated)))
    scored = [(support_of(graph, each, K), name, each) for name, each in found if each is not None]
    support, method, best = max(scored, key=lambda each: each[0], default=(0, 'none', None))
    report = GlobalReport(
        method='none',
        why=f'the images agree on no more than the map: {support} of {before} matches',
        num_keyframes=count,
        num_pairs=len(graph.pairs),
        num_matches=sum(len(each.matches) for each in graph.pairs),
        support_before=before,
        support_after=before,
    )
    needed = _CLEARLY_MORE if rig is None else _AS_MANY
    if best is None or support < needed * before:
        return _kept(map_from_cam, K, report, neighbors, graph)
    K[best.rows] = best.K
    map_from_world = _gauge(best, map_from_cam[best.rows], is_metric=rig is not None)
    moved, growth = moved_by(best, map_from_world, map_from_cam, keyframes)
    return GlobalRefinement(
        report=replace(
            report,
            method=method,
            why='',
            num_placed=len(best.rows),
            support_after=support,
            num_points=best.num_points,
            error_px=best.error_px,
            rig_log_sigma=_rig_log_sigma(graph, best),
            largest_move=float(
                np.linalg.norm(moved[:, :3, 3] - map_from_cam[:, :3, 3], axis=1).max()
            ),
        ),
        map_from_cam=moved,
        growth=growth,
        K=K,
        neighbors=neighbors,
        graph=graph,
    )


def _rig_log_sigma(graph: ViewGraph, structure: Structure) -> float:
    if graph.rig is None:
        return math.inf
    moment = graph.rig.moment
    between = sum(len(pair.matches) for pair in graph.pairs if moment[pair.a] == moment[pair.b])
    depth_m = float(np.median(np.concatenate([depth for _, depth in structure.depth_of])))
    return graph.rig.log_sigma(depth_m, float(structure.K[0, 0, 0]), between)


def carried(
    pose: Float[np.ndarray, '4 4'],
    old: Float[np.ndarray, '4 4'],
    new: Float[np.ndarray, '4 4'],
    growth: float,
) -> Float[np.ndarray, '4 4']:
    """Return where a camera beside a keyframe goes with it.

    Args:
        pose: (4, 4) of the camera in the map before.
        old: (4, 4) of the keyframe before.
        new: (4, 4) of the keyframe now.
        growth: How much longer lengths around it are now.
    """
    key_from_cam = se3.inverse(old) @ pose
    key_from_cam[:3, 3] *= growth
    return new @ key_from_cam


def _kept(
    map_from_cam: Float[np.ndarray, 'N 4 4'],
    K: Float[np.ndarray, 'N 3 3'],
    report: GlobalReport,
    neighbors: tuple[tuple[int, ...], ...],
    graph: ViewGraph | None = None,
) -> GlobalRefinement:
    return GlobalRefinement(
        report=report,
        map_from_cam=map_from_cam,
        growth=np.ones(len(map_from_cam)),
        K=K,
        neighbors=neighbors,
        graph=graph,
    )


def support_of(graph: ViewGraph, structure: Structure, K: Float[np.ndarray, 'N 3 3']) -> int:
    """Return how many matches a structure explains; K is for what has no place in it."""
    poses = np.full((len(K), 4, 4), np.nan)
    poses[structure.rows] = structure.world_from_cam
    adjusted = K.copy()
    adjusted[structure.rows] = structure.K
    return graph.support(poses, adjusted)


def moved_by(
    structure: Structure,
    map_from_world: Sim3,
    map_from_cam: Float[np.ndarray, 'N 4 4'],
    keyframes: Sequence[KeyframeFeatures],
) -> tuple[Float[np.ndarray, 'N 4 4'], Float[np.ndarray, ' N']]:
    """Return where a structure puts all keyframes, and how much longer what they measured is.

    Args:
        structure: Where some are; the others go with those next to them.
        map_from_world: Where the structure is.
        map_from_cam: (N, 4, 4) where they were.
        keyframes: With what they measured then.
    """
    moved = np.full_like(map_from_cam, np.nan)
    growth = np.full(len(map_from_cam), np.nan)
    for row, pose, (features, depth) in zip(
        structure.rows.tolist(), structure.world_from_cam, structure.depth_of, strict=True
    ):
        moved[row] = se3.rigid(
            map_from_world.rotation @ pose[:3, :3], map_from_world.apply(pose[:3, 3])
        )
        measured = keyframes[row].points_in_cam[features, 2]
        with np.errstate(invalid='ignore', divide='ignore'):
            ratio = map_from_world.scale * depth / measured
        ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
        if len(ratio) >= _MIN_DEPTHS:
            growth[row] = float(np.median(ratio))
    usual = float(np.nanmedian(growth)) if np.isfinite(growth).any() else 1.0
    placed = structure.rows
    growth[placed] = np.where(np.isfinite(growth[placed]), growth[placed], usual)
    for row in np.flatnonzero(np.isnan(growth)).tolist():
        near = int(placed[np.argmin(np.abs(placed - row))])
        growth[row] = growth[near]
        moved[row] = carried(map_from_cam[row], map_from_cam[near], moved[near], growth[near])
    return moved, growth


def _gauge(
    structure: Structure, map_from_cam: Float[np.ndarray, 'n 4 4'], *, is_metric: bool
) -> Sim3:
    """Return the similarity that brings a structure to the map.

    By the orientations of the cameras, which a straight way does not leave open as positions do,
    and the median distance of cameras from their middle, unless both are in meters.
    """
    turns = map_from_cam[:, :3, :3] @ np.swapaxes(structure.world_from_cam[:, :3, :3], 1, 2)
    rotation = mean_rotation(turns)
    there = structure.world_from_cam[:, :3, 3]
    here = map_from_cam[:, :3, 3]
    middle, center = np.median(there, axis=0), np.median(here, axis=0)
    spread = float(np.median(np.linalg.norm(there - middle, axis=1)))
    scale = float(np.median(np.linalg.norm(here - center, axis=1))) / max(spread, _EPS)
    if is_metric:
        scale = 1.0
    return Sim3(scale, rotation, center - scale * (rotation @ middle))
