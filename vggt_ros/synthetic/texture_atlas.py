"""Textures with mip-maps: looked up without aliasing at any distance."""

from __future__ import annotations

from functools import lru_cache

from jaxtyping import Float, Int, UInt8
import numpy as np
import torch
from torch import Tensor

from vggt_ros.synthetic.texture_patterns import draw_picture

_SIZE = 256
_NUM_PICTURES = 48


class TextureAtlas:
    """Square pictures that tile, each at all sizes down to one texel.

    Mip-mapping after Williams, "Pyramidal Parametrics", SIGGRAPH 1983: a pixel that covers many
    texels reads a smaller copy, blended between the two nearest sizes.
    """

    def __init__(self, pictures: Float[Tensor, 'T size size 3']) -> None:
        """Build the smaller copies.

        Args:
            pictures: (T, size, size, 3) in 0..1; the size is a power of two.
        """
        self._fill(mip_levels(pictures), pictures.shape[1])

    @classmethod
    def from_texels(cls, texels: UInt8[Tensor, 'T n 3'], size: int) -> TextureAtlas:
        """Return an atlas of pictures whose smaller copies are there already.

        Args:
            texels: (T, n, 3) of all sizes as `mip_levels` returns them, 0..255.
            size: Pixels along an edge of the largest copy, a power of two.
        """
        atlas = cls.__new__(cls)
        atlas._fill(texels, size)
        return atlas

    @property
    def num_pictures(self) -> int:
        """T."""
        return len(self._texels) // self._texels_per_picture

    @property
    def texels(self) -> Tensor:
        """(T, n, 3) all sizes of all pictures, as `mip_levels` returns them."""
        return self._texels.view(self.num_pictures, -1, 3)

    def _fill(self, texels: Tensor, size: int) -> None:
        self.size = size
        self.num_levels = size.bit_length()
        counts = [(size >> level) ** 2 for level in range(self.num_levels)]
        self._offsets = torch.tensor(
            [0, *np.cumsum(counts)[:-1]], dtype=torch.int64, device=texels.device
        )
        self._texels_per_picture = texels.shape[1]
        self._texels = texels.flatten(0, 1).contiguous()

    def sample(
        self,
        picture: Int[Tensor, ' n'],
        uv: Float[Tensor, 'n 2'],
        texels_per_pixel: Float[Tensor, ' n'],
    ) -> Float[Tensor, 'n 3']:
        """Return the color of picture points, averaged over what a pixel covers.

        Args:
            picture: (n,) which picture.
            uv: (n, 2) in tiles: 1 is one repetition; any real number.
            texels_per_pixel: (n,) texels of the largest copy that one pixel covers, positive.
        """
        level = texels_per_pixel.log2().clamp(0, self.num_levels - 1)
        fine = level.floor().long()
        coarse = (fine + 1).clamp(max=self.num_levels - 1)
        blend = (level - fine)[:, None]
        start = picture * self._texels_per_picture
        return torch.lerp(
            self._bilinear(start, uv, fine), self._bilinear(start, uv, coarse), blend
        )

    def _bilinear(
        self, start: Int[Tensor, ' n'], uv: Float[Tensor, 'n 2'], level: Int[Tensor, ' n']
    ) -> Float[Tensor, 'n 3']:
        size = (self.size >> level).to(torch.int64)
        position = uv * size[:, None] - 0.5
        low = position.floor()
        fraction = position - low
        column, row = low.long().unbind(1)
        start = start + self._offsets[level]
        mask = size - 1  # sizes are powers of two, so this wraps, negative numbers too
        left, right = column & mask, (column + 1) & mask
        top, bottom = start + (row & mask) * size, start + ((row + 1) & mask) * size
        fu, fv = fraction[:, :1], fraction[:, 1:]
        upper = torch.lerp(self._at(top + left), self._at(top + right), fu)
        lower = torch.lerp(self._at(bottom + left), self._at(bottom + right), fu)
        return torch.lerp(upper, lower, fv)

    def _at(self, index: Int[Tensor, ' n']) -> Float[Tensor, 'n 3']:
        texels = self._texels[index]
        return texels if texels.is_floating_point() else texels / 255.0


def mip_levels(pictures: Float[Tensor, 'T size size 3']) -> Float[Tensor, 'T n 3']:
    """Return all sizes of square pictures, from the largest to one texel, row by row."""
    levels = [pictures.permute(0, 3, 1, 2)]
    while levels[-1].shape[-1] > 1:
        levels.append(torch.nn.functional.avg_pool2d(levels[-1], 2))
    return torch.cat([level.permute(0, 2, 3, 1).flatten(1, 2) for level in levels], dim=1)


@lru_cache(maxsize=4)
def standard_atlas(device: str) -> TextureAtlas:
    """Return the pictures that all scenes choose from; always the same ones."""
    rng = np.random.default_rng(20_250_311)
    pictures = np.stack([draw_picture(rng, _SIZE) for _ in range(_NUM_PICTURES)])
    return TextureAtlas(torch.from_numpy(pictures.astype(np.float32)).to(device))


def num_standard_pictures() -> int:
    """Return how many pictures the standard atlas has."""
    return _NUM_PICTURES
