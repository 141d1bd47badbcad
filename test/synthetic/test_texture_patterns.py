import numpy as np
import pytest

from vggt_ros.synthetic.texture_patterns import draw_picture, spectral_noise


@pytest.mark.parametrize('seed', range(30))
def test_pictures_are_colors_with_some_contrast(seed):
    picture = draw_picture(np.random.default_rng(seed), 128)
    assert picture.shape == (128, 128, 3)
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert picture.std(axis=(0, 1)).max() > 0.01


def test_noise_with_a_larger_exponent_is_smoother():
    rough = spectral_noise(np.random.default_rng(0), 128, 0.8)
    smooth = spectral_noise(np.random.default_rng(0), 128, 2.0)
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.5 * np.abs(np.diff(rough, axis=0)).mean()


def test_noise_continues_across_its_border():
    noise = spectral_noise(np.random.default_rng(1), 128, 1.5)
    across = np.abs(noise[0] - noise[-1]).mean()
    inside = np.abs(np.diff(noise, axis=0)).mean()
    assert across < 3 * inside
