"""Tones of images with more than 8 bits: which of their values is black and which is white."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Shaped, UInt8, UInt16
import numpy as np

# Sensors have so many bits; a picture that needs fewer is dark.
_BITS = (10, 12, 14, 16)
# Of a thermal image: a few pixels may be beside the range, dead or hot ones.
_PERCENTILES = (0.5, 99.5)
# Share of the range by which it is widened beyond what was seen.
_MARGIN = 0.1
_LEAST_RANGE = 16.0
_GENERIC = {'8UC1': np.uint8, '16UC1': np.uint16}


class Tones:
    """Brings the values of one camera to 8 or 16 full bits; belongs to the executor's thread.

    What was seen so far decides, and only ever widens: two images of one brightness look the same
    unless a brighter one came in between.
    """

    def __init__(
        self,
        bits: int = 0,
        *,
        generic_as_gray: bool = False,
        notice: Callable[[str], object] = lambda line: None,
    ) -> None:
        """Have seen nothing.

        Args:
            bits: `input.bits`; 0 finds out.
            generic_as_gray: `input.generic_as_gray`.
            notice: Told once how values are read, and again when that changes.
        """
        self._chosen_bits = bits
        self._bits = bits
        self._generic_as_gray = generic_as_gray
        self._notice = notice
        self._range: tuple[float, float] | None = None

    def takes(self, encoding: str) -> bool:
        """Return whether an encoding without a meaning is to be read as gray."""
        return self._generic_as_gray and encoding in _GENERIC

    def full_range(
        self, values: UInt16[np.ndarray, '*shape'], seen: UInt16[np.ndarray, '*any'] | None = None
    ) -> UInt16[np.ndarray, '*shape']:
        """Return values of fewer bits as those of 16.

        Args:
            values: Of any shape.
            seen: What to find the number of bits by, None for `values`.
        """
        if not self._chosen_bits:
            self._observe(int((values if seen is None else seen).max(initial=0)))
        if self._bits == _BITS[-1]:
            return values
        white = np.uint16((1 << self._bits) - 1)
        shift = np.uint16(_BITS[-1] - self._bits)
        return np.asarray(np.minimum(values, white) << shift)

    def gray(
        self,
        values: Shaped[np.ndarray, 'n W'],
        seen: Shaped[np.ndarray, 'H W'] | None = None,
    ) -> UInt8[np.ndarray, 'n W']:
        """Return values without a meaning, 8 or 16 bits, as gray of 8 bits.

        Those of 16 bits are stretched: a thermal camera uses a small part of its range.
        """
        if values.dtype == np.uint8:
            return values
        low, high = self._widened(values if seen is None else seen)
        stretched = (values.astype(np.float32) - low) * np.float32(255.0 / (high - low))
        return np.clip(np.rint(stretched), 0, 255).astype(np.uint8)

    def _observe(self, brightest: int) -> None:
        bits = max(self._bits, next(each for each in _BITS if brightest < 1 << each))
        if bits != self._bits:
            self._bits = bits
            if bits < _BITS[-1]:
                self._notice(
                    f'images of 16 bits have values up to {brightest} only: they are read as '
                    f'those of {bits} bits; if that is wrong set input.bits'
                )

    def _widened(self, seen: Shaped[np.ndarray, 'H W']) -> tuple[float, float]:
        low, high = (float(each) for each in np.percentile(seen[::2, ::2], _PERCENTILES))
        known = self._range
        if known is not None and known[0] <= low and high <= known[1]:
            return known
        margin = _MARGIN * max(high - low, _LEAST_RANGE)
        low, high = low - margin, high + margin
        if known is not None:
            low, high = min(low, known[0]), max(high, known[1])
        self._range = low, high
        self._notice(
            f'16UC1 is read as gray, {low:.0f} black and {high:.0f} white (input.generic_as_gray)'
        )
        return low, high
