"""Poses of every frame of a recording, each with what it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int64
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_vector_from_matrix

_NS_PER_S = 1_000_000_000
# What a pose rests on, the best first.
KINDS = ('keyframe', 'refined', 'interpolated', 'none')


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FramePoses:
    """Where the camera was when it took each of N frames, oldest first.

    Attributes:
        stamps_ns: (N,) as the source has them.
        map_from_cam: (N, 4, 4) rigid, map units; NaN for a frame without a pose.
        kind: (N,) one of `KINDS`: `keyframe` came out of a window, `refined` was adjusted to
            what the image shows of the points of keyframes, `interpolated` lies between two
            keyframes by its stamp, `none` is not known.
        camera: (N,) which camera of a rig took it; empty if there is one.
    """

    stamps_ns: Int64[np.ndarray, ' N']
    map_from_cam: Float[np.ndarray, 'N 4 4']
    kind: tuple[str, ...]
    camera: tuple[int, ...] = ()

    def __len__(self) -> int:
        """Return N."""
        return len(self.stamps_ns)

    @property
    def is_known(self) -> Bool[np.ndarray, ' N']:
        """(N,) whether a frame has a pose."""
        return np.array([kind != 'none' for kind in self.kind], dtype=bool)

    @property
    def coverage(self) -> float:
        """Share of the frames that have a pose, 0 without frames."""
        return float(self.is_known.mean()) if len(self) else 0.0

    @property
    def num_cameras(self) -> int:
        """How many cameras took the frames."""
        return 1 + max(self.camera, default=0)

    def camera_of(self, row: int) -> int:
        """Return which camera took a frame."""
        return self.camera[row] if self.camera else 0

    def name(self, row: int) -> str:
        """Return a name for the files of a frame: its stamp in seconds, and a camera beyond 0."""
        seconds, nanoseconds = divmod(int(self.stamps_ns[row]), _NS_PER_S)
        camera = self.camera_of(row)
        return f'{seconds}.{nanoseconds:09d}' + (f'_{camera}' if camera else '')

    def of_camera(self, camera: int) -> FramePoses:
        """Return the poses of the frames that one camera took."""
        if not self.camera:
            return self
        rows = [i for i, each in enumerate(self.camera) if each == camera]
        return FramePoses(
            stamps_ns=self.stamps_ns[rows],
            map_from_cam=self.map_from_cam[rows],
            kind=tuple(self.kind[i] for i in rows),
        )

    def counts(self) -> dict[str, int]:
        """Return the number of frames by kind."""
        return {kind: self.kind.count(kind) for kind in KINDS}


def between(
    a: Float[np.ndarray, '4 4'], b: Float[np.ndarray, '4 4'], share: float
) -> Float[np.ndarray, '4 4']:
    """Return the pose at a part of the way from one pose to another.

    The position moves on a line, the orientation about one axis (slerp; Shoemake, "Animating
    rotation with quaternion curves", SIGGRAPH 1985).

    Args:
        a: (4, 4) rigid pose.
        b: (4, 4) rigid pose in the same frame.
        share: 0 gives `a`, 1 gives `b`.
    """
    step = rotation_vector_from_matrix(a[:3, :3].T @ b[:3, :3])
    rotation = a[:3, :3] @ matrix_from_rotation_vector(share * step)
    return se3.rigid(rotation, (1.0 - share) * a[:3, 3] + share * b[:3, 3])


def share_of(stamp_ns: int, first_ns: int, last_ns: int) -> float:
    """Return where a stamp lies between two others, 0..1; 0 if they are the same."""
    if last_ns <= first_ns:
        return 0.0
    return min(1.0, max(0.0, (stamp_ns - first_ns) / (last_ns - first_ns)))
