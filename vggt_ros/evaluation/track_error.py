"""Track errors: tracked points against their true positions."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
import numpy as np

_VISIBLE = 0.5  # a larger visibility says that the point can be seen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackErrors:
    """Errors of points in all frames but the one they were chosen in.

    Attributes:
        distance_px: (M,) distance from the true position, of the points that can truly be seen.
        is_visibility_right: (Q,) whether visible or not was told right, of all points.
    """

    distance_px: Float[np.ndarray, ' M']
    is_visibility_right: Bool[np.ndarray, ' Q']

    @classmethod
    def join(cls, parts: list[TrackErrors]) -> TrackErrors:
        """Return the points of several windows, at least one, as one."""
        return cls(
            distance_px=np.concatenate([part.distance_px for part in parts]),
            is_visibility_right=np.concatenate([part.is_visibility_right for part in parts]),
        )


def track_errors(
    positions: Float[np.ndarray, 'S N 2'],
    visibility: Float[np.ndarray, 'S N'],
    true_positions: Float[np.ndarray, 'S N 2'],
    is_visible: Bool[np.ndarray, 'S N'],
) -> TrackErrors:
    """Compare tracks of points of the first frame with the truth.

    The first frame does not count: there the position is the question, not the answer.

    Args:
        positions: (S, N, 2) estimated pixels (u, v).
        visibility: (S, N) in 0..1, visible above one half.
        true_positions: (S, N, 2) true pixels of the same image.
        is_visible: (S, N) whether the point can truly be seen.
    """
    difference = positions[1:].astype(np.float64) - true_positions[1:]
    distance_px = np.linalg.norm(difference, axis=-1)
    is_right = (visibility[1:] > _VISIBLE) == is_visible[1:]
    return TrackErrors(
        distance_px=distance_px[is_visible[1:]], is_visibility_right=is_right.ravel()
    )
