"""Many similarity transforms at a time, and their twists; `sim3` and `uncertainty` for arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float, Int64
import numpy as np

from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_vector_from_matrix
from vggt_ros.geometry.sim3 import Sim3


@dataclass(frozen=True, slots=True, eq=False)
class Sim3Array:
    """N similarities `b_from_a`: x_in_b = scale * rotation @ x_in_a + translation.

    Attributes:
        scale: (N,) positive.
        rotation: (N, 3, 3).
        translation: (N, 3), in the units of frame b.
    """

    scale: Float[np.ndarray, ' N']
    rotation: Float[np.ndarray, 'N 3 3']
    translation: Float[np.ndarray, 'N 3']

    @classmethod
    def of(cls, places: Sequence[Sim3]) -> Sim3Array:
        """Return an array of single ones."""
        return cls(
            np.array([each.scale for each in places], dtype=np.float64),
            np.array([each.rotation for each in places], dtype=np.float64).reshape(-1, 3, 3),
            np.array([each.translation for each in places], dtype=np.float64).reshape(-1, 3),
        )

    @classmethod
    def of_twists(cls, twists: Float[np.ndarray, 'N 7']) -> Sim3Array:
        """Return the similarities of twists; see `twist.sim3_of`."""
        rotation = matrix_from_rotation_vector(twists[:, :3])
        return cls(np.exp(twists[:, 6]), rotation, twists[:, 3:6].copy())

    def __getitem__(self, rows: Int64[np.ndarray, ' n'] | Bool[np.ndarray, ' N']) -> Sim3Array:
        """Return some of them."""
        return Sim3Array(self.scale[rows], self.rotation[rows], self.translation[rows])

    def __matmul__(self, other: Sim3Array) -> Sim3Array:
        """Compose one by one: c_from_a = c_from_b @ b_from_a."""
        moved = (self.rotation @ other.translation[:, :, None])[:, :, 0]
        return Sim3Array(
            self.scale * other.scale,
            self.rotation @ other.rotation,
            self.scale[:, None] * moved + self.translation,
        )

    def inverse(self) -> Sim3Array:
        """Return `a_from_b`."""
        rotation = np.swapaxes(self.rotation, 1, 2)
        moved = (rotation @ self.translation[:, :, None])[:, :, 0]
        return Sim3Array(1.0 / self.scale, rotation, -moved / self.scale[:, None])

    def twists(self) -> Float[np.ndarray, 'N 7']:
        """Return rotation vectors, translations and logs of scales; see `twist.twist_of`."""
        return np.concatenate(
            [
                rotation_vector_from_matrix(self.rotation),
                self.translation,
                np.log(self.scale)[:, None],
            ],
            axis=1,
        )

    def adjoints(self) -> Float[np.ndarray, 'N 7 7']:
        """Return what turns an error in frame a, on the right, into the same one in frame b."""
        p = self.translation
        adjoint = np.zeros((len(p), 7, 7))
        adjoint[:, :3, :3] = self.rotation
        adjoint[:, 3:6, :3] = np.cross(p[:, :, None], self.rotation, axis=1)
        adjoint[:, 3:6, 3:6] = self.scale[:, None, None] * self.rotation
        adjoint[:, 3:6, 6] = -p
        adjoint[:, 6, 6] = 1.0
        return adjoint

    def singles(self) -> list[Sim3]:
        """Return them one by one."""
        return [
            Sim3(scale, rotation, translation)
            for scale, rotation, translation in zip(
                self.scale.tolist(), self.rotation, self.translation, strict=True
            )
        ]
