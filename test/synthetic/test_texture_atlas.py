import pytest
import torch

from vggt_ros.synthetic.texture_atlas import (
    mip_levels,
    num_standard_pictures,
    standard_atlas,
    TextureAtlas,
)


@pytest.fixture
def checker() -> TextureAtlas:
    v, u = torch.meshgrid(torch.arange(64), torch.arange(64), indexing='ij')
    return TextureAtlas(((u + v) % 2).float()[None, ..., None].expand(1, 64, 64, 3))


def sample(atlas: TextureAtlas, uv, texels_per_pixel: float) -> torch.Tensor:
    uv = torch.tensor(uv, dtype=torch.float32).reshape(-1, 2)
    count = len(uv)
    return atlas.sample(
        torch.zeros(count, dtype=torch.int64), uv, torch.full((count,), texels_per_pixel)
    )


def test_an_atlas_of_bytes_shows_the_same_pictures():
    pictures = torch.rand(3, 16, 16, 3)
    texels = (255 * mip_levels(pictures)).round().to(torch.uint8)
    floats, bytes_ = TextureAtlas(pictures), TextureAtlas.from_texels(texels, 16)
    assert bytes_.num_pictures == floats.num_pictures == 3
    assert bytes_.texels.shape == floats.texels.shape == (3, 16 * 16 + 64 + 16 + 4 + 1, 3)
    which, uv = torch.arange(3).repeat(20), torch.rand(60, 2) * 3
    for covered in (1.0, 3.0, 20.0):
        size = torch.full((60,), covered)
        torch.testing.assert_close(
            bytes_.sample(which, uv, size), floats.sample(which, uv, size), atol=3e-3, rtol=0
        )


def test_near_texels_are_sharp(checker):
    colors = sample(checker, [(0.5 / 64, 0.5 / 64), (1.5 / 64, 0.5 / 64)], 1.0)
    torch.testing.assert_close(colors[:, 0], torch.tensor([0.0, 1.0]))


def test_a_pixel_that_covers_many_texels_sees_their_average(checker):
    colors = sample(checker, torch.rand(50, 2).tolist(), 8.0)
    torch.testing.assert_close(colors, torch.full_like(colors, 0.5))


def test_pictures_tile_without_a_seam():
    atlas = standard_atlas('cpu')
    inside = sample(atlas, [(0.25, 0.75)], 1.0)
    torch.testing.assert_close(sample(atlas, [(3.25, -1.25)], 1.0), inside, atol=1e-3, rtol=0)


def test_the_coarsest_copy_is_the_mean_color():
    atlas = standard_atlas('cpu')
    one, other = sample(atlas, [(0.1, 0.2), (0.7, 0.9)], 1e6)
    torch.testing.assert_close(one, other)


def test_the_standard_pictures_are_many_and_always_the_same():
    assert num_standard_pictures() >= 32
    first = sample(standard_atlas('cpu'), [(0.3, 0.3)], 1.0)
    standard_atlas.cache_clear()
    torch.testing.assert_close(sample(standard_atlas('cpu'), [(0.3, 0.3)], 1.0), first)
