import numpy as np
import pytest

from vggt_ros.mapping.frontend.image_shift import image_shift, shift_view
from vggt_ros.synthetic.shaken_rig import ShakenRig


def gray_of(place_px, **settings):
    rig = ShakenRig(np.array([place_px], np.float64), width=160, height=120, **settings)
    return rig.image(0, 0)[..., 0]


@pytest.mark.parametrize('move_px', [(6, 0), (0, -4), (10, 6)])
def test_the_shift_is_that_of_the_whole_image_in_pixels_of_80_columns(move_px):
    before, after = shift_view(gray_of((0, 0))), shift_view(gray_of(move_px))
    # The view moves right over the wall: what it shows moves left.
    np.testing.assert_allclose(image_shift(before, after), -np.array(move_px) / 2, atol=0.3)


def test_exposure_and_noise_shift_nothing():
    gray = gray_of((0, 0), noise_gray=0.0)
    darker = np.rint(gray * 0.5 + 20 + np.random.default_rng(0).normal(0, 2, gray.shape))
    shift = image_shift(shift_view(gray), shift_view(darker.astype(np.uint8)))
    assert np.abs(shift).max() < 0.1


def test_somebody_who_walks_through_the_image_shifts_nothing():
    gray = gray_of((0, 0))
    views = []
    for left in (20, 30):
        gray_now = gray.copy()
        gray_now[30:, left : left + 40] = 10
        views.append(shift_view(gray_now))
    shift = image_shift(*views)
    assert (shift == 0.0).all() or np.isnan(shift).all()


def test_nothing_is_known_of_an_image_without_anything_in_it():
    empty = shift_view(np.full((120, 160), 90, np.uint8))
    assert np.isnan(image_shift(empty, shift_view(gray_of((0, 0))))).all()
