"""Overlap registration: a submap's similarity to the map, from the frames two windows share."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.robust import huber_mean, huber_mean_rotation, median_and_sigma
from vggt_ros.geometry.rotation import angle_between, rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.registration.submap import Submap

_MIN_PIXELS = 64
_ROTATION_DELTA_RAD = np.radians(1.0)
# Part of the median depth of the scene: the unit of the map is arbitrary, a length would not do.
_TRANSLATION_DELTA = 0.01
_POINTS_DELTA = 0.03
# Shared frames whose residuals of log scale, rotation or translation (in median depths) are larger
# are inconsistent.
_MAX_LOG_SCALE_GAP, _MAX_TURN_GAP_RAD, _MAX_SHIFT_GAP = 0.12, np.radians(5.0), 0.15
# A network that is bad throughout is still consistent: the limit grows with its usual gap.
_MAX_GAP_RATIO = 3.0
# Of two inconsistent frames the one whose inconsistency score is so many times the other's is the
# outlier. If there is none, both are used up to so many times the limit.
_MIN_DOUBT_RATIO, _MAX_GAP_OF_TWO = 1.3, 4.0
_USUAL_DOUBT = 0.03
# Errors of depth are smooth: pixels of one such part of the image are wrong together.
_BLOCKS = 4
_MIN_LOG_SCALE_SIGMA = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Registration:
    """A submap's place in the map, and how well the two predictions of the overlap agree.

    Attributes:
        map_from_submap: The similarity.
        frame_ids: The shared frames that it follows from.
        scale_residual: Robust standard deviation of the log depth ratio over the pixels.
        log_scale_sigma: Standard deviation of the log of the scale: from how much the ratios of
            different parts of the images differ, as neighboring pixels err together.
        rotation_residual_rad: Largest angle between the two orientations of a shared camera.
        translation_residual: Largest distance of the two positions of a shared camera, in
            median depths of the shared frames.
        num_pixels: Pixels that gave the scale.
    """

    map_from_submap: Sim3
    frame_ids: tuple[int, ...]
    scale_residual: float
    log_scale_sigma: float
    rotation_residual_rad: float
    translation_residual: float
    num_pixels: int


def register(
    in_map: Submap, in_submap: Submap, inconsistency: Float[np.ndarray, ' n'] | None = None
) -> Registration:
    """Return the similarity that brings the frames two windows share together.

    The same frame has the same pixels in both predictions, so nothing is searched: scale is the
    median of the depth ratio over the pixels both predictions trust, rotation the robust mean
    of the cameras' relative rotations, translation half the residual of their centers and half
    that of the points of the trusted pixels, both by robust means. A shared frame that
    contradicts the others is left out; of two the one with the larger inconsistency score.

    Args:
        in_map: The shared frames as the map has them.
        in_submap: The same n frames, in the same order, in the new window's own frame.
        inconsistency: (n,) how much each frame disagrees with the others of its windows
            (`frame_inconsistency`); NaN or None where that is not known.

    Raises:
        AlignmentError: The frames share too few valid pixels, a pose is not finite, or two frames
            contradict each other and neither score is much larger.
    """
    assert in_map.frame_ids == in_submap.frame_ids, 'an overlap is made of the same frames'
    poses = in_map.ref_from_cam, in_submap.ref_from_cam
    if not (np.isfinite(poses[0]).all() and np.isfinite(poses[1]).all()):
        raise AlignmentError('a pose of a shared frame is not finite; check the weights')
    ratios = _log_depth_ratios(in_map, in_submap)
    num_pixels = sum(len(each.log_ratios) for each in ratios)
    if num_pixels < _MIN_PIXELS:
        raise AlignmentError(
            f'{num_pixels} pixels have a depth in both windows of an overlap, at least '
            f'{_MIN_PIXELS} are needed; the new window is not used'
        )
    median_depth = float(np.nanmedian(in_map.depth))
    rows = _rows_that_agree(in_map, in_submap, ratios, inconsistency, median_depth)
    log_ratios = np.concatenate([ratios[row].log_ratios for row in rows])
    log_scale, scale_residual = median_and_sigma(log_ratios)
    scale = float(np.exp(log_scale))
    map_from_cam, ref_from_cam = poses[0][rows], poses[1][rows]
    turns = map_from_cam[:, :3, :3] @ np.swapaxes(ref_from_cam[:, :3, :3], 1, 2)
    rotation = huber_mean_rotation(turns, float(_ROTATION_DELTA_RAD))
    rotation_residual_rad = float(rotation_angle(rotation.T @ turns).max())

    turned = scale * ref_from_cam[:, :3, 3] @ rotation.T
    shifts = map_from_cam[:, :3, 3] - turned
    translation = huber_mean(shifts, _TRANSLATION_DELTA * median_depth)
    by_points = _translation_by_points(
        in_map.select([in_map.frame_ids[row] for row in rows]),
        in_submap.select([in_map.frame_ids[row] for row in rows]),
        Sim3(scale, rotation, translation),
        _POINTS_DELTA * median_depth,
    )
    distances = np.linalg.norm(shifts - translation, axis=1)
    return Registration(
        map_from_submap=Sim3(scale, rotation, 0.5 * (translation + by_points)),
        frame_ids=tuple(in_map.frame_ids[row] for row in rows),
        scale_residual=scale_residual,
        log_scale_sigma=_log_scale_sigma([ratios[row] for row in rows]),
        rotation_residual_rad=rotation_residual_rad,
        translation_residual=float(distances.max()) / median_depth,
        num_pixels=int(log_ratios.size),
    )


def continue_from(
    last_map_from_cam: Float[np.ndarray, '4 4'], scale: float, submap: Submap, row: int = 0
) -> Sim3:
    """Return a similarity for a submap that shares no frame with the map: a new segment.

    Nothing ties the two: the segment starts at a pose and with a scale that the caller knows.

    Args:
        last_map_from_cam: (4, 4) pose that a camera of the window gets.
        scale: Map units per unit of the window.
        submap: The new window.
        row: Which of its cameras is put on that pose.
    """
    first = submap.ref_from_cam[row]
    rotation = last_map_from_cam[:3, :3] @ first[:3, :3].T
    return Sim3(scale, rotation, last_map_from_cam[:3, 3] - scale * (rotation @ first[:3, 3]))


@dataclass(frozen=True, slots=True, eq=False)
class _FrameRatios:
    """Log depth ratios of one shared frame, and which part of the image each is in."""

    log_ratios: Float32[np.ndarray, ' n']
    blocks: np.ndarray


def _translation_by_points(
    in_map: Submap, in_submap: Submap, place: Sim3, delta: float
) -> Float[np.ndarray, ' 3']:
    """Return the translation that brings the points of the trusted pixels together.

    Without points, as of places that are remembered without them, that of the cameras.
    """
    points = [
        np.concatenate(
            [
                se3.transform(pose, cloud.reshape(-1, 3).astype(np.float64))
                for pose, cloud in zip(each.ref_from_cam, each.points_in_cam, strict=True)
            ]
        )
        for each in (in_map, in_submap)
    ]
    use = np.isfinite(points[0]).all(axis=1) & np.isfinite(points[1]).all(axis=1)
    if np.count_nonzero(use) < _MIN_PIXELS:
        return place.translation
    weights = [each.points_confidence.reshape(-1) for each in (in_map, in_submap)]
    rank = np.fmin(*(weight / np.median(weight[use]) for weight in weights))
    use &= rank >= np.median(rank[use])
    return huber_mean(points[0][use] - place.scale * points[1][use] @ place.rotation.T, delta)


def _log_depth_ratios(in_map: Submap, in_submap: Submap) -> list[_FrameRatios]:
    if in_map.depth.shape != in_submap.depth.shape:
        raise AlignmentError(
            f'the shared frames have depth of {in_map.depth.shape} in the map and of '
            f'{in_submap.depth.shape} in the new window; the pixels must be the same'
        )
    height, width = in_map.depth.shape[1:]
    v, u = np.indices((height, width))
    block_of_pixel = v * _BLOCKS // height * _BLOCKS + u * _BLOCKS // width
    ratios = []
    for depth_map, conf_map, depth_submap, conf_submap in zip(
        in_map.depth, in_map.confidence, in_submap.depth, in_submap.confidence, strict=True
    ):
        use = np.isfinite(depth_map) & np.isfinite(depth_submap)
        use &= (depth_map > 0) & (depth_submap > 0)
        if use.any():
            # Confidence is a rank, whatever its values are: the half of the pixels whose lower
            # confidence of the two is highest. Choosing by one and then by the other would favor
            # the errors of the first, and the scale would grow from window to window.
            rank = np.minimum(
                conf_map / np.median(conf_map[use]), conf_submap / np.median(conf_submap[use])
            )
            use &= rank >= np.median(rank[use])
        log_ratios = np.log(depth_map[use] / depth_submap[use])
        ratios.append(_FrameRatios(log_ratios, block_of_pixel[use]))
    return ratios


def _rows_that_agree(
    in_map: Submap,
    in_submap: Submap,
    ratios: list[_FrameRatios],
    inconsistency: Float[np.ndarray, ' n'] | None,
    median_depth: float,
) -> list[int]:
    """Return the shared frames that do not contradict each other, at least one with depth."""
    num_frames = len(ratios)
    doubt = np.full(num_frames, np.nan) if inconsistency is None else inconsistency
    doubt = np.where(np.isfinite(doubt), doubt, _USUAL_DOUBT)
    gaps = _gaps(in_map, in_submap, ratios, median_depth)
    rows = list(range(num_frames))
    while len(rows) > 1 and (between := gaps[np.ix_(rows, rows)]).max() > 1.0:
        if len(rows) == 2:
            less, more = sorted(rows, key=lambda row: float(doubt[row]))
            if doubt[more] >= _MIN_DOUBT_RATIO * doubt[less]:
                rows.remove(more)
            elif between.max() > _MAX_GAP_OF_TWO:
                raise AlignmentError(
                    f'the two overlap frames contradict each other: they differ by '
                    f'{between.max():.1f} times the limit in scale, orientation or position '
                    f'(up to {_MAX_GAP_OF_TWO:g} is accepted), and neither is clearly an outlier; '
                    f'raise window.overlap'
                )
            break
        off_diagonal = between + np.diag(np.full(len(rows), np.nan))
        distance = np.nanmedian(off_diagonal, axis=1)
        worst = int(np.argmax(distance))
        if distance[worst] <= max(1.0, _MAX_GAP_RATIO * float(np.median(distance))):
            break
        rows.pop(worst)
    if not any(len(ratios[row].log_ratios) for row in rows):
        raise AlignmentError(
            'the overlap frames that have depth contradict the others; the new window is not used'
        )
    return rows


def _gaps(
    in_map: Submap, in_submap: Submap, ratios: list[_FrameRatios], median_depth: float
) -> Float[np.ndarray, 'n n']:
    """Return how much two shared frames disagree about the registration, 1 at the limits."""
    scales = np.array([np.median(r.log_ratios) if len(r.log_ratios) else np.nan for r in ratios])
    map_from_cam, ref_from_cam = in_map.ref_from_cam, in_submap.ref_from_cam
    turns = map_from_cam[:, :3, :3] @ np.swapaxes(ref_from_cam[:, :3, :3], 1, 2)
    scale = float(np.exp(np.nanmedian(scales)))
    gaps = np.zeros((len(ratios), len(ratios)))
    for i in range(len(ratios)):
        for j in range(i):
            # Seen from the first of the two cameras, where is the other one?
            step_map = map_from_cam[i, :3, :3].T @ (map_from_cam[j] - map_from_cam[i])[:3, 3]
            step = ref_from_cam[i, :3, :3].T @ (ref_from_cam[j] - ref_from_cam[i])[:3, 3]
            shift = float(np.linalg.norm(step_map - scale * step)) / median_depth
            gap = max(
                float(np.nan_to_num(abs(scales[i] - scales[j]))) / _MAX_LOG_SCALE_GAP,
                angle_between(turns[i], turns[j]) / float(_MAX_TURN_GAP_RAD),
                shift / _MAX_SHIFT_GAP,
            )
            gaps[i, j] = gaps[j, i] = gap
    return gaps


def _log_scale_sigma(ratios: list[_FrameRatios]) -> float:
    medians = [
        float(np.median(frame.log_ratios[frame.blocks == block]))
        for frame in ratios
        for block in np.unique(frame.blocks)
    ]
    # Normal errors: the median of blocks is little worse than their mean.
    _, sigma = median_and_sigma(np.array(medians))
    return max(1.25 * sigma / float(np.sqrt(len(medians))), _MIN_LOG_SCALE_SIGMA)
