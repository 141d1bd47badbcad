import numpy as np
import pytest

from vggt_ros.synthetic.gray_atlas import GrayAtlas, leaf_atlas


@pytest.fixture
def pictures(rng):
    return rng.uniform(0, 1, (3, 32, 32)).astype(np.float32)


def sample(atlas, picture, u, v, covered=1.0):
    u, v = np.broadcast_arrays(np.atleast_2d(u).astype(np.float32), np.float32(v))
    size = u.shape
    return atlas.sample(
        np.full(size, picture),
        np.ascontiguousarray(u),
        np.ascontiguousarray(v),
        np.full(size, covered, np.float32),
    )


def test_texel_centers_are_at_halves_and_pictures_repeat(pictures):
    atlas = GrayAtlas(pictures)
    u = np.arange(32) + 0.5
    for row in (0, 31):
        found = sample(atlas, 1, u, row + 0.5)[0]
        np.testing.assert_allclose(found, pictures[1, row], atol=1e-5)
        again = sample(atlas, 1, u - 96, row + 0.5 + 64)[0]
        np.testing.assert_allclose(again, found, atol=1e-5)


def test_across_the_seam_the_first_column_is_the_neighbor_of_the_last(pictures):
    found = sample(GrayAtlas(pictures), 2, 32.0, 4.5)[0, 0]
    assert found == pytest.approx(pictures[2, 4, [0, 31]].mean(), abs=1e-4)


def test_what_a_pixel_covers_is_averaged(pictures):
    atlas = GrayAtlas(pictures)
    found = sample(atlas, 0, 2.0, 2.0, covered=4.0)[0, 0]
    assert found == pytest.approx(pictures[0, :4, :4].mean(), abs=1e-4)
    between = sample(atlas, 0, 2.0, 2.0, covered=np.sqrt(8.0))[0, 0]
    half = sample(atlas, 0, 2.0, 2.0, covered=2.0)[0, 0]
    assert between == pytest.approx((half + found) / 2, abs=1e-4)
    far = sample(atlas, 0, np.arange(0, 32, 8), 3.0, covered=1e6)
    assert np.ptp(far) < np.ptp(pictures[0]) / 2


def test_the_standard_pictures_are_made_once():
    assert leaf_atlas() is leaf_atlas()
