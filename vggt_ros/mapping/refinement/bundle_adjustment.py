"""Bundle adjustment: cameras and points of one window that fit the tracks best (gtsam)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import gtsam
from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.mapping.refinement.relative_pose import relative_factors, RelativePose

# A virtual second camera of this baseline, in depths, carries what is known of a point's depth: a
# disparity is an inverse depth (the RGB-D residual of ORB-SLAM2, Mur-Artal and Tardos, 2017).
_VIRTUAL_BASELINE = 0.1
_RELATIVE_TOLERANCE = 1e-3
_GAUGE_SIGMA = 1e-4
# gtsam's symbols are numbers that follow each other: asking for each takes longer than a factor.
_FIRST_CAMERA, _FIRST_POINT = int(gtsam.symbol('x', 0)), int(gtsam.symbol('l', 0))


def _camera_key(row: int) -> int:
    return _FIRST_CAMERA + row


def _point_key(track: int) -> int:
    return _FIRST_POINT + track


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Geometry:
    """Cameras and points of a window.

    Attributes:
        window_from_cam: (S, 4, 4) rigid poses.
        K: (S, 3, 3) intrinsics, pixels of the camera's images.
        points: (N, 3) in the frame of the window; NaN for tracks without a point.
    """

    window_from_cam: Float[np.ndarray, 'S 4 4']
    K: Float[np.ndarray, 'S 3 3']
    points: Float[np.ndarray, 'N 3']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PosePrior:
    """Where a camera is known to be.

    Attributes:
        row: Which camera of the window.
        window_from_cam: (4, 4) rigid.
        rotation_sigma_rad: Standard deviation about every axis.
        translation_sigma: Along every axis, units of the window.
    """

    row: int
    window_from_cam: Float[np.ndarray, '4 4']
    rotation_sigma_rad: float
    translation_sigma: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DepthPrior:
    """How far away points are known to be, seen from one camera each; n of them.

    Attributes:
        track: (n,) which track.
        row: (n,) which camera sees it.
        depth: (n,) along the optical axis, units of the window.
        log_sigma: (n,) standard deviation of its log.
    """

    track: np.ndarray
    row: np.ndarray
    depth: Float[np.ndarray, ' n']
    log_sigma: Float[np.ndarray, ' n']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """What is known of a window beside where its cameras and points may be.

    Attributes:
        uv: (N, S, 2) observations, NaN where there is none.
        poses: Priors of cameras; if there are none the first camera holds the gauge.
        depth: Prior of points; it, or two poses, hold the scale.
        distance: Two cameras whose distance is held, where nothing else holds the scale.
        relative: How cameras are known to see each other.
        sigma_px: Standard deviation of the observations along each axis, of each track or of all.
    """

    uv: Float[np.ndarray, 'N S 2']
    poses: Sequence[PosePrior]
    depth: DepthPrior | None = None
    distance: tuple[int, int] | None = None
    relative: Sequence[RelativePose] = ()
    sigma_px: Float[np.ndarray, ' N'] | float = 1.0


def adjust(start: Geometry, problem: Problem, *, loss_px: float, max_iterations: int) -> Geometry:
    """Return the cameras and points with the least sum of robust reprojection errors.

    Levenberg and Marquardt with Cauchy's loss (Triggs et al., "Bundle Adjustment: A Modern
    Synthesis", 1999, section 4.3). Every iteration is a call of its own: gtsam holds the
    interpreter's lock while it computes, and other threads get their turn in between.

    Args:
        start: Where to begin; tracks whose point is NaN take no part.
        problem: What is known.
        loss_px: Scale of the loss: errors beyond pull less and less; over `sigma_px`.
        max_iterations: Most of them.

    Raises:
        AlignmentError: The problem is not determined, or the numbers are not finite.
    """
    graph = gtsam.NonlinearFactorGraph()
    values = gtsam.Values()
    has_point = np.isfinite(start.points).all(axis=1)
    is_used = np.isfinite(problem.uv[..., 0]) & has_point[:, None]
    rows = np.flatnonzero(is_used.any(axis=0))
    tracks = np.flatnonzero(is_used.any(axis=1))
    if len(rows) < 2:
        raise AlignmentError(
            f'{len(rows)} cameras see points, at least 2 are needed; the window is not adjusted'
        )
    for row in rows.tolist():
        values.insert(_camera_key(row), _to_gtsam(start.window_from_cam[row]))
    for track in tracks.tolist():
        values.insert(_point_key(track), start.points[track])
    _add_observations(graph, start, problem, is_used, loss_px)
    _add_pose_priors(graph, start, problem.poses, rows)
    known = relative_factors(problem.relative, start.window_from_cam, rows.tolist(), _camera_key)
    for factor in known:
        graph.add(factor)
    if problem.depth is not None:
        _add_depth_prior(graph, start, problem.depth, problem.uv, is_used)
    if problem.distance is not None:
        _hold_distance(graph, start, problem.distance, rows)
    found = _minimize(graph, values, tracks, rows, max_iterations)
    window_from_cam, points = start.window_from_cam.copy(), start.points.copy()
    for row in rows.tolist():
        window_from_cam[row] = found.atPose3(_camera_key(row)).matrix()
    for track in tracks.tolist():
        points[track] = found.atPoint3(_point_key(track))
    if not np.isfinite(window_from_cam).all():
        raise AlignmentError('bundle adjustment gave poses that are not finite; it is not used')
    return replace(start, window_from_cam=window_from_cam, points=points)


def _to_gtsam(window_from_cam: Float[np.ndarray, '4 4']) -> gtsam.Pose3:
    return gtsam.Pose3(np.asfortranarray(window_from_cam))


def _calibration(K: Float[np.ndarray, '3 3']) -> gtsam.Cal3_S2:
    return gtsam.Cal3_S2(K[0, 0], K[1, 1], K[0, 1], K[0, 2], K[1, 2])


def _add_observations(
    graph: gtsam.NonlinearFactorGraph,
    start: Geometry,
    problem: Problem,
    is_used: np.ndarray,
    loss_px: float,
) -> None:
    factor = gtsam.GenericProjectionFactorCal3_S2
    cauchy = gtsam.noiseModel.mEstimator.Cauchy.Create(loss_px)
    sigma_px = np.broadcast_to(problem.sigma_px, len(problem.uv))
    noise = {
        sigma: gtsam.noiseModel.Robust.Create(cauchy, gtsam.noiseModel.Isotropic.Sigma(2, sigma))
        for sigma in np.unique(sigma_px).tolist()
    }
    for row in np.flatnonzero(is_used.any(axis=0)).tolist():
        calibration, camera = _calibration(start.K[row]), _camera_key(row)
        tracks = np.flatnonzero(is_used[:, row])
        points, sigmas = (_FIRST_POINT + tracks).tolist(), sigma_px[tracks].tolist()
        for point, sigma, pixel in zip(points, sigmas, problem.uv[tracks, row], strict=True):
            # A point behind the camera has no residual that could be used; it must not raise.
            graph.add(factor(pixel, noise[sigma], camera, point, calibration, False, False))


def _add_pose_priors(
    graph: gtsam.NonlinearFactorGraph,
    start: Geometry,
    priors: Sequence[PosePrior],
    rows: np.ndarray,
) -> None:
    known = [prior for prior in priors if prior.row in rows]
    if not known and len(rows):
        first = int(rows[0])
        known = [
            PosePrior(
                row=first,
                window_from_cam=start.window_from_cam[first],
                rotation_sigma_rad=_GAUGE_SIGMA,
                translation_sigma=_GAUGE_SIGMA,
            )
        ]
    for prior in known:
        sigmas = [prior.rotation_sigma_rad] * 3 + [prior.translation_sigma] * 3
        graph.add(
            gtsam.PriorFactorPose3(
                _camera_key(prior.row),
                _to_gtsam(prior.window_from_cam),
                gtsam.noiseModel.Diagonal.Sigmas(np.array(sigmas)),
            )
        )


def _add_depth_prior(
    graph: gtsam.NonlinearFactorGraph,
    start: Geometry,
    prior: DepthPrior,
    uv: Float[np.ndarray, 'N S 2'],
    is_used: np.ndarray,
) -> None:
    cauchy = gtsam.noiseModel.mEstimator.Cauchy.Create(2.0)
    for track, row, depth, log_sigma in zip(
        prior.track.tolist(), prior.row.tolist(), prior.depth, prior.log_sigma, strict=True
    ):
        if not is_used[track, row]:
            continue
        K = start.K[row]
        baseline = _VIRTUAL_BASELINE * float(depth)
        disparity_px = float(K[0, 0]) * _VIRTUAL_BASELINE
        stereo = gtsam.Cal3_S2Stereo(K[0, 0], K[1, 1], K[0, 1], K[0, 2], K[1, 2], baseline)
        u, v = uv[track, row]
        # The pixel itself is a factor already: only the disparity counts here.
        sigmas = np.array([1e3, disparity_px * float(log_sigma), 1e3])
        noise = gtsam.noiseModel.Robust.Create(cauchy, gtsam.noiseModel.Diagonal.Sigmas(sigmas))
        graph.add(
            gtsam.GenericStereoFactor3D(
                gtsam.StereoPoint2(u, u - disparity_px, v),
                noise,
                _camera_key(row),
                _point_key(track),
                stereo,
                False,
                False,
            )
        )


def _hold_distance(
    graph: gtsam.NonlinearFactorGraph,
    start: Geometry,
    distance: tuple[int, int],
    rows: np.ndarray,
) -> None:
    first, second = distance
    if first not in rows or second not in rows:
        # Cameras that see nothing are not part of the problem: the farthest of the others do.
        positions = start.window_from_cam[rows, :3, 3]
        apart = np.linalg.norm(positions - positions[0], axis=1)
        first, second = int(rows[0]), int(rows[np.argmax(apart)])
    if first == second:
        return
    between = start.window_from_cam[second, :3, 3] - start.window_from_cam[first, :3, 3]
    length = float(np.linalg.norm(between))
    noise = gtsam.noiseModel.Isotropic.Sigma(1, _GAUGE_SIGMA * length)
    graph.add(gtsam.RangeFactorPose3(_camera_key(first), _camera_key(second), length, noise))


def _minimize(
    graph: gtsam.NonlinearFactorGraph,
    values: gtsam.Values,
    tracks: np.ndarray,
    rows: np.ndarray,
    max_iterations: int,
) -> gtsam.Values:
    ordering = gtsam.Ordering()  # points first: the rest is as small as the cameras
    for track in tracks.tolist():
        ordering.push_back(_point_key(track))
    for row in rows.tolist():
        ordering.push_back(_camera_key(row))
    parameters = gtsam.LevenbergMarquardtParams()
    parameters.setOrdering(ordering)
    try:
        optimizer = gtsam.LevenbergMarquardtOptimizer(graph, values, parameters)
        error = optimizer.error()
        for _ in range(max_iterations):
            optimizer.iterate()
            previous, error = error, optimizer.error()
            if not previous - error > _RELATIVE_TOLERANCE * previous:
                break
    except (RuntimeError, IndexError) as failure:
        raise AlignmentError(
            f'bundle adjustment of {len(rows)} cameras and {len(tracks)} points is not '
            f'determined; it is not used'
        ) from failure
    return optimizer.values()
