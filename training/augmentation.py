"""Augmentation: what cameras do to pictures."""

from __future__ import annotations

import cv2
from jaxtyping import Float, Float32, Int, UInt8
import numpy as np
import torch
from torch import Tensor

from training.motion_blur import smeared

_CLEAN_SHARE = 0.3  # of windows, which vary in exposure only
_DRIFT, _MAX_DRIFT = (0.005, 0.06), 0.25  # of the exposure, from frame to frame and in all
_GRAY = 0.299, 0.587, 0.114  # ITU-R BT.601
_BLUR_RADIUS_PX = 3  # three standard deviations of the widest blur
_READ_NOISE = 0.1  # variance that black has of that of white
# How often each happens to a window that is not clean, and between what limits.
_VIGNETTE_SHARE, _VIGNETTE = 0.4, (0.05, 0.5)
_BLUR_SHARE, _SIGMA_PX = 0.4, (0.2, 1.0)
_NOISE_SHARE, _NOISE = 0.5, (0.003, 0.04)
_WHITE_SHARE, _GAIN = 0.5, (0.85, 1.15)
_TONE_SHARE, _GAMMA, _CONTRAST = 0.5, (0.6, 1.6), (0.6, 1.5)
_COLOR_SHARE, _SATURATION = 0.4, (0.3, 1.4)
_GRAY_SHARE = 0.1
_SMEAR_SHARE, _SMEAR_PX = 0.2, (0.5, 4.0)
_HALO_SHARE, _HALO, _HALO_SIGMA_PX = 0.35, (0.2, 1.2), 0.7
_JPEG_SHARE, _QUALITY = 0.25, (30, 95)


def augment(
    rgb: UInt8[Tensor, 'B S H W 3'], rng: np.random.Generator
) -> Float32[Tensor, 'B S 3 H W']:
    """Return rendered windows as cameras would have taken them, in 0..1.

    The frames of a window share a camera; only the exposure drifts from one to the next. Some
    windows stay clean but for that.

    Args:
        rgb: B windows of S pictures, on any device.
        rng: Decides everything.
    """
    B, S = rgb.shape[:2]
    noise = torch.Generator(rgb.device).manual_seed(int(rng.integers(2**62)))
    drift = rng.uniform(*_DRIFT, (B, 1)) * rng.normal(size=(B, S)).cumsum(axis=1)
    drift = drift.clip(-_MAX_DRIFT, _MAX_DRIFT)
    exposure = torch.from_numpy((1.0 + drift).astype(np.float32)).to(rgb.device)
    images = rgb.permute(0, 1, 4, 2, 3).contiguous().to(torch.float32).div_(255.0)
    images.mul_(exposure[:, :, None, None, None])
    taken = torch.from_numpy(np.flatnonzero(rng.uniform(size=B) >= _CLEAN_SHARE))
    if len(taken):
        images[taken] = _taken(images[taken], rng, noise)
    return images.clamp_(0.0, 1.0)


def vignetted(
    images: Float32[Tensor, 'B S 3 H W'], strength: Float[np.ndarray, ' B']
) -> Float32[Tensor, 'B S 3 H W']:
    """Darken the edges of pictures.

    Args:
        images: RGB.
        strength: Share of the light that is lost in the corners, growing with the square of the
            distance from the middle.
    """
    y, x = (torch.linspace(-1.0, 1.0, n, device=images.device) for n in images.shape[-2:])
    lost = 0.5 * (y[:, None] ** 2 + x[None] ** 2)
    return images * (1.0 - _of_windows(strength, images) * lost)


def blurred(
    images: Float32[Tensor, 'B S 3 H W'], sigma_px: Float[np.ndarray, ' B']
) -> Float32[Tensor, 'B S 3 H W']:
    """Blur pictures with Gaussians of up to a pixel; 0 leaves a window as it is."""
    chosen = torch.from_numpy(np.flatnonzero(sigma_px > 0.0))
    if not len(chosen):
        return images
    some = images[chosen]
    planes = some.shape[1] * 3
    offset = np.arange(-_BLUR_RADIUS_PX, _BLUR_RADIUS_PX + 1)
    weight = np.exp(-0.5 * (offset / sigma_px[chosen.numpy(), None]) ** 2)
    weight = np.repeat(weight / weight.sum(axis=1, keepdims=True), planes, axis=0)
    kernel = torch.from_numpy(weight[:, None, None].astype(np.float32)).to(images.device)
    padding = (_BLUR_RADIUS_PX,) * 4
    flat = torch.nn.functional.pad(some.flatten(0, 2)[None], padding, mode='replicate')
    flat = torch.nn.functional.conv2d(flat, kernel, groups=len(kernel))
    flat = torch.nn.functional.conv2d(flat, kernel.mT, groups=len(kernel))
    return images.index_copy(0, chosen.to(images.device), flat.view_as(some))


def sharpened(
    images: Float32[Tensor, 'B S 3 H W'], amount: Float[np.ndarray, ' B']
) -> Float32[Tensor, 'B S 3 H W']:
    """Exaggerate edges, with halos, as cameras and the reduction of pictures do; 0 is neutral."""
    sigma_px = np.where(amount > 0.0, _HALO_SIGMA_PX, 0.0)
    return images + _of_windows(amount, images) * (images - blurred(images, sigma_px))


def noisy(
    images: Float32[Tensor, 'B S 3 H W'],
    level: Float[np.ndarray, ' B'],
    generator: torch.Generator,
) -> Float32[Tensor, 'B S 3 H W']:
    """Add shot noise, whose variance grows with the light, and read noise.

    Args:
        images: RGB, not negative.
        level: Standard deviation of shot noise where the picture is white; 0 for none.
        generator: On the device of the pictures.
    """
    chosen = torch.from_numpy(np.flatnonzero(level > 0.0))
    if not len(chosen):
        return images
    some = images[chosen]
    noise = torch.randn(some.shape, generator=generator, device=images.device)
    noise *= (some + _READ_NOISE).sqrt_() * _of_windows(level[chosen.numpy()], images)
    return images.index_add(0, chosen.to(images.device), noise)


def toned(
    images: Float32[Tensor, 'B S 3 H W'],
    gamma: Float[np.ndarray, ' B'],
    contrast: Float[np.ndarray, ' B'],
) -> Float32[Tensor, 'B S 3 H W']:
    """Bend the scale of brightness and stretch it about the mean of each window; 1 is neutral."""
    bent = images.clamp(0.0, 1.0).pow_(_of_windows(gamma, images))
    mean = bent.mean(dim=(1, 2, 3, 4), keepdim=True)
    return torch.lerp(mean, bent, _of_windows(contrast, images))


def colored(
    images: Float32[Tensor, 'B S 3 H W'],
    gain: Float[np.ndarray, 'B 3'],
    saturation: Float[np.ndarray, ' B'],
) -> Float32[Tensor, 'B S 3 H W']:
    """Shift the white of pictures by a gain for each channel and fade their colors; 1 is neutral.

    Args:
        images: RGB.
        gain: (B, 3) factors on red, green and blue.
        saturation: 0 for gray pictures, more than 1 for gaudy ones.
    """
    gains = torch.from_numpy(gain.astype(np.float32)).to(images.device)
    tinted = images * gains[:, None, :, None, None]
    weights = torch.tensor(_GRAY, device=images.device).view(3, 1, 1)
    gray = (tinted * weights).sum(dim=2, keepdim=True)
    return torch.lerp(gray, tinted, _of_windows(saturation, images))


def compressed(
    images: Float32[Tensor, 'B S 3 H W'], quality: Int[np.ndarray, ' B']
) -> Float32[Tensor, 'B S 3 H W']:
    """Pass pictures through JPEG.

    Args:
        images: RGB; values outside 0..1 are cut off in the windows that are compressed.
        quality: 1..100, or 0 to leave a window as it is.
    """
    chosen = torch.from_numpy(np.flatnonzero(quality > 0))
    if not len(chosen):
        return images
    some = images[chosen].clamp_(0.0, 1.0).mul_(255.0).round_().to(torch.uint8)
    pictures = some.permute(0, 1, 3, 4, 2).cpu().numpy()
    decoded = np.empty_like(pictures)
    for window, window_quality in enumerate(quality[chosen.numpy()]):
        for frame, picture in enumerate(pictures[window]):
            decoded[window, frame] = _through_jpeg(picture, int(window_quality))
    back = torch.from_numpy(decoded).to(images.device).permute(0, 1, 4, 2, 3)
    return images.index_copy(0, chosen.to(images.device), back.to(torch.float32).div_(255.0))


def _taken(
    images: Float32[Tensor, 'B S 3 H W'], rng: np.random.Generator, noise: torch.Generator
) -> Float32[Tensor, 'B S 3 H W']:
    """Send windows through a lens, a sensor and what follows it, in this order."""
    B = len(images)
    images = vignetted(images, _strength(rng, B, _VIGNETTE_SHARE, _VIGNETTE, neutral=0.0))
    images = blurred(images, _strength(rng, B, _BLUR_SHARE, _SIGMA_PX, neutral=0.0))
    length_px = _strength(rng, B, _SMEAR_SHARE, _SMEAR_PX, neutral=0.0)
    images = smeared(images, _shake(rng, length_px, images.shape[1]))
    images = noisy(images, _strength(rng, B, _NOISE_SHARE, _NOISE, neutral=0.0), noise)
    is_shifted = rng.uniform(size=(B, 1)) < _WHITE_SHARE
    gain = np.where(is_shifted, rng.uniform(*_GAIN, (B, 3)), 1.0)
    saturation = _strength(rng, B, _COLOR_SHARE, _SATURATION, neutral=1.0)
    images = colored(images, gain, np.where(rng.uniform(size=B) < _GRAY_SHARE, 0.0, saturation))
    images = sharpened(images, _strength(rng, B, _HALO_SHARE, _HALO, neutral=0.0))
    gamma = _strength(rng, B, _TONE_SHARE, _GAMMA, neutral=1.0)
    images = toned(images, gamma, _strength(rng, B, _TONE_SHARE, _CONTRAST, neutral=1.0))
    is_compressed = rng.uniform(size=B) < _JPEG_SHARE
    quality = rng.integers(*_QUALITY, B, endpoint=True)
    return compressed(images, np.where(is_compressed, quality, 0))


def _shake(
    rng: np.random.Generator, length_px: Float[np.ndarray, ' B'], S: int
) -> Float[np.ndarray, 'B S 2']:
    """Return how far the picture moves while the shutter is open, about along one line."""
    angle = rng.uniform(0, np.pi, (len(length_px), 1)) + rng.normal(0, 0.3, (len(length_px), S))
    length = length_px[:, None] * rng.uniform(0.0, 1.0, (len(length_px), S))
    return np.stack([length * np.cos(angle), length * np.sin(angle)], axis=-1)


def _strength(
    rng: np.random.Generator, B: int, share: float, limits: tuple[float, float], *, neutral: float
) -> Float[np.ndarray, ' B']:
    is_on = rng.uniform(size=B) < share
    return np.where(is_on, rng.uniform(*limits, B), neutral)


def _of_windows(
    values: Float[np.ndarray, ' B'], images: Float32[Tensor, '_ S 3 H W']
) -> Float32[Tensor, 'B 1 1 1 1']:
    """Return one value for each window, on the device of the pictures."""
    return torch.from_numpy(values.astype(np.float32)).to(images.device).view(-1, 1, 1, 1, 1)


def _through_jpeg(picture: UInt8[np.ndarray, 'H W 3'], quality: int) -> UInt8[np.ndarray, 'H W 3']:
    bgr = np.ascontiguousarray(picture[..., ::-1])
    _, encoded = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))[..., ::-1]
