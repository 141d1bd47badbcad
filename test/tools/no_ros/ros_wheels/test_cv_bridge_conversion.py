"""The conversions between encodings that cv_bridge does; the real package passes it, too."""

from itertools import permutations

import numpy as np
import pytest

cv2 = pytest.importorskip('cv2')
pytest.importorskip('sensor_msgs')
cv_bridge = pytest.importorskip('cv_bridge')

from cv_bridge.boost.cv_bridge_boost import cvtColor2  # noqa: E402

pytestmark = pytest.mark.ros

COLORS = ('rgb', 'bgr', 'rgba', 'bgra')
BAYER = {'bayer_rggb': 'rggb', 'bayer_bggr': 'bggr', 'bayer_gbrg': 'gbrg', 'bayer_grbg': 'grbg'}
RGB = {'r': 200, 'g': 100, 'b': 40, 'a': 255}


@pytest.fixture
def bridge():
    return cv_bridge.CvBridge()


@pytest.fixture
def convert(bridge):
    """Converts an image on its way through a message."""

    def through_message(image, source, target):
        return bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(image, source), target)

    return through_message


def flat_image(layout, dtype='uint8'):
    """A 4 x 6 image of one color; 16 bit values are 257 times those of 8 bits."""
    values = [RGB[channel] for channel in layout]
    scale = 257 if np.dtype(dtype) == np.uint16 else 1
    return np.tile(np.array(values, dtype) * np.dtype(dtype).type(scale), (4, 6, 1))


@pytest.mark.parametrize(('source', 'target'), list(permutations(COLORS, 2)))
@pytest.mark.parametrize('bits_in', [8, 16])
@pytest.mark.parametrize('bits_out', [8, 16])
def test_colors_keep_their_meaning(convert, source, target, bits_in, bits_out):
    image = flat_image(source, f'uint{bits_in}')
    converted = convert(image, f'{source}{bits_in}', f'{target}{bits_out}')
    expected = flat_image(target, f'uint{bits_out}')
    assert converted.dtype == expected.dtype
    np.testing.assert_array_equal(converted, expected)


@pytest.mark.parametrize('layout', COLORS)
@pytest.mark.parametrize('bits', [8, 16])
def test_gray_is_the_luma_of_the_color(convert, layout, bits):
    image = flat_image(layout, f'uint{bits}')
    gray = convert(image, f'{layout}{bits}', 'mono8')
    luma = 0.299 * RGB['r'] + 0.587 * RGB['g'] + 0.114 * RGB['b']
    assert gray.shape == (4, 6)
    np.testing.assert_allclose(gray, luma, atol=1)
    colored = convert(gray, 'mono8', f'{layout}{bits}')
    scale = 257 if bits == 16 else 1
    np.testing.assert_array_equal(colored[..., :3], np.dstack([gray] * 3).astype(int) * scale)


def test_gray_changes_depth_by_257(convert):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    deep = convert(gray, 'mono8', 'mono16')
    np.testing.assert_array_equal(deep, gray.astype(np.uint16) * 257)
    np.testing.assert_array_equal(convert(deep, 'mono16', 'mono8'), gray)
    between = np.array([[128, 129, 65535 - 128, 65535 - 129]], np.uint16)
    shallow = convert(between, 'mono16', 'mono8')
    np.testing.assert_array_equal(shallow, [[0, 1, 255, 254]])


@pytest.mark.parametrize('layout', BAYER)
@pytest.mark.parametrize('bits', [8, 16])
def test_mosaic_becomes_its_color(convert, layout, bits):
    scale = 257 if bits == 16 else 1
    cell = np.array([RGB[channel] * scale for channel in BAYER[layout]], f'uint{bits}')
    mosaic = np.tile(cell.reshape(2, 2), (4, 5))
    for target in ('rgb', 'bgr'):
        image = convert(mosaic, f'{layout}{bits}', f'{target}8')
        np.testing.assert_array_equal(image[2:-2, 2:-2], flat_image(target)[:4, :6])
    gray = convert(mosaic, f'{layout}{bits}', 'mono8')
    np.testing.assert_allclose(gray[2:-2, 2:-2], 123.0, atol=1)


@pytest.mark.parametrize(('encoding', 'order'), [('yuv422', 'UYVY'), ('yuv422_yuy2', 'YUYV')])
def test_packed_yuv_becomes_its_color(convert, encoding, order):
    red = {'Y': 81, 'U': 90, 'V': 240}  # BT.601, studio range
    pair = np.array([red[name] for name in order], np.uint8).reshape(1, 2, 2)
    image = np.tile(pair, (4, 3, 1))
    red_by_layout = {'rgb8': (255, 0, 0), 'bgr8': (0, 0, 255), 'bgra8': (0, 0, 255, 255)}
    for target, expected in red_by_layout.items():
        converted = convert(image, encoding, target)
        np.testing.assert_allclose(converted, np.tile(expected, (4, 6, 1)), atol=2)
    np.testing.assert_array_equal(convert(image, encoding, 'mono8'), np.full((4, 6), 81))


@pytest.mark.parametrize(
    ('source', 'target', 'complaint'),
    [
        ('8UC3', 'bgr8', 'not a color format'),
        ('8UC1', 'mono8', 'not a color format'),
        ('16UC1', 'mono16', 'not a color format'),
        ('8UC3', '8UC1', 'same number of channel'),
        ('rgb8', '8UC4', 'is a color format'),
        ('mono8', 'bayer_rggb8', 'Unsupported conversion'),
        ('bayer_rggb8', 'rgba8', 'Unsupported conversion'),
        ('bayer_rggb8', 'bayer_bggr8', 'Unsupported conversion'),
        ('rgb8', 'yuv422', 'Unsupported conversion'),
        ('yuv422', 'yuv422_yuy2', 'Unsupported conversion'),
        ('rgb8', 'hsv8', 'Unknown encoding hsv8'),
        ('8U', 'mono8', 'Unknown encoding 8U'),
    ],
)
def test_senseless_conversions_are_refused(bridge, convert, source, target, complaint):
    dtype_name, channels = bridge.encoding_to_dtype_with_channels(source)
    with pytest.raises(cv_bridge.CvBridgeError, match=complaint):
        convert(np.zeros((4, 4, channels), dtype_name), source, target)


@pytest.mark.parametrize(
    ('source', 'target', 'values', 'expected'),
    [
        ('16UC1', '32FC1', [0, 1500, 65535], [0.0, 1500.0, 65535.0]),
        ('32FC1', '16UC1', [-1.0, 0.5, 1.5, 70000.0, np.nan], [0, 0, 2, 65535, 0]),
        ('mono16', '16UC1', [7, 65535], [7, 65535]),
        ('mono8', '32FC1', [7, 255], [7.0, 255.0]),
        ('32SC1', '8UC1', [-5, 5, 500], [0, 5, 255]),
        ('16UC1', '8UC1', [0, 257, 65535], [0, 1, 255]),
    ],
)
def test_images_change_their_depth(bridge, convert, source, target, values, expected):
    dtype_name, _ = bridge.encoding_to_dtype_with_channels(source)
    converted = convert(np.array([values], dtype_name), source, target)
    assert converted.dtype == bridge.encoding_to_dtype_with_channels(target)[0]
    np.testing.assert_array_equal(converted, [expected])


def test_conversion_takes_scattered_images():
    image = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)
    converted = cvtColor2(image[::2, ::-1], 'rgb8', 'bgr8')
    np.testing.assert_array_equal(converted, image[::2, ::-1, ::-1])


def test_contradiction_found_by_opencv_is_a_runtime_error():
    with pytest.raises(RuntimeError):
        cvtColor2(np.zeros((4, 4, 2), np.uint8), 'rgb8', 'bgr8')


def test_foreign_byte_order_is_turned_before_conversion(convert):
    image = flat_image('rgb', 'uint16').astype('>u2')
    np.testing.assert_array_equal(convert(image, 'rgb16', 'bgr8'), flat_image('bgr'))
