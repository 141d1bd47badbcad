"""A mapper sent over a course, and how far it is from the truth in the end."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.config import VggtConfig
from vggt_ros.errors import AlignmentError, VggtRosError
from vggt_ros.evaluation.trajectory import trajectory_error, TrajectoryError
from vggt_ros.mapping.frame import Frame
from vggt_ros.mapping.mapper import Mapper, Predicts, Wanted
from vggt_ros.synthetic.course import Course

_PERIOD_NS = 100_000_000
_MIN_POSES = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CourseRun:
    """What a mapper made of a course.

    Attributes:
        frame_index: (M,) numbers of the frames that entered the map, ascending.
        map_from_cam: (M, 4, 4) their poses as they were published.
        scales: (W,) map units per unit of the prediction, of every window.
        latencies_s: (W,) time that every window took.
        num_failed: Windows that did not enter the map.
        error: Against the truth, after the best similarity.
    """

    frame_index: np.ndarray
    map_from_cam: Float[np.ndarray, 'M 4 4']
    scales: Float[np.ndarray, ' W']
    latencies_s: Float[np.ndarray, ' W']
    num_failed: int
    error: TrajectoryError


def run_course(
    course: Course, predictor: Predicts, config: VggtConfig, *, is_calibrated: bool = True
) -> CourseRun:
    """Send a mapper over a course, window by window, dropping nothing.

    Args:
        course: The frames; their ids are their numbers.
        predictor: The network.
        config: The settings.
        is_calibrated: Whether the mapper knows the true intrinsics.

    Raises:
        AlignmentError: Too few frames entered the map to compare them with the truth.
    """
    mapper = Mapper(predictor, config, offline=True)
    poses: dict[int, np.ndarray] = {}
    scales, latencies_s, num_failed = [], [], 0
    for index in range(len(course)):
        mapper.add_frame(_frame(course, index, is_calibrated=is_calibrated))
        if index == len(course) - 1:
            mapper.flush()
        while (window := mapper.wait_for_window(0.0)) is not None:
            try:
                update = mapper.process(window, Wanted(tracks=False))
            except VggtRosError:
                num_failed += 1
                continue
            assert update is not None, 'nobody resets it'
            poses |= {result.frame.id: result.map_from_cam for result in update.new_frames}
            scales.append(update.scale)
            latencies_s.append(update.latency_s)
    if len(poses) < _MIN_POSES:
        raise AlignmentError(
            f'{len(poses)} of {len(course)} frames of {course.name} entered the map; at least '
            f'{_MIN_POSES} can be compared with the truth: lower keyframe.min_parallax'
        )
    frame_index = np.array(sorted(poses))
    map_from_cam = np.stack([poses[i] for i in frame_index])
    return CourseRun(
        frame_index=frame_index,
        map_from_cam=map_from_cam,
        scales=np.array(scales),
        latencies_s=np.array(latencies_s),
        num_failed=num_failed,
        error=trajectory_error(map_from_cam, course.world_from_cam[frame_index]),
    )


def _frame(course: Course, index: int, *, is_calibrated: bool) -> Frame:
    # Where the robot stands the pictures are the same: what they show follows from the pose.
    seed = np.frombuffer(course.world_from_cam[index].tobytes(), np.uint32)
    picture = np.random.default_rng(seed).integers(
        0, 256, (course.height, course.width, 3), dtype=np.uint8
    )
    return Frame(
        id=index,
        stamp_ns=(index + 1) * _PERIOD_NS,
        camera_frame='camera',
        image=picture,
        K=course.K if is_calibrated else None,
    )
