import numpy as np
import pytest

from vggt_ros.mapping.export.packed_color import packed, unpacked


def test_red_is_in_the_highest_byte():
    colors = np.array([[1, 2, 3], [255, 254, 253]], np.uint8)
    assert packed(colors).tolist() == [0x010203, 0xFFFEFD]


@pytest.mark.parametrize('shape', [(0, 3), (50, 3), (4, 6, 3)])
def test_colors_come_back(rng, shape):
    colors = rng.integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(unpacked(packed(colors)), colors)
