import pytest
import torch
from torch import nn

from vggt_ros.model.dpt_fusion import FusionBlock, ResidualConvUnit, Scratch


def test_skip_path_is_rectified():
    unit = ResidualConvUnit(2)
    for parameter in unit.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 2, 3, 3)
    assert torch.equal(unit(x), x.relu())


def test_input_is_left_alone():
    x = torch.randn(1, 2, 3, 3)
    kept = x.clone()
    ResidualConvUnit(2)(x)
    assert torch.equal(x, kept)


@pytest.mark.parametrize(('size', 'expected'), [(None, (6, 10)), ((7, 9), (7, 9))])
def test_fusion_doubles_or_takes_the_size_it_is_given(size, expected):
    block = FusionBlock(2, has_lateral=True)
    fused = block(torch.randn(1, 2, 3, 5), torch.randn(1, 2, 3, 5), size=size)
    assert fused.shape[-2:] == expected


def test_convolving_first_equals_resizing_first():
    block = FusionBlock(4, has_lateral=False)
    x = torch.randn(1, 4, 3, 5)
    resized = nn.functional.interpolate(
        block.resConfUnit2(x), size=(8, 9), mode='bilinear', align_corners=True
    )
    torch.testing.assert_close(block(x, size=(8, 9)), block.out_conv(resized))


def test_deepest_block_has_no_unit_for_a_lateral():
    names = FusionBlock(2, has_lateral=False).state_dict()
    assert not [name for name in names if 'resConfUnit1' in name]


def test_result_has_twice_the_size_of_the_finest_level():
    scratch = Scratch((4, 4, 8, 8), 8, nn.Conv2d(8, 4, 3, padding=1))
    sizes = [(12, 20), (6, 10), (3, 5), (2, 3)]
    levels = [torch.randn(1, c, *size) for c, size in zip((4, 4, 8, 8), sizes, strict=True)]
    assert scratch(levels).shape == (1, 4, 24, 40)
