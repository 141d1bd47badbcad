"""True poses by time, and the pose at a moment between two of them."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_vector_from_matrix

# Between poses farther apart it is unknown how the camera went.
MAX_GAP_NS = 100_000_000
# A pose this near in time may stand for the moment where the gap is too long to interpolate.
MAX_DISTANCE_NS = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TruePoses:
    """Poses of a body, by time.

    Attributes:
        stamps_ns: (N,) ascending, N >= 1.
        world_from_body: (N, 4, 4) rigid, meters.
    """

    stamps_ns: Int64[np.ndarray, ' N']
    world_from_body: Float[np.ndarray, 'N 4 4']

    def at(self, stamp_ns: int) -> Float[np.ndarray, '4 4'] | None:
        """Return world_from_body at a moment; None where it is not known.

        Positions are interpolated along a line, orientations along the shortest rotation, between
        poses at most `MAX_GAP_NS` apart; else the pose within `MAX_DISTANCE_NS` counts, if any.
        """
        after = int(np.searchsorted(self.stamps_ns, stamp_ns))
        if after < len(self.stamps_ns) and int(self.stamps_ns[after]) == stamp_ns:
            return self.world_from_body[after].copy()
        if 0 < after < len(self.stamps_ns):
            start_ns, end_ns = int(self.stamps_ns[after - 1]), int(self.stamps_ns[after])
            if end_ns - start_ns <= MAX_GAP_NS:
                share = (stamp_ns - start_ns) / (end_ns - start_ns)
                return _between(self.world_from_body[after - 1 : after + 1], share)
        nearest = int(np.abs(self.stamps_ns - stamp_ns).argmin())
        if abs(int(self.stamps_ns[nearest]) - stamp_ns) <= MAX_DISTANCE_NS:
            return self.world_from_body[nearest].copy()
        return None


def _between(poses: Float[np.ndarray, '2 4 4'], share: float) -> Float[np.ndarray, '4 4']:
    """Return the pose after a share 0..1 of the way from the first to the second one."""
    start, end = poses
    turn = rotation_vector_from_matrix(start[:3, :3].T @ end[:3, :3])
    rotation = start[:3, :3] @ matrix_from_rotation_vector(share * turn)
    between: Float[np.ndarray, '4 4'] = se3.rigid(
        rotation, (1.0 - share) * start[:3, 3] + share * end[:3, 3]
    )
    return between
