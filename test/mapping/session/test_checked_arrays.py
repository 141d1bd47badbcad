import numpy as np
import pytest

from vggt_ros.errors import SessionError
from vggt_ros.mapping.session.checked_arrays import CheckedArrays, put_together


def test_pieces_come_back_as_they_were_put_together():
    pieces = [np.arange(6.0).reshape(3, 2), np.zeros((0, 2)), np.ones((1, 2))]
    arrays = CheckedArrays('a.file', put_together('uv', pieces, np.float64, (2,)))
    found = arrays.pieces('uv', np.float64, (2,), 3)
    for old, new in zip(pieces, found, strict=True):
        np.testing.assert_array_equal(old, new)


def test_no_pieces_are_pieces_too():
    arrays = CheckedArrays('a.file', put_together('uv', [], np.uint8, ()))
    assert arrays.pieces('uv', np.uint8, (), 0) == []


def test_a_refusal_names_the_file_the_array_and_what_to_do():
    arrays = CheckedArrays('a.file', {'x': np.array([1.0, np.inf])})
    with pytest.raises(SessionError, match=r'a\.file: x has 1 numbers.*load another one'):
        arrays.get('x', np.float64, (None,))
    with pytest.raises(SessionError, match='x has the shape'):
        arrays.get('x', np.float64, (None, 2))


def test_nan_is_a_number_only_where_that_is_said():
    arrays = CheckedArrays('a.file', {'x': np.array([np.nan])})
    assert np.isnan(arrays.get('x', np.float64, (1,), may_be_nan=True)).all()
    with pytest.raises(SessionError, match='not finite'):
        arrays.get('x', np.float64, (1,))
