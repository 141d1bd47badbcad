"""True depths: depth that a source knows, and how far that of keyframes is from it."""

from __future__ import annotations

from dataclasses import replace
import tempfile
from typing import BinaryIO

from jaxtyping import Float32
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.depth import depth_error
from vggt_ros.evaluation.published_depth import FrameDepthError, published_depth_error
from vggt_ros.mapping.layers.map_update import FrameResult

# True depth that waits for the depth to compare it with.
_MAX_WAITING = 256
# Half precision is 1 mm at 2 m.
_HALF = np.dtype('<f2')


class TrueDepths:
    """Compares depth when a keyframe comes, and once more if it is another one in the end.

    What was compared with is kept in a file without a name, 2 bytes a pixel of the network.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self._file: BinaryIO | None = None  # until there is something to keep
        self._waiting: dict[int, Float32[np.ndarray, 'h w']] = {}
        self._errors: dict[int, FrameDepthError] = {}
        self._place: dict[int, tuple[int, tuple[int, ...]]] = {}

    @property
    def errors(self) -> tuple[FrameDepthError, ...]:
        """Of the keyframes that could be compared, in the order in which they came."""
        return tuple(self._errors.values())

    def add(self, frame_id: int, depth_m: Float32[np.ndarray, 'h w']) -> None:
        """Take what is true of a frame.

        Args:
            frame_id: Which one.
            depth_m: (h, w) of the view of its image, any size, NaN where unknown.
        """
        self._waiting[frame_id] = depth_m
        if len(self._waiting) > _MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def compare(self, result: FrameResult) -> None:
        """Take what was found of a frame; what is true of it and of those before is let go."""
        frame_id = result.frame.id
        truth = self._waiting.get(frame_id)
        found = None
        if truth is not None:
            found = published_depth_error(result, truth, f'frame {frame_id}')
        if found is not None:
            self._errors[frame_id], sample = found
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix='vggt_ros_')  # noqa: SIM115 - see `close`
            self._place[frame_id] = self._file.seek(0, 2), sample.true_depth.shape
            self._file.write(sample.true_depth.astype(_HALF).tobytes())
        self._waiting = {i: depth for i, depth in self._waiting.items() if i > frame_id}

    def compare_again(self, frame_id: int, depth: Float32[np.ndarray, 'H W']) -> None:
        """Take what is found of a keyframe now, in any unit."""
        if self._file is None or frame_id not in self._place:
            return
        offset, shape = self._place[frame_id]
        self._file.seek(offset)
        raw = self._file.read(_HALF.itemsize * int(np.prod(shape)))
        truth = np.frombuffer(raw, _HALF).reshape(shape).astype(np.float32)
        try:
            published = depth_error([depth], [truth])
        except AlignmentError:
            return  # it has no depth any more where something is known
        self._errors[frame_id] = replace(self._errors[frame_id], published=published)

    def close(self) -> None:
        """Remove the file; more than once is harmless."""
        if self._file is not None:
            self._file.close()
