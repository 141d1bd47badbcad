"""Features: where an image can be found again in another one, and what it looks like there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
from jaxtyping import Bool, Float, Float32, Int, UInt8
import numpy as np

# Sub-pixel positions do not get better beyond this, and blur and noise do not get worse.
MAX_WIDTH_PX = 1280
# Half of Lowe's usual threshold: rooms have plain walls. The strongest are kept anyway.
_CONTRAST_THRESHOLD = 0.02
# Cells of the image, along its longer side, that share the features evenly.
_CELLS = 8
# Features are looked for beyond the wanted number, so that every cell has some to choose from.
_SURPLUS = 3
_EPS = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """Distinct places of one image; N of them.

    Attributes:
        uv: (N, 2) pixels of the camera's image, to a fraction of one.
        descriptors: (N, 128) RootSIFT, each of length 1: the cosine of two tells how alike they
            look.
    """

    uv: Float32[np.ndarray, 'N 2']
    descriptors: Float32[np.ndarray, 'N 128']

    def __len__(self) -> int:
        """Return N."""
        return len(self.uv)


def detect_features(
    image: UInt8[np.ndarray, 'H W 3'],
    max_features: int,
    is_seen: Bool[np.ndarray, 'H W'] | None = None,
) -> Features:
    """Find features on the camera's own resolution, up to `MAX_WIDTH_PX` wide.

    SIFT (Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004) with the
    Hellinger kernel (Arandjelovic and Zisserman, "Three things everyone should know to improve
    object retrieval", CVPR 2012). The strongest of every part of the image are kept, so that one
    poster does not take them all.

    Args:
        image: (H, W, 3) RGB.
        max_features: Largest N.
        is_seen: (H, W) False where the image shows nothing; None if it shows something everywhere.
    """
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, MAX_WIDTH_PX / image.shape[1])
    if scale < 1.0:
        gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    mask = None
    if is_seen is not None:
        mask = is_seen.astype(np.uint8)
        if scale < 1.0:
            mask = cv2.resize(mask, gray.shape[::-1], interpolation=cv2.INTER_NEAREST)
    create: Any = cv2.SIFT_create  # type: ignore[attr-defined]
    sift = create(nfeatures=_SURPLUS * max_features, contrastThreshold=_CONTRAST_THRESHOLD)
    keypoints, descriptors = sift.detectAndCompute(gray, mask)
    if descriptors is None or not len(keypoints):
        return Features(
            uv=np.zeros((0, 2), np.float32), descriptors=np.zeros((0, 128), np.float32)
        )
    uv = np.array([keypoint.pt for keypoint in keypoints], dtype=np.float32)
    strength = np.array([keypoint.response for keypoint in keypoints])
    rows = _spread(uv, strength, max(gray.shape) / _CELLS, max_features)
    in_image = ((uv[rows] + 0.5) / np.float32(scale) - 0.5).astype(np.float32)
    return Features(uv=in_image, descriptors=_root_sift(descriptors[rows]))


def _spread(
    uv: Float32[np.ndarray, 'n 2'], strength: np.ndarray, cell_px: float, count: int
) -> np.ndarray:
    """Return the rows of the strongest features, taking from all cells in turn."""
    cells = (uv / cell_px).astype(int)
    return rows_in_turn(cells[:, 1] * 1000 + cells[:, 0], strength, count)


def rows_in_turn(
    cell: Int[np.ndarray, ' n'], strength: Float[np.ndarray, ' n'], count: int
) -> Int[np.ndarray, ' m']:
    """Return up to `count` rows, taking from all cells in turn, the strongest of each first.

    Args:
        cell: (n,) number of the cell that each row is in.
        strength: (n,) equal ones are taken in their order.
        count: Most rows.

    Returns:
        (m,) rows, increasing.
    """
    order = np.lexsort((-strength, cell))
    in_order = cell[order]
    starts = np.flatnonzero(np.r_[True, in_order[1:] != in_order[:-1]])
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    by_turn = np.lexsort((-strength[order], rank))
    return np.sort(order[by_turn[:count]])


def _root_sift(descriptors: np.ndarray) -> Float32[np.ndarray, 'n 128']:
    total = np.maximum(descriptors.sum(axis=1, keepdims=True), _EPS)
    return np.sqrt(descriptors / total).astype(np.float32)
