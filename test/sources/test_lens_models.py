import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.lens_models import colmap_camera, lens_camera, PARAMETERS

CENTER = (320.5, 240.5)


def camera_of(model, parameters, where=''):
    return colmap_camera(model, [float(each) for each in parameters], where)


@pytest.mark.parametrize(
    ('model', 'parameters', 'kind', 'D'),
    [
        ('SIMPLE_PINHOLE', (500, *CENTER), None, []),
        ('PINHOLE', (500, 500, *CENTER), None, []),
        ('SIMPLE_RADIAL', (500, *CENTER, 0.1), 'plumb_bob', [0.1, 0, 0, 0, 0]),
        ('RADIAL', (500, *CENTER, 0.1, 0.2), 'plumb_bob', [0.1, 0.2, 0, 0, 0]),
        ('OPENCV', (500, 500, *CENTER, 1, 2, 3, 4), 'plumb_bob', [1, 2, 3, 4, 0]),
        (
            'FULL_OPENCV',
            (500, 500, *CENTER, *range(1, 9)),
            'rational_polynomial',
            [1, 2, 3, 4, 5, 6, 7, 8],
        ),
        ('OPENCV_FISHEYE', (500, 500, *CENTER, 1, 2, 3, 4), 'equidistant', [1, 2, 3, 4]),
        ('SIMPLE_RADIAL_FISHEYE', (500, *CENTER, 0.1), 'equidistant', [0.1, 0, 0, 0]),
        ('RADIAL_FISHEYE', (500, *CENTER, 0.1, 0.2), 'equidistant', [0.1, 0.2, 0, 0]),
    ],
)
def test_parameters_of_colmap_become_those_of_opencv_half_a_pixel_off(model, parameters, kind, D):
    assert model in PARAMETERS
    K, distortion = camera_of(model, parameters, 'camera 1')
    np.testing.assert_array_equal(K, [[500, 0, 320], [0, 500, 240], [0, 0, 1]])
    if kind is None:
        assert distortion is None
    else:
        assert distortion.model == kind
        np.testing.assert_array_equal(distortion.D, D)


def test_no_coefficients_are_a_pinhole_but_not_of_a_fisheye():
    assert camera_of('OPENCV', (500, 500, *CENTER, 0, 0, 0, 0), '')[1] is None
    fisheye = camera_of('OPENCV_FISHEYE', (500, 500, *CENTER, 0, 0, 0, 0), '')[1]
    assert fisheye.model == 'equidistant'
    assert fisheye.D.any()
    assert np.abs(fisheye.D).max() < 1e-9


def test_missing_coefficients_are_zero():
    named = {'fx': 500.0, 'fy': 500.0, 'cx': 320.5, 'cy': 240.5, 'p2': 0.5}
    np.testing.assert_array_equal(lens_camera('OPENCV', named, '')[1].D, [0, 0, 0, 0.5, 0])


@pytest.mark.parametrize(
    ('model', 'parameters', 'match'),
    [
        ('FOV', (1, 1, 1, 1, 1), 'camera 7 has the model FOV; known are SIMPLE_PINHOLE'),
        ('PINHOLE', (1, 2, 3), '3 parameters; PINHOLE has 4: fx fy cx cy'),
        ('PINHOLE', (0, 2, 3, 4), 'focal lengths 0.0 and 2.0'),
        ('PINHOLE', (1, 2, 3, float('nan')), 'finite'),
    ],
)
def test_a_camera_that_makes_no_sense_is_refused(model, parameters, match):
    with pytest.raises(SourceError, match=match):
        camera_of(model, parameters, 'camera 7')
