"""Structure files: matches of keyframes as COLMAP reads them, and the model that they begin with.

pycolmap belongs to the extra `offline`. Its pixels have the center of the first one at (0.5, 0.5);
image ids are 1 + the row of a keyframe.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import ConfigError
from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.offline.keyframe_rig import KeyframeRig
from vggt_ros.offline.view_graph import ViewGraph


def imported_pycolmap() -> Any:
    """Return the library, which says nothing.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import pycolmap
    except ImportError as error:
        raise ConfigError(
            "global refinement needs pycolmap; pip install 'vggt_ros[offline]', or do without "
            '(--refine depth)'
        ) from error
    pycolmap.logging.minloglevel = pycolmap.logging.Level.FATAL.value
    return pycolmap


def write_matches(graph: ViewGraph, file: Path) -> None:
    """Write a database: cameras, rigs, what was taken at once, features and matches.

    Without a rig there is one camera for each size, and each keyframe is by itself.
    """
    pycolmap = imported_pycolmap()
    with pycolmap.Database.open(file) as database:
        for members in _moments(graph, database):
            frame = pycolmap.Frame()
            frame.rig_id = members[0][1]
            for row, _, sensor in members:
                each = graph.keyframes[row]
                image = pycolmap.Image(name=f'{row:06d}', camera_id=sensor.id, image_id=1 + row)
                image_id = database.write_image(image, use_image_id=True)
                frame.add_data_id(pycolmap.data_t(sensor_id=sensor, id=image_id))
                database.write_keypoints(image_id, (each.uv + 0.5).astype(np.float32))
            database.write_frame(frame)
        for pair in graph.pairs:
            geometry = pycolmap.TwoViewGeometry()
            geometry.config = pycolmap.TwoViewGeometryConfiguration.CALIBRATED
            geometry.inlier_matches = pair.matches.astype(np.uint32)
            database.write_two_view_geometry(1 + pair.a, 1 + pair.b, geometry)


def model_of(graph: ViewGraph, file: Path, world_from_cam: Float[np.ndarray, 'N 4 4']) -> Any:
    """Return a model without points.

    Args:
        graph: The keyframes.
        file: The database that `write_matches` wrote of them.
        world_from_cam: (N, 4, 4) rigid, NaN for keyframes without a pose; of a rig in meters.
    """
    pycolmap = imported_pycolmap()
    with pycolmap.Database.open(file) as database:
        model = pycolmap.Reconstruction()
        for camera in database.read_all_cameras():
            model.add_camera(camera)
        for rig in database.read_all_rigs():
            model.add_rig(rig)
        for frame in database.read_all_frames():
            rows = sorted(each.id - 1 for each in frame.image_ids)
            if graph.rig is None:
                pose: Float[np.ndarray, '4 4'] | None = world_from_cam[rows[0]]
            else:
                pose = graph.rig.world_from_rig(rows, world_from_cam)
            if pose is not None and np.isfinite(pose).all():
                frame.rig_from_world = pycolmap.Rigid3d(se3.inverse(pose)[:3])
            model.add_frame(frame)
        for image in database.read_all_images():
            keypoints = database.read_keypoints(image.image_id)
            image.points2D = pycolmap.Point2DList(
                [pycolmap.Point2D(each) for each in keypoints[:, :2].astype(np.float64)]
            )
            model.add_image(image)
        for frame_id, frame in model.frames.items():
            if frame.has_pose():
                model.register_frame(frame_id)
    return model


def _moments(graph: ViewGraph, database: Any) -> Iterator[list[tuple[int, int, Any]]]:
    """Yield what was taken at once: rows, their rig and their sensor; write cameras and rigs."""
    pycolmap = imported_pycolmap()
    rig_of: dict[tuple[int, int], int] = {}
    if graph.rig is not None:
        rig_id, sensors = _written_rig(graph, graph.rig, database)
        for members in graph.rig.members():
            yield [(row, rig_id, sensors[int(graph.rig.camera[row])]) for row in members]
        return
    for row, each in enumerate(graph.keyframes):
        # Of one size there is one camera: what the network says of an unknown focal length
        # differs from keyframe to keyframe, and the first is where the adjustment begins.
        size = each.image_size
        if size not in rig_of:
            rig = pycolmap.Rig()
            rig.add_ref_sensor(_written_camera(each, database))
            rig_of[size] = database.write_rig(rig)
        yield [(row, rig_of[size], database.read_rig(rig_of[size]).ref_sensor_id)]


def _written_rig(
    graph: ViewGraph, known: KeyframeRig, database: Any
) -> tuple[int, dict[int, Any]]:
    """Write a rig of the cameras that took keyframes; return its id, and the sensors."""
    pycolmap = imported_pycolmap()
    rig, sensors = pycolmap.Rig(), {}
    for camera, first_from_cam in enumerate(known.first_from_cam):
        rows = np.flatnonzero(known.camera == camera)
        # A camera without a keyframe is like the others; the first is what poses are of.
        shown = graph.keyframes[int(rows[0]) if len(rows) else 0]
        sensors[camera] = _written_camera(shown, database)
        if camera == 0:
            rig.add_ref_sensor(sensors[camera])
        else:
            place = pycolmap.Rigid3d(se3.inverse(first_from_cam)[:3])
            rig.add_sensor(sensors[camera], place)
    return database.write_rig(rig), sensors


def _written_camera(keyframe: KeyframeFeatures, database: Any) -> Any:
    pycolmap = imported_pycolmap()
    (width, height), K = keyframe.image_size, keyframe.K
    params = (K[0, 0], K[1, 1], K[0, 2] + 0.5, K[1, 2] + 0.5)
    camera = pycolmap.Camera(model='PINHOLE', width=width, height=height, params=params)
    camera.has_prior_focal_length = True
    return pycolmap.sensor_t(type=pycolmap.SensorType.CAMERA, id=database.write_camera(camera))
