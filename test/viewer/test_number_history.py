import numpy as np

from vggt_ros.viewer.number_history import NumberHistory


def test_numbers_are_kept_over_seconds_before_the_newest():
    history = NumberHistory(('a', 'b'), 3)
    for k in range(5):
        history.add(100.0 + k, {'a': str(k), 'b': '0.5', 'c': 'x'})
    seconds, a, b = history.columns()
    np.testing.assert_array_equal(seconds, [-2, -1, 0])
    np.testing.assert_array_equal(a, [2, 3, 4])
    np.testing.assert_array_equal(b, [0.5, 0.5, 0.5])


def test_what_is_no_number_is_left_out():
    history = NumberHistory(('a', 'b'), 3)
    history.add(1.0, {'a': '1', 'b': 'nan'})
    history.add(2.0, {'a': '1'})
    history.add(3.0, {'a': '1', 'b': 'none'})
    assert len(history) == 0
    assert [len(column) for column in history.columns()] == [0, 0, 0]
