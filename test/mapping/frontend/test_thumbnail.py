import numpy as np
import pytest

from vggt_ros.mapping.frontend.thumbnail import make_thumbnail


def thumbnail_of(image):
    height, width = image.shape[:2]
    return make_thumbnail(lambda rows: image[rows], width, height)


@pytest.mark.parametrize(
    ('width', 'height', 'small'),
    [(640, 480, (160, 120)), (1920, 1080, (160, 90)), (160, 100, (160, 100)), (5, 3, (5, 3))],
)
def test_a_thumbnail_is_about_160_pixels_wide_and_keeps_the_shape(width, height, small):
    image = np.full((height, width, 3), 90, np.uint8)
    gray = thumbnail_of(image).gray
    assert gray.shape == small[::-1]
    assert (gray == 90).all()


def test_it_shows_the_image(rng):
    coarse = rng.integers(0, 256, (12, 16, 1), dtype=np.uint8)
    image = coarse.repeat(40, axis=0).repeat(40, axis=1).repeat(3, axis=2)
    np.testing.assert_array_equal(thumbnail_of(image).gray[::10, ::10], coarse[..., 0])


@pytest.mark.parametrize('sigma', [4.0, 16.0])
def test_noise_is_what_averaging_leaves_of_it(rng, sigma):
    noise = rng.normal(128, sigma, (480, 640, 1)).repeat(3, axis=2)
    found = thumbnail_of(np.clip(np.rint(noise), 0, 255).astype(np.uint8))
    assert found.noise_gray == pytest.approx(found.gray.std(), rel=0.25)


def test_rows_of_large_images_are_left_out():
    read = []

    def read_rows(rows):
        read.append(range(1080)[rows])
        return np.zeros((len(read[-1]), 1920, 3), np.uint8)

    make_thumbnail(read_rows, 1920, 1080)
    assert sum(len(rows) for rows in read) < 1080 // 2
