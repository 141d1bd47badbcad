"""Features of a keyframe with the points that they show: what is kept to recognize its place."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float, Float32, UInt8
import numpy as np

from vggt_ros.errors import InputError
from vggt_ros.mapping.refinement.features import Features

# Enough to recognize a place; 74 kB.
MAX_FEATURES = 500
# RootSIFT has entries between 0 and 1, hardly one above a half.
_BYTES_PER_UNIT = 512.0
_EPS = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyframeFeatures:
    """N features of one image, compact, and where what they show is.

    Attributes:
        uv: (N, 2) pixels of the camera's image.
        descriptors: (N, 128) RootSIFT, 512 to a unit.
        points_in_cam: (N, 3) in the camera's optical frame, map units; NaN where the point of a
            feature is not known.
        K: (3, 3) intrinsics, pixels of the camera's image.
        image_size: Width and height of the camera's image.
    """

    uv: Float32[np.ndarray, 'N 2']
    descriptors: UInt8[np.ndarray, 'N 128']
    points_in_cam: Float32[np.ndarray, 'N 3']
    K: Float[np.ndarray, '3 3']
    image_size: tuple[int, int]

    def __len__(self) -> int:
        """Return N."""
        return len(self.uv)

    @property
    def has_point(self) -> Bool[np.ndarray, ' N']:
        """Whether the point of a feature is known."""
        return np.isfinite(self.points_in_cam).all(axis=1)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, bytes."""
        return self.uv.nbytes + self.descriptors.nbytes + self.points_in_cam.nbytes

    def unpacked(self) -> Features:
        """Return the features as they are compared: descriptors of length 1."""
        return Features(uv=self.uv, descriptors=unpack_descriptors(self.descriptors))

    def scaled(self, scale: float) -> KeyframeFeatures:
        """Return the same features with lengths in another unit.

        Args:
            scale: New units per old unit.
        """
        return replace(self, points_in_cam=self.points_in_cam * np.float32(scale))


def pack_features(
    features: Features,
    points_in_cam: Float[np.ndarray, 'N 3'],
    K: Float[np.ndarray, '3 3'],
    image_size: tuple[int, int],
    max_features: int = MAX_FEATURES,
) -> KeyframeFeatures:
    """Keep what a place is recognized by: features whose points are known, then the others.

    A feature with a point was found in several images already, so it will be found again.

    Args:
        features: Of one image.
        points_in_cam: (N, 3) their points, map units, NaN where unknown.
        K: (3, 3) intrinsics of the image.
        image_size: Its width and height.
        max_features: Of them that are kept; evenly spread over the rows, which follow the image.

    Raises:
        InputError: There is not one point for every feature.
    """
    if len(points_in_cam) != len(features):
        raise InputError(
            'points_of_other_features',
            f'{len(features)} features came with {len(points_in_cam)} points; there must be one '
            f'for each, NaN where it is not known',
        )
    is_known = np.isfinite(points_in_cam).all(axis=1) & (points_in_cam[:, 2] > 0)
    known = _evenly(np.flatnonzero(is_known), max_features)
    rest = _evenly(np.flatnonzero(~is_known), max_features - len(known))
    rows = np.concatenate([known, rest])
    points = np.where(is_known[rows, None], points_in_cam[rows], np.nan)
    return KeyframeFeatures(
        uv=features.uv[rows].copy(),
        descriptors=np.clip(np.rint(_BYTES_PER_UNIT * features.descriptors[rows]), 0, 255).astype(
            np.uint8
        ),
        points_in_cam=points.astype(np.float32),
        K=K.astype(np.float64),
        image_size=image_size,
    )


def unpack_descriptors(descriptors: UInt8[np.ndarray, 'N 128']) -> Float32[np.ndarray, 'N 128']:
    """Return descriptors as they are compared: each of length 1."""
    wide = descriptors.astype(np.float32)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), np.float32(_EPS))


def _evenly(rows: np.ndarray, count: int) -> np.ndarray:
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).astype(int)] if count > 0 else rows[:0]
