import cv2
import numpy as np
import pytest

from vggt_ros.mapping.refinement import features as features_module
from vggt_ros.mapping.refinement.features import detect_features
from vggt_ros.mapping.refinement.matches import match_features


@pytest.fixture(scope='module')
def image(hall):
    return hall.frame(0).image


def test_no_more_features_are_kept_than_wanted(image):
    many, few = detect_features(image, 400), detect_features(image, 100)
    assert len(few) == 100
    assert 100 < len(many) <= 400


def test_descriptors_have_length_one_and_are_not_negative(image):
    found = detect_features(image, 200)
    np.testing.assert_allclose(np.linalg.norm(found.descriptors, axis=1), 1.0, atol=1e-4)
    assert (found.descriptors >= 0).all()


def test_features_lie_in_the_image(image):
    uv = detect_features(image, 400).uv
    assert (uv >= 0).all()
    assert (uv < (image.shape[1], image.shape[0])).all()


def test_an_image_that_shows_nothing_has_none(image):
    found = detect_features(np.full_like(image, 90), 200)
    assert len(found) == 0
    assert found.descriptors.shape == (0, 128)


def test_nothing_is_found_where_the_image_shows_nothing(image):
    is_seen = np.ones(image.shape[:2], bool)
    is_seen[:, :160] = False
    found = detect_features(image, 400, is_seen)
    assert len(found) > 20
    assert (found.uv[:, 0] >= 159.5).all()


def test_one_poster_does_not_take_all_features():
    rng = np.random.default_rng(0)
    image = np.full((240, 320, 3), 128, np.uint8)
    image[:80, :80] = 255 * rng.integers(0, 2, (20, 20, 1)).repeat(4, 0).repeat(4, 1)  # strong
    faint = 128 + 25 * rng.integers(0, 2, (20, 40, 1)).repeat(6, 0).repeat(6, 1)
    image[120:, 80:] = faint
    uv = detect_features(image, 100).uv
    in_poster = (uv < 90).all(axis=1)
    assert in_poster.sum() < 50
    assert (~in_poster).sum() >= 50


def test_a_large_image_is_shrunk_and_pixels_are_those_of_the_camera(image, monkeypatch):
    small = cv2.resize(image, (160, 120), interpolation=cv2.INTER_AREA)
    own = detect_features(small, 200)
    monkeypatch.setattr(features_module, 'MAX_WIDTH_PX', 160)
    shrunk = detect_features(image, 200)
    in_small = (shrunk.uv + 0.5) / 2 - 0.5
    distance = np.linalg.norm(in_small[:, None] - own.uv[None], axis=-1).min(axis=0)
    assert np.median(distance) < 0.05  # gray of small pixels, or small pixels of gray


def test_a_mask_is_shrunk_with_its_image(image, monkeypatch):
    monkeypatch.setattr(features_module, 'MAX_WIDTH_PX', 160)
    is_seen = np.ones(image.shape[:2], bool)
    is_seen[120:] = False
    found = detect_features(image, 400, is_seen)
    assert len(found) > 10
    assert (found.uv[:, 1] <= 120.5).all()


def test_positions_are_a_fraction_of_a_pixel_exact(image):
    # The same image two and a half pixels to the left.
    shift = np.array([[1.0, 0, -2.5], [0, 1, 0]])
    moved = cv2.warpAffine(image, shift, (320, 240), flags=cv2.INTER_CUBIC)
    a, b = detect_features(image, 300), detect_features(moved, 300)
    pairs = match_features(a, b)
    assert len(pairs) > 50
    way = b.uv[pairs[:, 1]] - a.uv[pairs[:, 0]]
    np.testing.assert_allclose(np.median(way, axis=0), (-2.5, 0.0), atol=0.1)
    assert np.median(np.abs(way - (-2.5, 0.0))) < 0.2
