"""Pictures that tile: what walls, floors and furniture are covered with."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
import numpy as np

Pattern = Float[np.ndarray, 'size size']
Picture = Float[np.ndarray, 'size size 3']


def spectral_noise(rng: np.random.Generator, size: int, exponent: float) -> Pattern:
    """Return noise in 0..1 whose amplitude falls with frequency as 1 / f**exponent.

    Photographs have exponents near 1 (Field, "Relations between the statistics of natural images
    and the response properties of cortical cells", JOSA A 1987). Synthesized in the frequency
    domain, so it tiles.
    """
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = 1.0
    amplitude = frequency**-exponent
    amplitude[0, 0] = 0.0
    phase = rng.uniform(0, 2 * np.pi, amplitude.shape)
    noise = np.fft.irfft2(amplitude * np.exp(1j * phase), s=(size, size))
    low, high = np.percentile(noise, (1, 99))
    return np.clip((noise - low) / (high - low), 0.0, 1.0)


def marble(rng: np.random.Generator, size: int) -> Pattern:
    """Return veins: stripes bent by noise."""
    x = np.arange(size) / size
    bend = 3.0 * spectral_noise(rng, size, 1.8)
    return 0.5 + 0.5 * np.sin(2 * np.pi * (rng.integers(2, 5) * x[None] + bend))


def stripes(rng: np.random.Generator, size: int) -> Pattern:
    """Return vertical bands of uneven width and brightness."""
    edges = np.sort(rng.choice(np.arange(4, size - 4), rng.integers(6, 16), replace=False))
    values = rng.uniform(0, 1, len(edges) + 1)
    values[-1] = values[0]  # the texture wraps around
    return np.tile(values[np.searchsorted(edges, np.arange(size))], (size, 1))


def tiles(rng: np.random.Generator, size: int) -> Pattern:
    """Return square tiles with dark joints, each with a brightness of its own."""
    count = int(rng.choice([4, 8]))
    step = size // count
    picture = np.kron(rng.uniform(0.45, 1.0, (count, count)), np.ones((step, step)))
    inside = np.arange(size) % step
    picture[(inside < 3), :] = 0.1
    picture[:, (inside < 3)] = 0.1
    return picture


def bricks(rng: np.random.Generator, size: int) -> Pattern:
    """Return a running bond: rows of bricks, every second row shifted by half a brick."""
    rows, columns = 16, 4
    height, width = size // rows, size // columns
    v, u = np.mgrid[:size, :size]
    row = v // height
    shifted = (u + (row % 2) * (width // 2)) % size
    values = rng.uniform(0.4, 0.95, (rows, columns))
    picture = values[row, shifted // width]
    picture[(v % height < 2) | (shifted % width < 2)] = 0.1
    return picture


def planks(rng: np.random.Generator, size: int) -> Pattern:
    """Return boards with grain along them."""
    count = 8
    width = size // count
    grain = spectral_noise(rng, size, 0.8)
    grain = np.stack([np.roll(grain[:, ::8].repeat(8, axis=1), s, axis=1) for s in (0, 3)]).mean(0)
    tone = rng.uniform(0.4, 0.9, count).repeat(width)[:, None]
    picture = np.clip(tone + 0.35 * (grain - 0.5), 0, 1)
    picture[np.arange(size) % width < 2] = 0.1
    return picture


def writing(rng: np.random.Generator, size: int) -> Pattern:
    """Return lines of marks like text on a poster."""
    picture = np.full((size, size), 0.95)
    line = int(rng.choice([12, 20, 32]))
    for top in range(line // 2, size - line, line):
        u = 8
        while u < size - line:
            width = int(rng.integers(2, line))
            if rng.uniform() < 0.8:
                height = int(rng.integers(line // 3, line * 3 // 4))
                picture[top : top + height, u : u + width] = rng.uniform(0.0, 0.35)
            u += width + int(rng.integers(2, 6))
    return picture


def blobs(rng: np.random.Generator, size: int) -> Pattern:
    """Return discs of many sizes and tones, wrapped around the border."""
    v, u = np.mgrid[:size, :size]
    picture = np.full((size, size), float(rng.uniform(0.3, 0.7)))
    for _ in range(60):
        cu, cv = rng.uniform(0, size, 2)
        radius = size * float(rng.uniform(0.02, 0.12))
        du = (u - cu + size / 2) % size - size / 2
        dv = (v - cv + size / 2) % size - size / 2
        picture[du**2 + dv**2 < radius**2] = rng.uniform(0, 1)
    return picture


def plaster(rng: np.random.Generator, size: int) -> Pattern:
    """Return a nearly plain wall: little contrast at all scales."""
    return 0.75 + 0.22 * (spectral_noise(rng, size, 1.0) - 0.5)


_PATTERNS: tuple[Callable[[np.random.Generator, int], Pattern], ...] = (
    lambda rng, size: spectral_noise(rng, size, 1.0),
    lambda rng, size: spectral_noise(rng, size, 1.4),
    marble,
    stripes,
    tiles,
    bricks,
    planks,
    writing,
    blobs,
    plaster,
)


def draw_picture(rng: np.random.Generator, size: int) -> Picture:
    """Return a colored picture in 0..1 that tiles: a pattern between two or three colors."""
    pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))](rng, size)
    dirt = spectral_noise(rng, size, 1.1)
    # Rooms are rarely garish: colors lie near gray.
    dark = 0.5 * rng.uniform(0.05, 0.5) + 0.5 * rng.uniform(0.05, 0.5, 3)
    bright = np.clip(dark + rng.uniform(0.25, 0.6) + rng.uniform(-0.08, 0.08, 3), 0, 1)
    stain = rng.uniform(0.3, 0.8, 3)
    picture = dark + (bright - dark) * pattern[..., None]
    strength = float(rng.uniform(0.05, 0.3))
    picture += strength * (dirt[..., None] - 0.5) * (0.5 + stain)
    return np.clip(picture, 0.0, 1.0)
