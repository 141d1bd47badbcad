"""Image to patch tokens by one convolution."""

from __future__ import annotations

from jaxtyping import Float
from torch import nn, Tensor


class PatchEmbed(nn.Module):
    """A convolution whose kernel and stride are the patch; tokens are row-major."""

    def __init__(self, patch_size: int, embed_dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, embed_dim, kernel_size=patch_size, stride=patch_size)

    def forward(self, images: Float[Tensor, 'N 3 H W']) -> Float[Tensor, 'N hw C']:
        """Return the tokens of normalized images."""
        return self.proj(images.to(self.proj.weight.dtype)).flatten(2).transpose(1, 2)
