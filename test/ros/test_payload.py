from array import array

import numpy as np
import pytest

from vggt_ros.ros.payload import byte_array


@pytest.mark.parametrize('dtype', ['u1', '<u2', '<f4'])
def test_the_bytes_are_those_of_the_array_rows_first(dtype):
    values = np.arange(12).reshape(3, 4).astype(dtype)
    assert byte_array(values).tobytes() == values.tobytes()


def test_a_view_with_gaps_is_packed():
    values = np.arange(24, dtype=np.uint8).reshape(4, 6)[::2, ::3]
    assert byte_array(values).tolist() == [0, 3, 12, 15]


def test_the_type_is_the_one_that_rosidl_takes_as_it_is():
    data = byte_array(np.zeros(3, np.uint8))
    assert isinstance(data, array)
    assert data.typecode == 'B'
