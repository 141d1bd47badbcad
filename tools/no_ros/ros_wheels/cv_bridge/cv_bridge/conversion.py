"""Conversion of images between encodings: colors, mosaics and depths."""

from __future__ import annotations

import cv2
from cv_bridge.cv_type import CV_MAT_DEPTHWrap, DTYPES, getCvType
from cv_bridge.encoding import bit_depth, layout_of, num_channels
import numpy as np

# A conversion is a list of steps, each an OpenCV code or the change of depth.
_CHANGE_DEPTH = -1

_COLORS = {'mono': 'GRAY', 'rgb': 'RGB', 'bgr': 'BGR', 'rgba': 'RGBA', 'bgra': 'BGRA'}
_YUV = {
    'yuv422': 'UYVY',
    'uyvy': 'UYVY',
    'yuv422_yuy2': 'YUY2',
    'yuyv': 'YUY2',
    'nv12': 'NV12',
    'nv21': 'NV21',
    'nv24': 'NV12',  # after doubling the Y plane, see _with_quarter_chroma
}
# ROS names a mosaic after its first two rows, OpenCV after the second and third pixel of the
# second row.
_BAYER = {'bayer_rggb': 'BG', 'bayer_bggr': 'RG', 'bayer_gbrg': 'GR', 'bayer_grbg': 'GB'}
# When it rounds, OpenCV takes NaN and numbers from this one on for the smallest integer.
_INT32_OVERFLOW = 2.0**31


def cvtColor2(source: np.ndarray, encoding_in: str, encoding_out: str) -> np.ndarray | None:
    """Return a copy of an image in another encoding.

    Args:
        source: (H, W) or (H, W, C) image.
        encoding_in: Its encoding; believed, unless OpenCV notices a contradiction.
        encoding_out: The encoding wanted; with '' or `encoding_in`, only a copy is made.

    Returns:
        (H, W) for one channel, otherwise (H, W, C). From 8 to 16 bits the values are multiplied
        by 257, the other way divided; other depths keep the values, rounded and saturated. None
        if `source` is None and no conversion is asked for.

    Raises:
        RuntimeError: If there is no such conversion, or OpenCV cannot do it with this image.
        TypeError: If `source` is no array, or of a type that OpenCV does not have.
    """
    if encoding_out in ('', encoding_in):
        return None if source is None else opencv_image(source).copy()
    steps = _conversion_steps(encoding_in, encoding_out)
    if source is None:
        raise RuntimeError(f'no image to convert from [{encoding_in}] to [{encoding_out}]')
    image = opencv_image(source)
    if encoding_in == 'nv24':
        image = _with_quarter_chroma(image)
    for step in steps:
        if step == _CHANGE_DEPTH:
            dtype = DTYPES[CV_MAT_DEPTHWrap(getCvType(encoding_out))]
            bits = (bit_depth(encoding_in), bit_depth(encoding_out))
            scale = {(8, 16): 65535.0 / 255.0, (16, 8): 255.0 / 65535.0}.get(bits, 1.0)
            image = convert_depth(image, dtype, scale)
        else:
            try:
                image = cv2.cvtColor(image, step)
            except cv2.error as error:
                raise RuntimeError(str(error)) from error
    return np.ascontiguousarray(image[::2, ::2]) if encoding_in == 'nv24' else image


def _with_quarter_chroma(image: np.ndarray) -> np.ndarray:
    """Return an nv24 image as nv12 of twice the size: OpenCV knows no nv24.

    Its U and V are those of a quarter of the larger image's pixels; every second pixel of the
    larger image is a pixel of the original.
    """
    height, width = image.shape[0] // 3, image.shape[1]
    brightness = image[:height].repeat(2, axis=0).repeat(2, axis=1)
    return np.concatenate([brightness, image[height:].reshape(height, 2 * width)])


def opencv_image(source: np.ndarray) -> np.ndarray:
    """Return an image as OpenCV sees it: contiguous, without a third axis for one channel.

    Raises:
        TypeError: If `source` is no array, or of a type that OpenCV does not have.
    """
    if not isinstance(source, np.ndarray):
        raise TypeError(f'an image is a numpy array, not a {type(source).__name__}')
    dtype = source.dtype.newbyteorder('=')
    if dtype in (np.int64, np.uint64):
        dtype = np.dtype(np.int32)
    if dtype not in DTYPES:
        raise TypeError(f'OpenCV has no images of {source.dtype}')
    image = np.ascontiguousarray(source, dtype=dtype)
    return image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image


def convert_depth(image: np.ndarray, dtype: np.dtype, scale: float = 1.0) -> np.ndarray:
    """Return scale * image as another type, as cv::Mat::convertTo does.

    Integers are rounded to the nearest, halves to even, and saturated.
    """
    if scale != 1.0:
        image = image.astype(np.float32) * np.float32(scale)
    if dtype.kind == 'f' or np.can_cast(image.dtype, dtype):
        return image.astype(dtype)
    limits = np.iinfo(dtype)
    if image.dtype.kind != 'f':
        source_limits = np.iinfo(image.dtype)
        smallest = max(limits.min, source_limits.min)
        return np.clip(image, smallest, min(limits.max, source_limits.max)).astype(dtype)
    # Single precision cannot hold the greatest 32 bit integer.
    rounded = np.rint(image, dtype=np.float64 if dtype.itemsize == 4 else image.dtype)
    is_overflow = ~(rounded < _INT32_OVERFLOW)
    np.clip(rounded, limits.min, limits.max, out=rounded)
    rounded[is_overflow] = limits.min
    return rounded.astype(dtype)


def _conversion_steps(encoding_in: str, encoding_out: str) -> list[int]:
    """Return the steps from one encoding to another one.

    Raises:
        RuntimeError: If there are none.
    """
    source, target = layout_of(encoding_in), layout_of(encoding_out)
    same_channels = num_channels(encoding_in) == num_channels(encoding_out)
    if source is None and target is not None:
        raise RuntimeError(
            f'[{encoding_in}] is not a color format. but [{encoding_out}] is. '
            'The conversion does not make sense'
        )
    if source is None and not same_channels:
        raise RuntimeError(
            f'[{encoding_in}] and [{encoding_out}] do not have the same number of channel'
        )
    if target is None and not same_channels:
        raise RuntimeError(
            f'[{encoding_in}] is a color format but [{encoding_out}] is not so they must have '
            'the same OpenCV type, CV_8UC3, CV16UC1 ....'
        )
    if source is None or target is None:
        return [_CHANGE_DEPTH]
    if source == target and source in _COLORS:
        return [_CHANGE_DEPTH]
    code = _color_code(source, target)
    if code is None:
        raise RuntimeError(f'Unsupported conversion from [{encoding_in}] to [{encoding_out}]')
    is_depth_different = bit_depth(encoding_in) != bit_depth(encoding_out)
    return [code, _CHANGE_DEPTH] if is_depth_different else [code]


def _color_code(source: str, target: str) -> int | None:
    """Return OpenCV's code for a change of layout, or None where cv_bridge has none."""
    if source in _COLORS and target in _COLORS:
        name = f'{_COLORS[source]}2{_COLORS[target]}'
    elif source in _YUV and target in _COLORS:
        name = f'YUV2{_COLORS[target]}_{_YUV[source]}'
    elif source in _BAYER and target in ('mono', 'rgb', 'bgr'):
        name = f'Bayer{_BAYER[source]}2{_COLORS[target]}'
    else:
        return None
    return getattr(cv2, f'COLOR_{name}')
