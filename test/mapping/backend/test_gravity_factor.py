import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.gravity_factor import upright_place
from vggt_ros.mapping.registration.up_direction import UpDirection

Z = np.array([0.0, 0.0, 1.0])
N = 30


def tilt_deg(place, up):
    return np.degrees(np.arccos(np.clip((place.rotation @ up) @ Z, -1, 1)))


def test_the_upright_place_is_the_nearest_one():
    place = Sim3(2.0, matrix_from_rotation_vector(np.array([0.3, 0.1, 1.0])), np.ones(3))
    up = UpDirection(along_axes=np.array([0.0, 0.6, 0.8]), sigma_rad=0.01)
    found = upright_place(place, up)
    np.testing.assert_allclose(found.rotation @ up.along_axes, Z, atol=1e-12)
    np.testing.assert_array_equal(found.translation, place.translation)
    turn = rotation_angle(found.rotation @ place.rotation.T)
    assert np.degrees(turn) == pytest.approx(tilt_deg(place, up.along_axes))
