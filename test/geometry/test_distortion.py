import numpy as np
import pytest

from vggt_ros.errors import InputError
from vggt_ros.geometry.distortion import usual_coefficients


@pytest.mark.parametrize(
    ('model', 'D', 'expected'),
    [
        ('plumb_bob', [0.1, 0.2, 0.3, 0.4, 0.5, 0, 0, 0], [0.1, 0.2, 0.3, 0.4, 0.5]),
        ('plumb_bob', [0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5]),
        ('plumb_bob', [0.1, 0.2], [0.1, 0.2, 0, 0]),
        ('plumb_bob', [0.1, 0, 0, 0, 0.5] + [0.0] * 9, [0.1, 0, 0, 0, 0.5]),
        ('rational_polynomial', [0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5, 0, 0, 0]),
        ('rational_polynomial', [0.1] * 9, [0.1] * 9 + [0] * 3),
        ('rational_polynomial', [0.1] * 14 + [0], [0.1] * 14),
        ('equidistant', [0.1, 0.2, 0.3, 0.4, 0.0], [0.1, 0.2, 0.3, 0.4]),
        ('equidistant', [0.1], [0.1, 0, 0, 0]),
    ],
)
def test_zeros_at_the_end_go_or_are_added(model, D, expected):
    np.testing.assert_array_equal(usual_coefficients(model, np.array(D, float)), expected)


@pytest.mark.parametrize(
    ('model', 'num', 'word'),
    [
        ('plumb_bob', 8, 'is it rational_polynomial'),
        ('equidistant', 5, 'plumb_bob or rational_polynomial'),
        ('rational_polynomial', 15, 'has only 8 or 12 or 14'),
    ],
)
def test_coefficients_that_a_model_does_not_have_change_its_meaning(model, num, word):
    with pytest.raises(InputError, match=word) as caught:
        usual_coefficients(model, np.full(num, 0.01))
    assert caught.value.reason == 'bad_camera_info'


def test_what_is_not_known_or_bends_nothing_is_left_alone():
    for model, D in (('wavy', np.array([0.1, 0.2])), ('plumb_bob', np.zeros(17))):
        assert usual_coefficients(model, D) is D
