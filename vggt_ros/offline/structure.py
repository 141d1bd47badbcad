"""Structure: keyframes and points that explain all matches at once, by COLMAP's global mapping.

pycolmap belongs to the extra `offline`. Its pixels have the center of the first one at (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
import tempfile
from typing import Any

from jaxtyping import Float, Int
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import (
    matrix_from_rotation_vector,
    mean_rotation,
    rotation_vector_from_matrix,
)
from vggt_ros.offline.position_priors import PositionPriors
from vggt_ros.offline.structure_files import imported_pycolmap, model_of, write_matches
from vggt_ros.offline.view_graph import ViewGraph

# A keyframe that sees fewer points of others does not belong: three walls explain that many.
MIN_POINTS = 80
_MIN_KEYFRAMES = 3
# Turns in the adjustment of poses that are given: it drops what does not fit, and goes on.
_ROUNDS = 3
_MAX_ERROR_PX, _MIN_ANGLE_DEG = 4.0, 1.5
_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Structure:
    """Poses of keyframes and what they see, in a world and a unit of its own.

    Attributes:
        rows: (n,) keyframes of the view graph that have a place.
        world_from_cam: (n, 4, 4) their poses, rigid.
        K: (n, 3, 3) their intrinsics, as adjusted.
        depth_of: For each of them the rows of its features that are points, and their depth.
        num_points: Points.
        error_px: Mean reprojection error.
    """

    rows: Int[np.ndarray, ' n']
    world_from_cam: Float[np.ndarray, 'n 4 4']
    K: Float[np.ndarray, 'n 3 3']
    depth_of: tuple[tuple[Int[np.ndarray, ' _'], Float[np.ndarray, ' _']], ...]
    num_points: int
    error_px: float


def structure_of_images(graph: ViewGraph, *, is_calibrated: bool) -> Structure | None:
    """Return what the matches say alone, whatever was known before.

    GLOMAP (Pan et al., "Global Structure-from-Motion Revisited", ECCV 2024).

    Args:
        graph: The matches.
        is_calibrated: Whether the focal length is known; else it is adjusted.

    Returns:
        None if they do not hold three keyframes together.

    Raises:
        ConfigError: pycolmap is not installed.
    """
    pycolmap = imported_pycolmap()
    options = pycolmap.GlobalPipelineOptions()
    options.random_seed = _SEED
    options.mapper.bundle_adjustment.refine_focal_length = not is_calibrated
    options.mapper.bundle_adjustment.refine_extra_params = False
    for part in (
        options.mapper,
        options.mapper.rotation_averaging,
        options.mapper.global_positioning,
        options.mapper.bundle_adjustment,
    ):
        part.refine_sensor_from_rig = False

    def mapped(folder: Path) -> Any:
        found = pycolmap.global_mapping(folder / 'matches.db', folder, folder, options)
        return max(found.values(), key=lambda each: each.num_reg_images(), default=None)

    return _structure(graph, mapped)


def structure_of_poses(
    graph: ViewGraph,
    world_from_cam: Float[np.ndarray, 'N 4 4'],
    *,
    is_calibrated: bool,
    positions: PositionPriors | None = None,
) -> Structure | None:
    """Return poses that are given, adjusted to all matches.

    pycolmap holds the interpreter's lock while it adjusts: nothing else of the process goes on.

    Args:
        graph: The matches.
        world_from_cam: (N, 4, 4) rigid, NaN for keyframes without a pose.
        is_calibrated: Whether the focal length is known; else it is adjusted.
        positions: Where keyframes were, in the world and about where the poses are: they are
            residuals beside the matches then, in standard deviations and with Cauchy's loss.
            pycolmap leaves them out without a word where they are far off.

    Returns:
        None if too little of it agrees with the matches.

    Raises:
        ConfigError: pycolmap is not installed.
    """
    pycolmap = imported_pycolmap()

    def mapped(folder: Path) -> Any:
        model = model_of(graph, folder / 'matches.db', world_from_cam)
        if model.num_reg_images() < _MIN_KEYFRAMES:
            return None
        given = pycolmap.IncrementalPipelineOptions()
        given.ba_refine_sensor_from_rig = False
        model = pycolmap.triangulate_points(
            model, folder / 'matches.db', folder, folder, options=given
        )
        options = pycolmap.BundleAdjustmentOptions()
        options.refine_extra_params = False
        options.refine_sensor_from_rig = False
        options.print_summary = False
        options.ceres.loss_function_type = pycolmap.LossFunctionType.HUBER
        options.ceres.loss_function_scale = 2.0
        manager = pycolmap.ObservationManager(model)
        for turn in range(_ROUNDS):
            options.refine_focal_length = turn > 0 and not is_calibrated
            # `pycolmap.bundle_adjustment` writes a report whatever the level of its log is.
            config = pycolmap.BundleAdjustmentConfig()
            for image_id in model.reg_image_ids():
                config.add_image(image_id)
            if graph.rig is not None and positions is None:
                # The distance of its cameras is known: only place and rotation are open.
                config.set_constant_rig_from_world_pose(min(model.reg_frame_ids()))
                adjuster = pycolmap.create_default_bundle_adjuster(options, config, model)
            elif positions is None:
                config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
                adjuster = pycolmap.create_default_bundle_adjuster(options, config, model)
            else:
                adjuster = _adjuster_to(positions, options, config, model)
            adjuster.solve()
            if positions is not None and positions.is_line:
                _keep_roll(model, world_from_cam)
            manager.filter_all_points3D(_MAX_ERROR_PX, _MIN_ANGLE_DEG)
        return model

    return _structure(graph, mapped)


def _adjuster_to(positions: PositionPriors, options: Any, config: Any, model: Any) -> Any:
    """Return what adjusts a model to positions as well."""
    pycolmap = imported_pycolmap()
    placed = [n for n, row in enumerate(positions.rows.tolist()) if 1 + row in model.images]
    placed = [n for n in placed if model.image(1 + int(positions.rows[n])).has_pose]
    images = [model.image(1 + int(positions.rows[n])) for n in placed]
    rotations = np.tile(np.eye(3), (len(positions.rows), 1, 1))
    for n, image in zip(placed, images, strict=True):
        rotations[n] = image.cam_from_world().rotation.matrix().T
    centers = positions.centers(rotations)
    priors = []
    for n, image in zip(placed, images, strict=True):
        prior = pycolmap.PosePrior()
        prior.corr_data_id = image.data_id
        prior.coordinate_system = pycolmap.PosePriorCoordinateSystem.CARTESIAN
        prior.position, prior.position_covariance = centers[n], positions.covariances[n]
        priors.append(prior)
    wanted = pycolmap.PosePriorBundleAdjustmentOptions()
    wanted.alignment_ransac.random_seed = _SEED
    wanted.ceres.prior_position_loss_function_type = pycolmap.LossFunctionType.CAUCHY
    return pycolmap.create_pose_prior_bundle_adjuster(options, wanted, config, priors, model)


def _keep_roll(model: Any, world_from_cam: Float[np.ndarray, 'N 4 4']) -> None:
    """Roll a model about its way as far as it was: positions on a line do not say how far.

    pycolmap brings a model to the positions first, with whatever roll their errors ask for.
    """
    pycolmap = imported_pycolmap()
    images = [model.image(image_id) for image_id in model.reg_image_ids()]
    before = np.array([world_from_cam[each.image_id - 1, :3, :3] for each in images])
    now = np.array([each.cam_from_world().rotation.matrix() for each in images])
    centers = np.array([each.projection_center() for each in images])
    middle = centers.mean(axis=0)
    way = np.linalg.svd(centers - middle)[2][0]
    angle = rotation_vector_from_matrix(mean_rotation(before @ now)) @ way
    rotation = matrix_from_rotation_vector(angle * way)
    model.transform(pycolmap.Sim3d(1.0, pycolmap.Rotation3d(rotation), middle - rotation @ middle))


def _structure(graph: ViewGraph, mapped: Callable[[Path], Any]) -> Structure | None:
    if not graph.pairs:
        return None
    with tempfile.TemporaryDirectory(prefix='vggt_ros_') as name:
        folder = Path(name)
        write_matches(graph, folder / 'matches.db')
        model = mapped(folder)
    return None if model is None else _read(graph, model)


def _read(graph: ViewGraph, model: Any) -> Structure | None:
    rows, poses, intrinsics, depths = [], [], [], []
    for image_id in sorted(model.reg_image_ids()):
        image = model.image(image_id)
        cam_from_world = np.eye(4)
        cam_from_world[:3] = image.cam_from_world().matrix()
        features = [i for i, point in enumerate(image.points2D) if point.has_point3D()]
        if len(features) < MIN_POINTS:
            continue
        points = np.array([model.point3D(image.points2D[i].point3D_id).xyz for i in features])
        depth = points @ cam_from_world[2, :3] + cam_from_world[2, 3]
        rows.append(image_id - 1)
        poses.append(se3.inverse(cam_from_world))
        depths.append((np.array(features), depth))
        K = model.camera(image.camera_id).calibration_matrix().copy()
        K[:2, 2] -= 0.5
        intrinsics.append(K)
    if len(rows) < _MIN_KEYFRAMES:
        return None
    return Structure(
        rows=np.array(rows),
        world_from_cam=np.array(poses),
        K=np.array(intrinsics),
        depth_of=tuple(depths),
        num_points=model.num_points3D(),
        error_px=float(model.compute_mean_reprojection_error()),
    )
