"""Image messages of bags: pixels and depth of sensor_msgs/Image and CompressedImage.

A message is anything with the fields of one; images come out as RGB, depth in meters.
"""

from __future__ import annotations

import io
import re
import struct
from typing import Any

import cv2
from jaxtyping import Float32, Shaped, UInt8
import numpy as np
from PIL import Image

from vggt_ros.errors import InputError

# A few bytes can claim to be a picture that fills the memory.
_MAX_PIXELS = 50_000_000
_COLORS = {
    'rgb8': None,
    'bgr8': cv2.COLOR_BGR2RGB,
    '8UC3': cv2.COLOR_BGR2RGB,
    'rgba8': cv2.COLOR_RGBA2RGB,
    'bgra8': cv2.COLOR_BGRA2RGB,
    '8UC4': cv2.COLOR_BGRA2RGB,
    'mono8': cv2.COLOR_GRAY2RGB,
    '8UC1': cv2.COLOR_GRAY2RGB,
    'rgb16': None,
    'bgr16': cv2.COLOR_BGR2RGB,
    'mono16': cv2.COLOR_GRAY2RGB,
    # ROS names a mosaic by its first two rows, OpenCV by what is one pixel further.
    'bayer_rggb8': cv2.COLOR_BayerBG2RGB,
    'bayer_bggr8': cv2.COLOR_BayerRG2RGB,
    'bayer_gbrg8': cv2.COLOR_BayerGR2RGB,
    'bayer_grbg8': cv2.COLOR_BayerGB2RGB,
    'bayer_rggb16': cv2.COLOR_BayerBG2RGB,
    'bayer_bggr16': cv2.COLOR_BayerRG2RGB,
    'bayer_gbrg16': cv2.COLOR_BayerGR2RGB,
    'bayer_grbg16': cv2.COLOR_BayerGB2RGB,
    'yuv422': cv2.COLOR_YUV2RGB_UYVY,
    'uyvy': cv2.COLOR_YUV2RGB_UYVY,
    'yuv422_yuy2': cv2.COLOR_YUV2RGB_YUY2,
    'yuyv': cv2.COLOR_YUV2RGB_YUY2,
    'nv12': cv2.COLOR_YUV2RGB_NV12,
    'nv21': cv2.COLOR_YUV2RGB_NV21,
}
_CHANNELS = {
    **dict.fromkeys(('rgb8', 'bgr8', '8UC3', 'rgb16', 'bgr16'), 3),
    **dict.fromkeys(('rgba8', 'bgra8', '8UC4'), 4),
    **dict.fromkeys(('yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv'), 2),
}
_PLANAR = 'nv12', 'nv21'
_DEPTH = {'16UC1': np.uint16, 'mono16': np.uint16, '32FC1': np.float32}
DEPTH_ENCODINGS = ('16UC1', '32FC1')
_MM_PER_M = np.float32(1000.0)
_COMPRESSED_DEPTH = 'compressedDepth'
_CONFIG = struct.Struct('<iff')  # format, and two parameters of the inverse quantization


def is_depth(message: Any) -> bool:
    """Return whether a message is depth by its encoding."""
    if hasattr(message, 'encoding'):
        return message.encoding in DEPTH_ENCODINGS
    return _COMPRESSED_DEPTH in message.format or message.format.startswith(DEPTH_ENCODINGS)


def size_of(message: Any) -> tuple[int, int]:
    """Return width and height without decoding.

    Raises:
        InputError: `bad_encoding` or `too_large`.
    """
    if hasattr(message, 'encoding'):
        size = int(message.width), int(message.height)
    else:
        data = bytes(message.data)
        if _COMPRESSED_DEPTH in message.format:
            data = data[_CONFIG.size :]
        try:
            with Image.open(io.BytesIO(data)) as picture:
                size = picture.size
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise _unusable(message, f'it is no picture ({error})') from error
    if not 0 < size[0] * size[1] <= _MAX_PIXELS:
        raise InputError(
            'too_large', f'an image claims to be {size[0]} x {size[1]}, not 1 to {_MAX_PIXELS} px'
        )
    return size


def decode_image(message: Any) -> UInt8[np.ndarray, 'H W 3']:
    """Return (H, W, 3) RGB, contiguous; of 16 bits the upper 8 are kept.

    Raises:
        InputError: `bad_encoding`, `bad_step` or `too_large`: it is no image that can be read.
    """
    size = size_of(message)
    try:
        if not hasattr(message, 'encoding'):
            return _decompressed(message, size)
        encoding = message.encoding
        if encoding not in _COLORS:
            raise _unusable(message, f'known are {", ".join(_COLORS)}')
        dtype: Any = np.uint16 if encoding.endswith('16') else np.uint8
        values = _rows(message, dtype, _CHANNELS.get(encoding, 1))
        return _rgb(values, _COLORS[encoding])
    except cv2.error as error:
        raise _unusable(message, f'OpenCV cannot convert it ({error.err})') from error


def decode_depth(message: Any) -> Float32[np.ndarray, 'H W']:
    """Return (H, W) depth along the optical axis, meters, NaN where there is no reading.

    `16UC1` is millimeters, `32FC1` meters (REP 118).

    Raises:
        InputError: `bad_encoding`, `bad_step` or `too_large`.
    """
    size_of(message)
    if not hasattr(message, 'encoding'):
        return _decompressed_depth(message)
    if message.encoding not in _DEPTH:
        raise _unusable(message, 'depth is 16UC1 or 32FC1')
    values = _rows(message, _DEPTH[message.encoding], 1)
    return _known(values / _MM_PER_M if values.dtype == np.uint16 else values)


def _rows(message: Any, dtype: Any, channels: int) -> np.ndarray:
    """Return (H, W) or (H, W, C) values in this machine's order, without what pads the rows."""
    width, height, step = int(message.width), int(message.height), int(message.step)
    row_bytes = width * channels * np.dtype(dtype).itemsize
    num_rows = height * 3 // 2 if message.encoding in _PLANAR else height
    data = np.asarray(message.data, dtype=np.uint8)
    if step < row_bytes or len(data) < step * (num_rows - 1) + row_bytes:
        raise InputError(
            'bad_step',
            f'an image of {width} x {height} in {message.encoding} has the step {step} and '
            f'{len(data)} bytes; rows need {row_bytes} bytes and all of them must be there',
        )
    padded = np.zeros(step * num_rows, np.uint8)
    padded[: len(data)] = data[: len(padded)]
    packed = np.ascontiguousarray(padded.reshape(num_rows, step)[:, :row_bytes])
    order = '>' if message.is_bigendian else '<'
    values = packed.view(np.dtype(dtype).newbyteorder(order)).astype(dtype)
    return values if channels == 1 else values.reshape(num_rows, width, channels)


def _rgb(values: np.ndarray, code: int | None) -> UInt8[np.ndarray, 'H W 3']:
    if values.dtype == np.uint16:
        values = (values >> 8).astype(np.uint8)
    return np.ascontiguousarray(values if code is None else cv2.cvtColor(values, code))


def _decompressed(message: Any, size: tuple[int, int]) -> UInt8[np.ndarray, 'H W 3']:
    mosaic = re.match(r'bayer_\w+?(?=8|16)', message.format)
    # Not turned by what the header says about orientation: the calibration does not know it.
    flags = cv2.IMREAD_IGNORE_ORIENTATION | (
        cv2.IMREAD_GRAYSCALE if mosaic is not None else cv2.IMREAD_COLOR
    )
    image = cv2.imdecode(np.asarray(message.data, dtype=np.uint8), flags)
    if image is None or image.shape[1::-1] != size:
        raise _unusable(message, 'its data is damaged')
    code = cv2.COLOR_BGR2RGB if mosaic is None else _COLORS[f'{mosaic.group()}8']
    return _rgb(image, code)


def _decompressed_depth(message: Any) -> Float32[np.ndarray, 'H W']:
    data, parameters = np.asarray(message.data, dtype=np.uint8), (0, 0.0, 0.0)
    if _COMPRESSED_DEPTH in message.format:
        parameters = _CONFIG.unpack(data[: _CONFIG.size].tobytes())
        data = data[_CONFIG.size :]
    units = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if units is None or units.ndim != 2 or units.dtype != np.uint16:
        raise _unusable(message, 'compressed depth is a PNG of 16 bits')
    if not message.format.startswith('32FC1'):
        return _known(units / _MM_PER_M)
    # Of float32 the inverse is stored, in steps that grow with the distance.
    _, quant_a, quant_b = parameters
    is_read = (units > 0) & (units != quant_b)
    inverse = np.where(is_read, units.astype(np.float32) - np.float32(quant_b), np.float32(np.nan))
    return _known(np.float32(quant_a) / inverse)


def _known(depth: Shaped[np.ndarray, 'H W']) -> Float32[np.ndarray, 'H W']:
    meters = depth.astype(np.float32)
    with np.errstate(invalid='ignore'):
        is_known = np.isfinite(meters) & (meters > 0)
    return np.where(is_known, meters, np.float32(np.nan))


def _unusable(message: Any, why: str) -> InputError:
    said = message.encoding if hasattr(message, 'encoding') else message.format
    return InputError('bad_encoding', f'an image with the encoding {said[:60]!r}: {why}')
