"""Gray textures with mip-maps in one picture, so that OpenCV looks them up.

`texture_atlas` does the same for colors on any device; this one takes 5 ms for an image of
320 x 240 on one core.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
from jaxtyping import Float32, Int
import numpy as np

from vggt_ros.synthetic.leaf_texture import leaf_texture

_SIZE, _NUM_PICTURES = 1024, 6


class GrayAtlas:
    """Square pictures that tile, each at all sizes down to `_SMALLEST` texels.

    Mip-mapping after Williams, "Pyramidal Parametrics", SIGGRAPH 1983.
    """

    _SMALLEST = 4

    def __init__(self, pictures: Float32[np.ndarray, 'T size size']) -> None:
        """Build the smaller copies.

        Args:
            pictures: (T, size, size) in 0..1; the size is a power of two.
        """
        self.size = pictures.shape[1]
        self.num_pictures = len(pictures)
        levels = [pictures]
        while levels[-1].shape[1] > self._SMALLEST:
            fine = levels[-1]
            half = fine.shape[1] // 2
            levels.append(fine.reshape(len(fine), half, 2, half, 2).mean(axis=(2, 4)))
        self.num_levels = len(levels)
        # One more row and column than texels: the first ones again, to interpolate with.
        padded = [np.pad(level, ((0, 0), (0, 1), (0, 1)), mode='wrap') for level in levels]
        heights = [level.shape[1] for level in padded]
        self._shrink = np.float32(0.5) ** np.arange(len(levels), dtype=np.float32)
        self._top = np.concatenate([[0], np.cumsum(heights)[:-1]]).astype(np.float32)
        stride = self.size + 1
        self._left = (stride * np.arange(len(pictures))).astype(np.float32)
        texels = np.zeros((sum(heights), stride * len(pictures)), np.float32)
        for top, level in zip(self._top.astype(int), padded, strict=True):
            for left, picture in zip(self._left.astype(int), level, strict=True):
                texels[top : top + len(picture), left : left + len(picture)] = picture
        self._texels = texels

    def sample(
        self,
        picture: Int[np.ndarray, 'H W'],
        u: Float32[np.ndarray, 'H W'],
        v: Float32[np.ndarray, 'H W'],
        texels_per_pixel: Float32[np.ndarray, 'H W'],
    ) -> Float32[np.ndarray, 'H W']:
        """Return the gray of picture points, averaged over what a pixel covers.

        Args:
            picture: (H, W) which picture.
            u: (H, W) texels of the largest copy to the right; any number.
            v: (H, W) the same down.
            texels_per_pixel: (H, W) texels of the largest copy that one pixel covers, positive.
        """
        level = np.log2(texels_per_pixel).clip(0, self.num_levels - 1.001)
        fine = np.floor(level)
        left, number = self._left[picture], fine.astype(np.int32)
        near, far = (self._bilinear(left, u, v, each) for each in (number, number + 1))
        blended: Float32[np.ndarray, 'H W'] = near + (level - fine) * (far - near)
        return blended

    def _bilinear(
        self, left: np.ndarray, u: np.ndarray, v: np.ndarray, level: np.ndarray
    ) -> Float32[np.ndarray, 'H W']:
        shrink = self._shrink[level]
        size = np.float32(self.size) * shrink
        x, y = u * shrink - np.float32(0.5), v * shrink - np.float32(0.5)
        x -= size * np.floor(x / size)
        y -= size * np.floor(y / size)
        found: Float32[np.ndarray, 'H W'] = cv2.remap(
            self._texels, x + left, y + self._top[level], cv2.INTER_LINEAR
        )
        return found


@lru_cache(maxsize=1)
def leaf_atlas() -> GrayAtlas:
    """Return the pictures that all painted worlds choose from; always the same ones."""
    rng = np.random.default_rng(20_260_512)
    return GrayAtlas(np.stack([leaf_texture(rng, _SIZE) for _ in range(_NUM_PICTURES)]))
