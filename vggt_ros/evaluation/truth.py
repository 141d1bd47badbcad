"""The truth about the frames of a recording."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32, Int64
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.recording import Recording
from vggt_ros.synthetic.sequence import SyntheticSequence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """True poses and depth, in the order of the recording's poses and frames.

    Attributes:
        world_from_cam: (N, 4, 4) true pose of every recorded pose, meters.
        depth: True depth (H, W) of every recorded frame at the recorded size, meters.
    """

    world_from_cam: Float[np.ndarray, 'N 4 4']
    depth: tuple[Float32[np.ndarray, 'H W'], ...]


def truth_of_walk(recording: Recording, walk: SyntheticSequence) -> Truth:
    """Return the truth about a recording of a synthetic walk.

    Frames are found by their stamps: the first image that was sent is the first of the walk.

    Raises:
        AlignmentError: A stamp belongs to no frame of the walk.
    """
    pose_index = _frame_numbers(recording, walk, recording.stamps_ns)
    frame_stamps_ns = np.array([frame.stamp_ns for frame in recording.frames], dtype=np.int64)
    frame_index = _frame_numbers(recording, walk, frame_stamps_ns)
    return Truth(
        world_from_cam=np.stack([walk.world_from_cam(index) for index in pose_index]),
        depth=tuple(
            walk.depth(index, frame.K, *frame.depth.shape)
            for index, frame in zip(frame_index, recording.frames, strict=True)
        ),
    )


def _frame_numbers(
    recording: Recording, walk: SyntheticSequence, stamps_ns: Int64[np.ndarray, ' n']
) -> list[int]:
    first_ns = int(recording.input_stamps_ns.min())
    indices = np.round((stamps_ns - first_ns) * (walk.rate_hz / 1e9)).astype(int)
    if indices.min() < 0 or indices.max() >= len(walk):
        raise AlignmentError(
            f'stamps belong to frames {indices.min()}..{indices.max()} of a walk of {len(walk)} '
            'frames; was the recording made of another walk?'
        )
    return [int(index) for index in indices]
