import numpy as np
import pytest
import torch

from training.augmentation import (
    augment,
    blurred,
    colored,
    compressed,
    noisy,
    sharpened,
    toned,
    vignetted,
)


@pytest.fixture
def rgb():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((24, 3, 5, 7), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (32, 44), mode='bilinear')
    pictures = (40 + 170 * smooth).to(torch.uint8).permute(0, 2, 3, 1)
    return pictures.reshape(12, 2, 32, 44, 3)


@pytest.fixture
def images(rgb):
    return rgb.permute(0, 1, 4, 2, 3).to(torch.float32) / 255


def strength(value, num_windows=12):
    return np.full(num_windows, value)


def gray(value=0.5):
    return torch.full((1, 2, 3, 40, 60), value)


def test_pictures_keep_their_size_and_stay_in_range():
    rgb = torch.randint(0, 256, (12, 2, 30, 40, 3), dtype=torch.uint8)
    images = augment(rgb, np.random.default_rng(0))
    assert images.shape == (12, 2, 3, 30, 40)
    assert images.dtype == torch.float32
    assert images.min() >= 0
    assert images.max() <= 1


def test_a_seed_always_gives_the_same_pictures(rgb):
    first, again = (augment(rgb, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, augment(rgb, np.random.default_rng(4)))


def test_the_rendered_pictures_stay_as_they_are(rgb):
    before = rgb.clone()
    augment(rgb, np.random.default_rng(0))
    assert torch.equal(rgb, before)


def test_a_third_of_the_windows_is_clean_but_for_one_factor_per_frame(rgb, images):
    num_clean = 0
    for seed in range(20):
        ratio = augment(rgb, np.random.default_rng(seed)) / images
        factor = ratio.mean(dim=(2, 3, 4), keepdim=True)
        is_clean = ((ratio - factor).abs() < 1e-5).flatten(1).all(dim=1)
        assert ((factor[is_clean] - 1).abs() <= 0.2501).all()
        assert is_clean.sum() == 0 or factor[is_clean].std(dim=1).max() > 1e-4  # it drifts
        num_clean += int(is_clean.sum())
    assert 0.2 < num_clean / 240 < 0.42


def test_every_window_is_given_a_camera_of_its_own(rgb):
    same = rgb[:1].expand(12, -1, -1, -1, -1)
    images = augment(same, np.random.default_rng(0))
    means = images.mean(dim=(1, 3, 4))
    assert len({tuple(mean) for mean in means.tolist()}) == 12


def test_the_frames_of_a_window_share_a_camera(images):
    still = images[:, :1].expand(-1, 2, -1, -1, -1)
    bent = toned(still, np.linspace(0.7, 1.4, 12), np.linspace(0.7, 1.3, 12))
    assert torch.equal(bent[:, 0], bent[:, 1])


def test_a_vignette_darkens_the_corners_and_leaves_the_middle():
    image = vignetted(gray(), strength(0.4, 1))[0, 0, 0]
    assert image[0, 0] == pytest.approx(0.5 * 0.6)
    assert image[20, 30] == pytest.approx(0.5, abs=1e-3)
    assert image[0, 30] > image[0, 0]


def test_noise_adds_variance_and_more_of_it_to_light():
    generator = torch.Generator().manual_seed(0)
    for value in (0.1, 0.9):
        added = noisy(gray(value), strength(0.03, 1), generator) - value
        assert added.std() == pytest.approx(0.03 * (value + 0.1) ** 0.5, rel=0.05)
        assert added.mean().abs() < 1e-3


def test_noise_leaves_the_other_windows_alone(images):
    level = np.where(np.arange(12) % 3 == 0, 0.03, 0.0)
    changed = (noisy(images, level, torch.Generator()) != images).flatten(1).any(dim=1)
    assert changed.tolist() == (level > 0).tolist()


def test_blur_spreads_a_dot_like_a_gaussian():
    images = torch.zeros(2, 1, 3, 15, 15)
    images[..., 7, 7] = 1
    dull = blurred(images, np.array([0.0, 0.8]))
    assert torch.equal(dull[0], images[0])
    spread = dull[1, 0, 1]
    offset = torch.arange(15.0) - 7
    assert spread.sum() == pytest.approx(1, abs=1e-5)
    for along in (0, 1):
        assert (spread.sum(along) * offset**2).sum() == pytest.approx(0.64, rel=0.02)


def test_blur_keeps_a_flat_picture_flat():
    assert torch.allclose(blurred(gray(), strength(1.0, 1)), gray())


def test_sharpening_leaves_flat_parts_and_overshoots_at_edges():
    images = torch.full((2, 1, 3, 20, 20), 0.3)
    images[..., 10:] = 0.7
    halo = sharpened(images, np.array([0.0, 1.0]))
    torch.testing.assert_close(halo[0], images[0])
    assert halo[1, ..., 10].min() > 0.75
    assert halo[1, ..., 9].max() < 0.25
    torch.testing.assert_close(halo[1, ..., :5], images[1, ..., :5])


def test_some_cameras_are_gray(rgb):
    gray_ones = 0
    for seed in range(20):
        images = augment(rgb, np.random.default_rng(seed))
        spread = (images.amax(dim=2) - images.amin(dim=2)).amax(dim=(1, 2, 3))
        gray_ones += int((spread < 0.03).sum())
    assert 5 < gray_ones < 40


def test_jpeg_changes_pixels_but_little(images):
    quality = np.where(np.arange(12) % 2 == 0, 60, 0)
    change = (compressed(images, quality) - images).abs().flatten(1)
    assert (change[1::2] == 0).all()
    assert (change[::2].amax(dim=1) > 1 / 255).all()
    assert (change[::2].mean(dim=1) < 0.03).all()


def test_lower_quality_changes_more(images):
    low, high = ((compressed(images, np.full(12, q)) - images).abs().mean() for q in (30, 95))
    assert low > 1.5 * high


def test_jpeg_keeps_red_red():
    red = torch.zeros(1, 1, 3, 16, 16)
    red[:, :, 0] = 1
    assert torch.allclose(compressed(red, np.array([95])), red, atol=0.02)


def test_gamma_bends_the_scale_and_keeps_its_ends():
    ramp = torch.linspace(0, 1, 11).expand(1, 1, 3, 4, 11)
    bent = toned(ramp, strength(1.3, 1), strength(1.0, 1))
    assert torch.allclose(bent, ramp**1.3, atol=1e-6)


def test_contrast_stretches_a_window_about_its_mean(images):
    plain = toned(images, strength(1.0), strength(1.0))
    high = toned(images, strength(1.0), strength(1.2))
    assert torch.allclose(plain, images, atol=1e-6)
    over = (1, 2, 3, 4)
    assert torch.allclose(high.mean(dim=over), images.mean(dim=over), atol=1e-5)
    assert torch.allclose(high.std(dim=over), 1.2 * images.std(dim=over), rtol=1e-4)


def test_without_saturation_a_picture_is_gray(images):
    faded = colored(images, np.ones((12, 3)), strength(0.0))
    assert torch.allclose(faded[:, :, 0], faded[:, :, 2], atol=1e-6)
    assert faded[:, :, 0].std() > 0.01


def test_a_gain_shifts_its_own_channel(images):
    gain = np.tile([1.1, 1.0, 0.9], (12, 1))
    tinted = colored(images, gain, strength(1.0))
    assert torch.allclose(tinted, images * torch.tensor([1.1, 1.0, 0.9]).view(3, 1, 1), atol=1e-6)
