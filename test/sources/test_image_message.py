import struct

import cv2
import numpy as np
import pytest

from vggt_ros.errors import InputError
from vggt_ros.sources.image_message import decode_depth, decode_image, is_depth, size_of

RGB = np.array([[[200, 30, 40], [20, 180, 60]], [[50, 70, 220], [9, 8, 7]]], np.uint8)
GRAY = np.array([[0, 90, 255], [1, 2, 3]], np.uint8)


def alpha(image):
    return np.concatenate([image, np.full((*image.shape[:2], 1), 99, np.uint8)], axis=-1)


@pytest.mark.parametrize(
    ('encoding', 'pixels'),
    [
        ('rgb8', RGB),
        ('bgr8', RGB[..., ::-1]),
        ('8UC3', RGB[..., ::-1]),
        ('rgba8', alpha(RGB)),
        ('bgra8', alpha(RGB[..., ::-1])),
        ('rgb16', RGB.astype(np.uint16) << 8 | 5),
        ('bgr16', RGB[..., ::-1].astype(np.uint16) << 8),
    ],
)
@pytest.mark.parametrize('padding', [0, 6])
def test_colors_come_out_as_rgb(ros2_messages, encoding, pixels, padding):
    image = decode_image(ros2_messages.image(1, pixels, encoding, padding=padding))
    np.testing.assert_array_equal(image, RGB)
    assert image.flags.c_contiguous


@pytest.mark.parametrize(
    ('encoding', 'pixels', 'is_bigendian'),
    [
        ('mono8', GRAY, 0),
        ('8UC1', GRAY, 0),
        ('mono16', GRAY.astype('<u2') << 8 | 77, 0),
        ('mono16', (GRAY.astype('<u2') << 8 | 77).astype('>u2'), 1),
    ],
)
def test_gray_has_three_equal_channels(ros2_messages, encoding, pixels, is_bigendian):
    message = ros2_messages.image(1, pixels, encoding, padding=4, is_bigendian=is_bigendian)
    np.testing.assert_array_equal(decode_image(message), np.repeat(GRAY[..., None], 3, axis=-1))


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize(
    ('pattern', 'red', 'blue'),
    [
        ('rggb', (0, 0), (1, 1)),
        ('bggr', (1, 1), (0, 0)),
        ('gbrg', (1, 0), (0, 1)),
        ('grbg', (0, 1), (1, 0)),
    ],
)
def test_a_mosaic_is_read_by_its_first_two_rows(ros2_messages, pattern, red, blue, bits):
    mosaic = np.full((12, 12), 120, np.uint8)  # green
    mosaic[red[0] :: 2, red[1] :: 2] = 240
    mosaic[blue[0] :: 2, blue[1] :: 2] = 10
    pixels = mosaic if bits == 8 else mosaic.astype(np.uint16) << 8
    image = decode_image(ros2_messages.image(1, pixels, f'bayer_{pattern}{bits}'))
    np.testing.assert_array_equal(image[4:8, 4:8], np.broadcast_to([240, 120, 10], (4, 4, 3)))


@pytest.mark.parametrize(
    ('encoding', 'order'),
    [('yuv422', 'uyvy'), ('uyvy', 'uyvy'), ('yuv422_yuy2', 'yuyv'), ('yuyv', 'yuyv')],
)
def test_half_of_the_colors_are_shared_by_two_pixels(ros2_messages, encoding, order):
    values = {'y': 81, 'u': 90, 'v': 240}  # red, of BT.601
    pixels = np.tile([values[each] for each in order], (2, 2)).astype(np.uint8).reshape(2, 4, 2)
    image = decode_image(ros2_messages.image(1, pixels, encoding))
    assert image.shape == (2, 4, 3)
    np.testing.assert_allclose(image, np.broadcast_to([255, 0, 0], (2, 4, 3)), atol=3)


def test_planes_of_brightness_and_color_are_read(ros2_messages):
    planes = np.full((6, 4), 81, np.uint8)
    planes[4:] = np.tile([90, 240], (2, 2))
    image = decode_image(ros2_messages.image(1, planes, 'nv12', padding=4))
    assert image.shape == (4, 4, 3)
    np.testing.assert_allclose(image, np.broadcast_to([255, 0, 0], (4, 4, 3)), atol=3)


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_pictures_are_decoded_and_their_size_is_known_before(ros2_messages, suffix):
    picture = np.full((20, 30, 3), (10, 200, 60), np.uint8)
    _, data = cv2.imencode(suffix, picture[..., ::-1])
    message = ros2_messages.compressed(1, data, 'rgb8; jpeg compressed bgr8')
    assert size_of(message) == (30, 20)
    assert not is_depth(message)
    np.testing.assert_allclose(decode_image(message), picture, atol=4)


def test_a_gray_picture_has_three_channels(ros2_messages):
    _, data = cv2.imencode('.png', GRAY)
    image = decode_image(ros2_messages.compressed(1, data, 'mono8; png compressed'))
    np.testing.assert_array_equal(image[..., 1], GRAY)


def test_a_mosaic_in_a_picture_is_read_by_its_format(ros2_messages):
    mosaic = np.full((12, 12), 120, np.uint8)
    mosaic[::2, ::2], mosaic[1::2, 1::2] = 240, 10
    _, data = cv2.imencode('.png', mosaic)
    image = decode_image(ros2_messages.compressed(1, data, 'bayer_rggb8; png compressed bayer'))
    assert image[6, 6].tolist() == [240, 120, 10]


@pytest.mark.parametrize('is_bigendian', [0, 1])
def test_depth_is_millimeters_or_meters(ros2_messages, is_bigendian):
    order = '>' if is_bigendian else '<'
    units = np.array([[0, 1500], [65534, 7]], f'{order}u2')
    message = ros2_messages.image(1, units, '16UC1', padding=2, is_bigendian=is_bigendian)
    assert is_depth(message)
    np.testing.assert_allclose(decode_depth(message), [[np.nan, 1.5], [65.534, 0.007]], rtol=1e-6)
    meters = np.array([[np.nan, 1.5], [np.inf, -1]], f'{order}f4')
    message = ros2_messages.image(1, meters, '32FC1', is_bigendian=is_bigendian)
    assert is_depth(message)
    np.testing.assert_array_equal(decode_depth(message), [[np.nan, 1.5], [np.nan, np.nan]])


def test_compressed_depth_has_a_header_before_its_picture(ros2_messages):
    _, png = cv2.imencode('.png', np.array([[0, 1500]], np.uint16))
    header = struct.pack('<iff', 0, 0, 0)
    message = ros2_messages.compressed(1, header + png.tobytes(), '16UC1; compressedDepth png')
    assert is_depth(message)
    assert size_of(message) == (2, 1)
    np.testing.assert_allclose(decode_depth(message), [[np.nan, 1.5]])


def test_compressed_depth_of_floats_is_stored_inverse(ros2_messages):
    quant_a, quant_b = 10000.0, -99.0
    meters = np.array([[0.5, 2.0, 8.0]])
    units = np.rint(quant_a / meters + quant_b).astype(np.uint16)
    units = np.hstack([units, [[0]]]).astype(np.uint16)
    _, png = cv2.imencode('.png', units)
    data = struct.pack('<iff', 0, quant_a, quant_b) + png.tobytes()
    depth = decode_depth(ros2_messages.compressed(1, data, '32FC1; compressedDepth png'))
    np.testing.assert_allclose(depth[0, :3], meters[0], rtol=1e-3)
    assert np.isnan(depth[0, 3])


def changed(message, **values):
    for name, value in values.items():
        object.__setattr__(message, name, value)
    return message


@pytest.mark.parametrize(
    ('values', 'reason'),
    [
        ({'encoding': 'hsv8'}, 'bad_encoding'),
        ({'step': 5}, 'bad_step'),
        ({'height': 3}, 'bad_step'),
        ({'width': 0}, 'too_large'),
        ({'width': 90000, 'height': 90000}, 'too_large'),
        ({'data': np.zeros(0, np.uint8)}, 'bad_step'),
    ],
)
def test_an_image_that_cannot_be_is_refused_with_its_reason(ros2_messages, values, reason):
    with pytest.raises(InputError) as info:
        decode_image(changed(ros2_messages.image(1, RGB), **values))
    assert info.value.reason == reason


def test_damaged_pictures_and_what_is_no_depth_are_refused(ros2_messages):
    _, data = cv2.imencode('.png', GRAY)
    for broken in (b'', b'no picture', data.tobytes()[:50]):
        with pytest.raises(InputError, match='an image with the encoding'):
            decode_image(ros2_messages.compressed(1, broken, 'png'))
    with pytest.raises(InputError, match='depth is 16UC1 or 32FC1'):
        decode_depth(ros2_messages.image(1, RGB))
    with pytest.raises(InputError, match='a PNG of 16 bits'):
        decode_depth(ros2_messages.compressed(1, data, '16UC1; png'))
