"""A mapper sent over a course, and how far it is from the truth in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.trajectory import trajectory_error, TrajectoryError
from vggt_ros.inference.backbone import Predicts
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.synchronizer import CameraSync
from vggt_ros.mapping.layers.map_update import MapUpdate
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.offline import finish_windows
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.mapping.registration.pose_priors import PosePriors
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import Course
from vggt_ros.synthetic.course_camera import CourseCamera
from vggt_ros.synthetic.rig_timing import Arrival, RigTiming

_PERIOD_NS = 100_000_000
_MIN_POSES = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CourseRun:
    """What a mapper made of a course.

    Attributes:
        frame_index: (M,) numbers of the frames of the first camera that entered the map,
            ascending.
        map_from_cam: (M, 4, 4) their poses in the end, after all corrections.
        published: (M, 4, 4) their poses as they were published.
        covariances: (M, 6, 6) what was published about them; see `FrameResult`.
        updates: What every window brought, without its frames.
        window_stamps_ns: Stamp of the newest frame of every window.
        corrected_frames: Numbers of the first frames that were published after the map had been
            moved.
        num_failed: Windows that did not enter the map.
        num_loops: Places that were recognized.
        cameras: How well the images of the cameras made sets.
        error: Of `map_from_cam` against the truth, after the best similarity.
        metric_error: The same after the best rigid transform.
    """

    frame_index: np.ndarray
    map_from_cam: Float[np.ndarray, 'M 4 4']
    published: Float[np.ndarray, 'M 4 4']
    covariances: Float[np.ndarray, 'M 6 6']
    updates: tuple[MapUpdate, ...]
    window_stamps_ns: tuple[int, ...]
    corrected_frames: tuple[int, ...]
    num_failed: int
    num_loops: int
    cameras: tuple[CameraSync, ...]
    error: TrajectoryError
    metric_error: TrajectoryError


def run_course(
    course: Course,
    predictor: Predicts,
    config: VggtConfig,
    *,
    priors: PosePriors | None = None,
    is_calibrated: bool = True,
    timing: RigTiming | None = None,
) -> CourseRun:
    """Send a mapper over a course, window by window, dropping nothing.

    Args:
        course: The frames; their ids are their numbers.
        predictor: The network.
        config: The settings; the path is kept whole, whatever its bound.
        priors: What else is known, None for nothing.
        is_calibrated: Whether the mapper knows the true intrinsics.
        timing: Of several cameras; None for images that all arrive and at once.

    Raises:
        AlignmentError: Too few frames entered the map to compare them with the truth.
    """
    bound = max(config.path.max_size, len(course))
    config = with_values(config, {'path.max_size': bound, 'input.num_cameras': course.num_cameras})
    mapper = Mapper(predictor, config, priors=priors, offline=True)
    published: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    updates, stamps_ns, corrected, num_failed = [], [], [], 0
    for update in drive(course, mapper, is_calibrated=is_calibrated, timing=timing):
        if update is None:
            num_failed += 1
            continue
        for result in update.new_frames:
            published[result.frame.id] = result.map_from_cam, result.covariance
        updates.append(replace(update, new_frames=()))
        stamps_ns.append(update.new_frames[-1].frame.stamp_ns)
        if update.correction is not None:
            corrected.append(update.new_frames[0].frame.id)
    path = mapper.map.path()
    if len(path.stamps_ns) < _MIN_POSES:
        raise AlignmentError(
            f'{len(path.stamps_ns)} of {len(course)} frames of {course.name} entered the map; at '
            f'least {_MIN_POSES} can be compared with the truth: lower keyframe.min_parallax'
        )
    moments = np.rint(path.stamps_ns / _PERIOD_NS).astype(int) - 1
    frame_index = moments * course.num_cameras
    truth = course.world_from_cam[frame_index]
    return CourseRun(
        frame_index=frame_index,
        map_from_cam=path.map_from_cam,
        published=np.stack([published[i][0] for i in frame_index.tolist()]),
        covariances=np.stack([published[i][1] for i in frame_index.tolist()]),
        updates=tuple(updates),
        window_stamps_ns=tuple(stamps_ns),
        corrected_frames=tuple(corrected),
        num_failed=num_failed,
        num_loops=mapper.snapshot().num_loops,
        cameras=mapper.snapshot().cameras,
        error=trajectory_error(path.map_from_cam, truth),
        metric_error=trajectory_error(path.map_from_cam, truth, with_scale=False),
    )


def drive(
    course: Course,
    mapper: Mapper,
    *,
    is_calibrated: bool = True,
    timing: RigTiming | None = None,
) -> Iterator[MapUpdate | None]:
    """Send a mapper over a course; yield what every window brought, None for one that failed.

    Args:
        course: The frames.
        mapper: Drops nothing: it is an offline one.
        is_calibrated: Whether it is told the true intrinsics.
        timing: Of several cameras; None for images that all arrive and at once.
    """
    timing = RigTiming(jitter_s=0.0, lag_s=0.0) if timing is None else timing
    arrivals = arrivals_of(course, timing)
    camera = CourseCamera(course)
    for number, arrival in enumerate(arrivals):
        mapper.add_frame(_frame(camera, arrival, is_calibrated=is_calibrated))
        if number == len(arrivals) - 1:
            mapper.stream.flush()
        for finished in finish_windows(mapper, Wanted(tracks=False)):
            yield finished.update


def arrivals_of(course: Course, timing: RigTiming) -> list[Arrival]:
    """Return the images of a course in the order in which they arrive."""
    return timing.arrivals(
        len(course) // course.num_cameras,
        course.num_cameras,
        start_ns=stamp_ns(0),
        period_ns=_PERIOD_NS,
        seed=len(course),
    )


def stamp_ns(index: int) -> int:
    """Return the stamp of the frames of a moment of a course: ten a second."""
    return (index + 1) * _PERIOD_NS


def _frame(camera: CourseCamera, arrival: Arrival, *, is_calibrated: bool) -> Frame:
    course = camera.course
    index = arrival.moment * course.num_cameras + arrival.camera
    return Frame(
        id=index,
        stamp_ns=arrival.stamp_ns,
        camera_frame=f'camera_{arrival.camera}',
        camera=arrival.camera,
        image=camera.image(index),
        K=course.K_image if is_calibrated else None,
    )
