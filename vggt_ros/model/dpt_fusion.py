"""DPT fusion of four levels of detail in the dense heads, deepest first.

Ranftl et al., "Vision Transformers for Dense Prediction", arXiv:2103.13413. Attribute names are
those of the released checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import nn, Tensor
from torch.nn import functional


class ResidualConvUnit(nn.Module):
    """relu(x) plus two convolutions of it.

    The skip path is rectified, too: the released weights were trained that way.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Float[Tensor, 'N C h w']) -> Float[Tensor, 'N C h w']:
        """Return a map of the same shape."""
        rectified = functional.relu(x)
        return self.conv2(functional.relu(self.conv1(rectified))) + rectified


class FusionBlock(nn.Module):
    """Adds a finer level to what came from below and resizes the result."""

    def __init__(self, features: int, *, has_lateral: bool) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(features, features, 1)
        if has_lateral:
            self.resConfUnit1 = ResidualConvUnit(features)
        self.resConfUnit2 = ResidualConvUnit(features)

    def forward(
        self,
        top: Float[Tensor, 'N C a b'],
        lateral: Float[Tensor, 'N C a b'] | None = None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, 'N C h w']:
        """Return the fused map.

        Args:
            top: What the deeper levels gave.
            lateral: This level, of the same shape as `top`; None for the deepest.
            size: Height and width of the result; None doubles them.
        """
        fused = top if lateral is None else top + self.resConfUnit1(lateral)
        # A 1x1 convolution and a bilinear resize commute; the smaller map is convolved.
        fused = self.out_conv(self.resConfUnit2(fused))
        return resize(fused, size or (2 * top.shape[-2], 2 * top.shape[-1]))


class Scratch(nn.Module):
    """The part of a dense head behind its levels, up to the first output convolution.

    Attributes:
        output_conv2: The last convolutions; heads that predict features have none.
    """

    output_conv2: nn.Sequential

    def __init__(
        self, out_channels: Sequence[int], features: int, output_conv1: nn.Conv2d
    ) -> None:
        super().__init__()
        self.layer1_rn, self.layer2_rn, self.layer3_rn, self.layer4_rn = (
            nn.Conv2d(channels, features, 3, padding=1, bias=False) for channels in out_channels
        )
        self.refinenet1 = FusionBlock(features, has_lateral=True)
        self.refinenet2 = FusionBlock(features, has_lateral=True)
        self.refinenet3 = FusionBlock(features, has_lateral=True)
        self.refinenet4 = FusionBlock(features, has_lateral=False)
        self.output_conv1 = output_conv1

    def forward(self, levels: Sequence[Float[Tensor, 'N _c _h _w']]) -> Float[Tensor, 'N F h2 w2']:
        """Return one map at twice the size of the first level.

        Args:
            levels: Four maps, finest first.
        """
        level1, level2, level3, level4 = levels
        fine1, fine2 = self.layer1_rn(level1), self.layer2_rn(level2)
        fine3, fine4 = self.layer3_rn(level3), self.layer4_rn(level4)
        fused = self.refinenet4(fine4, size=tuple(fine3.shape[-2:]))
        fused = self.refinenet3(fused, fine3, size=tuple(fine2.shape[-2:]))
        fused = self.refinenet2(fused, fine2, size=tuple(fine1.shape[-2:]))
        return self.output_conv1(self.refinenet1(fused, fine1))


def resize(x: Float[Tensor, 'N C a b'], size: tuple[int, int]) -> Float[Tensor, 'N C h w']:
    """Resize bilinearly; corner cells stay on corner cells."""
    return functional.interpolate(x, size=size, mode='bilinear', align_corners=True)
