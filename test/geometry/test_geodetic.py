import numpy as np
import pytest

from vggt_ros.geometry.geodetic import ecef_of, FLATTENING, LocalFrame, SEMI_MAJOR_M

SEMI_MINOR_M = SEMI_MAJOR_M * (1 - FLATTENING)


def test_places_whose_distance_from_the_center_is_known():
    places = np.array([[0.0, 0, 0], [0, 90, 0], [90, 0, 0], [-90, 12, 100], [0, 180, 1000]])
    expected = [
        [6_378_137.0, 0, 0],
        [0, 6_378_137.0, 0],
        [0, 0, 6_356_752.314245],  # the polar semi-axis that TR8350.2 states
        [0, 0, -6_356_852.314245],
        [-6_379_137.0, 0, 0],
    ]
    np.testing.assert_allclose(ecef_of(places), expected, atol=1e-5)


def test_a_place_off_the_axes_is_on_the_ellipsoid_and_its_normal_goes_up():
    place = np.array([[48.137, 11.575, 0.0], [48.137, 11.575, 520.0]])
    on, above = ecef_of(place)
    shape = np.array([SEMI_MAJOR_M, SEMI_MAJOR_M, SEMI_MINOR_M])
    assert ((on / shape) ** 2).sum() == pytest.approx(1.0, abs=1e-14)
    gradient = on / shape**2  # the ellipsoid's own normal
    np.testing.assert_allclose(
        (above - on) / 520.0, gradient / np.linalg.norm(gradient), atol=1e-9
    )


@pytest.mark.parametrize('lat_deg', [0.0, 45.0, -60.0])
def test_small_steps_are_east_north_and_up_by_the_radii_of_curvature(lat_deg):
    frame = LocalFrame(lat_deg=lat_deg, lon_deg=170.0, altitude_m=30.0)
    step_deg = 1e-4
    places = np.array([[lat_deg, 170 + step_deg, 30], [lat_deg + step_deg, 170, 30]])
    east, north = frame.enu_of(places)
    e2 = 1 - (SEMI_MINOR_M / SEMI_MAJOR_M) ** 2
    root = np.sqrt(1 - e2 * np.sin(np.radians(lat_deg)) ** 2)
    prime = SEMI_MAJOR_M / root + 30
    meridian = SEMI_MAJOR_M * (1 - e2) / root**3 + 30
    step = np.radians(step_deg)
    np.testing.assert_allclose(east, [prime * np.cos(np.radians(lat_deg)) * step, 0, 0], atol=2e-4)
    np.testing.assert_allclose(north, [0, meridian * step, 0], atol=2e-4)
    np.testing.assert_allclose(
        frame.enu_of(np.array([[lat_deg, 170.0, 37.0]])), [[0, 0, 7]], atol=1e-8
    )
