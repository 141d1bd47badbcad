"""Photographs chosen from many pictures: large, sharp, colored like the world, each only once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import hashlib
from pathlib import Path
import re

import cv2
from jaxtyping import Bool, UInt8
import numpy as np

CROP_SIZE = 256  # pixels; a power of two, for mip levels
VALIDATION_SHARE = 0.15  # of the pictures
_MAX_SIDE = 2048  # larger pictures are reduced: their finest scale is rarely sharp
_MAX_CROPS = 24  # of a picture: many views of one place teach less than many places
_MIN_SHARPNESS = 2.0  # mean absolute Laplacian of a crop, gray levels
_MIN_CONTRAST = 12.0  # standard deviation of a crop, gray levels
_MIN_TONES = 24  # of 256 gray levels that occur: drawings have few
_HASH_SIDE = 16
_MAX_DIFFERENT = 20  # of 256 bits between two copies of a picture
_MAX_CLEAR = 0.02  # share of transparent pixels
# Maps of normals, gloss and light, masks and icons are no pictures.
_NOT_A_PHOTO = re.compile(
    r'(norm|bump|gloss|glow|spec|luma|mask|alpha|height|shadow|lightmap|_nm?\b|_[ns]\b|icon|logo'
    r'|minimap|screenshot|preview|font|gui|hud)',
    re.IGNORECASE,
)

Crop = UInt8[np.ndarray, '256 256 3']


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A picture that was chosen.

    Attributes:
        crops: RGB, from coarse to fine, at most 24.
        is_validation: Kept for looking at how good a training is.
    """

    crops: tuple[Crop, ...]
    is_validation: bool


class Selection:
    """Remembers what was chosen, so that a copy of it is not chosen again."""

    def __init__(self) -> None:
        self._seen: list[Bool[np.ndarray, ' 256']] = []

    def choose(self, paths: Iterable[Path]) -> Iterator[Photo]:
        """Yield the photographs among pictures; what cannot be read is left out.

        Args:
            paths: Files.
        """
        for path in paths:
            if _NOT_A_PHOTO.search(path.stem):
                continue
            picture = read_picture(path)
            if picture is None or self._is_known(picture):
                continue
            crops = cut(picture)
            if crops:
                yield Photo(crops=tuple(crops), is_validation=for_validation(picture))

    def _is_known(self, picture: UInt8[np.ndarray, 'H W 3']) -> bool:
        code = difference_hash(picture)
        if any(np.count_nonzero(code != seen) <= _MAX_DIFFERENT for seen in self._seen):
            return True
        self._seen.append(code)
        return False


def read_picture(path: Path) -> UInt8[np.ndarray, 'H W 3'] | None:
    """Return a picture as RGB; None for small, transparent, or unreadable ones."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint8 or min(picture.shape[:2]) < CROP_SIZE:
        return None
    if picture.ndim == 2:
        return np.repeat(picture[..., None], 3, axis=2)
    if picture.shape[2] == 4 and (picture[..., 3] < 255).mean() > _MAX_CLEAR:
        return None
    scale = _MAX_SIDE / max(picture.shape[:2])
    if scale < 1 and scale * min(picture.shape[:2]) >= CROP_SIZE:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(picture[..., 2::-1])


def cut(picture: UInt8[np.ndarray, 'H W 3']) -> list[Crop]:
    """Return square crops of a picture, first of all of it, then of ever smaller parts.

    Crops without detail are left out. Where they are taken follows from the picture alone.
    """
    draws = np.random.default_rng(int.from_bytes(_digest(picture)[:8], 'little'))
    crops: list[Crop] = []
    height, width = picture.shape[:2]
    side, wanted = float(min(height, width)), 1
    while side >= CROP_SIZE and len(crops) < _MAX_CROPS:
        scale = CROP_SIZE / side
        size = (max(CROP_SIZE, round(width * scale)), max(CROP_SIZE, round(height * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        for _ in range(wanted):
            top = int(draws.integers(small.shape[0] - CROP_SIZE + 1))
            left = int(draws.integers(small.shape[1] - CROP_SIZE + 1))
            crop = small[top : top + CROP_SIZE, left : left + CROP_SIZE]
            if has_detail(crop):
                crops.append(np.ascontiguousarray(crop))
        side, wanted = side / 2, 3 * wanted
    return crops[:_MAX_CROPS]


def has_detail(crop: Crop) -> bool:
    """Say whether a crop is sharp, has contrast and many tones."""
    gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    sharpness = float(np.abs(cv2.Laplacian(gray, cv2.CV_32F)).mean())
    tones = np.count_nonzero(np.bincount(gray.ravel(), minlength=256) > 4)
    is_sharp, has_contrast = sharpness > _MIN_SHARPNESS, float(gray.std()) > _MIN_CONTRAST
    return is_sharp and has_contrast and int(tones) > _MIN_TONES


def difference_hash(picture: UInt8[np.ndarray, 'H W 3']) -> Bool[np.ndarray, ' 256']:
    """Return whether each cell of a 16 x 16 grid is brighter than its left neighbor.

    Nearly the same for copies of a picture at other sizes and qualities.
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (_HASH_SIDE + 1, _HASH_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small[:, 1:] > small[:, :-1]).ravel()


def for_validation(picture: UInt8[np.ndarray, 'H W 3']) -> bool:
    """Say on which side of the split a picture is; follows from its content alone."""
    return _digest(picture)[-1] < 256 * VALIDATION_SHARE


def _digest(picture: UInt8[np.ndarray, 'H W 3']) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).digest()
