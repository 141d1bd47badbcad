"""Conversion of any image to one that people can look at."""

from __future__ import annotations

import cv2
from cv_bridge.conversion import convert_depth, cvtColor2, opencv_image
from cv_bridge.encoding import bit_depth, is_color_or_mono, num_channels
from cv_bridge.label_color import label_colors
import numpy as np

_NO_COLORMAP = -1


def cvtColorForDisplay(
    source: np.ndarray,
    encoding_in: str,
    encoding_out: str,
    do_dynamic_scaling: bool = False,
    min_image_value: float = 0.0,
    max_image_value: float = 0.0,
    colormap: int = _NO_COLORMAP,
) -> np.ndarray:
    """Return an image for display, of 8 bits.

    Args:
        source: (H, W) or (H, W, C) image.
        encoding_in: Its encoding. 32SC1 shown as bgr8 counts as an image of labels, each of which
            gets its color; label -1, the background, is black.
        encoding_out: A color or mono encoding of 8 bits; '' for bgr8.
        do_dynamic_scaling: Spread the values from the smallest to the greatest finite one over
            all grays. An image of one value becomes medium gray, with three channels.
        min_image_value: The value that becomes black, without dynamic scaling.
        max_image_value: The value that becomes white; equal to the other one, nothing is scaled.
        colormap: One of OpenCV's color maps (cv2.COLORMAP_JET, ...) instead of grays, -1 for
            none; NaNs in 32FC1 become black.

    Raises:
        RuntimeError: If `encoding_out` is not fit for display, an image to be scaled has several
            channels, or there is no such conversion.
        TypeError: If `source` is no array, or of a type that OpenCV does not have.
    """
    encoding = _display_encoding(encoding_in, encoding_out)
    image = opencv_image(source)
    if encoding == 'bgr8' and encoding_in == '32SC1':
        return _color_labels(image)
    if do_dynamic_scaling:
        min_image_value, max_image_value = _finite_range(image)
        if min_image_value == max_image_value:
            return np.full((*image.shape[:2], 3), 128, dtype=np.uint8)
    if min_image_value != max_image_value:
        if num_channels(encoding_in) != 1:
            raise RuntimeError(
                f'an image [{encoding_in}] of several channels cannot be scaled for display'
            )
        gray = _scale(image, min_image_value, max_image_value)
        if colormap == _NO_COLORMAP:
            return cvtColor2(gray, 'mono8', encoding)
        colored = cv2.applyColorMap(gray, colormap)
        if encoding_in == '32FC1':
            colored[np.isnan(image)] = 0
        return cvtColor2(colored, 'bgr8', encoding)
    typed_encoding = 'mono16' if encoding_in == '16UC1' else encoding_in
    try:
        return cvtColor2(image, typed_encoding, encoding)
    except RuntimeError as error:
        raise RuntimeError(
            f"[{encoding_in}] cannot be converted to '{encoding}' for display ({error})"
        ) from error


def _display_encoding(encoding_in: str, encoding_out: str) -> str:
    """Return the encoding to show an image in.

    Raises:
        RuntimeError: If the encoding wanted is not fit for display, or none was wanted and the
            image is not one of at most 32 bits.
    """
    if encoding_out == '':
        if bit_depth(encoding_in) > 32:
            raise RuntimeError(f'no encoding given to show an image [{encoding_in}] in')
        return 'bgr8'
    if not is_color_or_mono(encoding_out) or bit_depth(encoding_out) != 8:
        raise RuntimeError(
            f"'{encoding_out}' is not fit for display: neither color nor mono, or not of 8 bits"
        )
    return encoding_out


def _color_labels(labels: np.ndarray) -> np.ndarray:
    colors = label_colors()
    remainder = np.fmod(labels, len(colors))  # negative for negative labels, as in C++
    image = colors[remainder]
    image[remainder < 0] = 0
    return image


def _finite_range(image: np.ndarray) -> tuple[float, float]:
    is_bounded = (~np.isinf(image)).astype(np.uint8)
    try:
        smallest, greatest, _, _ = cv2.minMaxLoc(image, is_bounded)
    except cv2.error as error:
        raise RuntimeError(str(error)) from error
    return smallest, greatest


def _scale(image: np.ndarray, min_value: float, max_value: float) -> np.ndarray:
    """Return the image as grays, in the two steps of OpenCV, each of which saturates."""
    precise = image.dtype in (np.int32, np.float64)
    work_dtype = np.dtype(np.float64 if precise else np.float32)
    above_min = image.astype(work_dtype) - work_dtype.type(min_value)
    above_min = convert_depth(above_min, image.dtype)
    return convert_depth(above_min, np.dtype(np.uint8), 255.0 / (max_value - min_value))
