import struct
import zlib

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage

from vggt_ros.errors import InputError
from vggt_ros.ros.input.compressed_pixels import CompressedPixels
from vggt_ros.ros.input.tones import Tones


def message_of(data, format_='jpeg'):
    message = CompressedImage(format=format_)
    message.data.frombytes(bytes(data))
    return message


@pytest.fixture
def rgb(rng):
    small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(small, (64, 48), interpolation=cv2.INTER_CUBIC)


def encoded(rgb, extension, *settings):
    return cv2.imencode(extension, np.ascontiguousarray(rgb[..., ::-1]), settings)[1]


@pytest.mark.parametrize(('extension', 'tolerance'), [('.png', 0), ('.jpg', 30), ('.webp', 40)])
def test_pictures_come_back_as_rgb(rgb, extension, tolerance):
    pixels = CompressedPixels(message_of(encoded(rgb, extension)))
    assert pixels.size == (64, 48)
    found = pixels.read_rows(slice(8, 20, 2)).astype(int)
    assert np.abs(found - rgb[8:20:2]).max() <= tolerance
    assert found.shape == (6, 64, 3)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_gray_pictures_become_gray_rgb(rgb, dtype):
    gray = rgb[..., 0].astype(dtype) * (257 if dtype is np.uint16 else 1)
    found = CompressedPixels(message_of(cv2.imencode('.png', gray)[1])).read_rows(slice(0, 48))
    np.testing.assert_array_equal(found, np.repeat(rgb[..., :1], 3, axis=-1))


def test_a_picture_is_not_turned(rgb):
    jpeg = bytes(encoded(rgb, '.jpg'))
    # EXIF with orientation 6: a viewer would turn it by a quarter.
    tiff = b'II*\0' + struct.pack('<IHHHIHHI', 8, 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b'Exif\0\0' + tiff
    turned = jpeg[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + jpeg[2:]
    pixels = CompressedPixels(message_of(turned))
    assert pixels.size == (64, 48)
    assert pixels.read_rows(slice(0, 48)).shape == (48, 64, 3)


def test_the_size_is_found_behind_a_long_preview(rgb):
    jpeg = bytes(encoded(rgb, '.jpg'))
    preview = b''.join(b'\xff\xe2' + struct.pack('>H', 60_002) + bytes(60_000) for _ in range(2))
    assert CompressedPixels(message_of(jpeg[:2] + preview + jpeg[2:])).size == (64, 48)


@pytest.mark.parametrize('data', [b'no picture at all', b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n'])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(InputError, match='JPEG, PNG, WebP or TIFF') as caught:
        CompressedPixels(message_of(data, 'jpeg'))
    assert caught.value.reason == 'bad_encoding'


def test_a_picture_that_breaks_off_is_refused_when_it_is_read(rgb):
    png = bytes(encoded(rgb, '.png'))
    pixels = CompressedPixels(message_of(png[:60], 'png'))
    with pytest.raises(InputError) as caught:
        pixels.read_rows(slice(0, 48))
    assert caught.value.reason == 'bad_encoding'


def test_nothing_and_depth_are_refused(rgb):
    with pytest.raises(InputError) as caught:
        CompressedPixels(message_of(b''))
    assert caught.value.reason == 'empty_image'
    with pytest.raises(InputError, match='depth'):
        CompressedPixels(message_of(encoded(rgb, '.png'), '32FC1; compressedDepth png'))


@pytest.mark.parametrize('size', [(60_000, 60_000), (9_000, 9_000)])
def test_a_picture_that_would_fill_the_memory_is_refused_by_its_header(size):
    header = struct.pack('>IIBBBBB', *size, 8, 2, 0, 0, 0)
    chunk = b'IHDR' + header
    png = b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + chunk
    png += struct.pack('>I', zlib.crc32(chunk)) + struct.pack('>I', 50) + b'IDAT' + bytes(60)
    with pytest.raises(InputError) as caught:
        CompressedPixels(message_of(png, 'png'))
    assert caught.value.reason == 'too_large'


def all_rows(data, format_, **more):
    return CompressedPixels(message_of(data, format_), **more).read_rows(slice(0, 48))


def mosaic_of(rgb):
    """What a sensor of the pattern rggb records."""
    mosaic = rgb[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = rgb[::2, ::2, 0], rgb[1::2, 1::2, 2]
    return mosaic


@pytest.fixture
def smooth():
    """Colors that change slowly, so that little is lost between the pixels of one color."""
    v, u = np.indices((48, 64))
    return np.stack([40 + 3 * u, 200 - 2 * v, 60 + u + v], axis=-1).astype(np.uint8)


@pytest.mark.parametrize('bits', [8, 16])
def test_a_mosaic_in_a_png_gets_its_colors(smooth, bits):
    mosaic = mosaic_of(smooth).astype(np.uint8 if bits == 8 else np.uint16)
    data = cv2.imencode('.png', mosaic * (1 if bits == 8 else 257))[1]
    found = all_rows(data, f'bayer_rggb{bits}; png compressed ')
    inside = np.abs(found.astype(int) - smooth)[2:-2, 2:-2]
    assert inside.max() <= 4


def test_a_mosaic_in_a_jpeg_is_refused_by_name(smooth):
    data = cv2.imencode('.jpg', mosaic_of(smooth))[1]
    for format_ in ('bayer_rggb8; jpeg compressed ', 'bayer_rggb8; jpeg compressed bayer_rggb8'):
        with pytest.raises(InputError, match='mosaic of a sensor in a JPEG') as caught:
            CompressedPixels(message_of(data, format_))
        assert caught.value.reason == 'bad_encoding'


def test_a_mosaic_that_was_made_a_picture_before_is_that_picture(smooth):
    gray = cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY)
    data = cv2.imencode('.jpg', gray)[1]
    found = all_rows(data, 'bayer_rggb8; jpeg compressed mono8')
    assert np.abs(found.astype(int) - gray[..., None]).max() <= 8
    found = all_rows(encoded(smooth, '.png'), 'bayer_rggb8; png compressed bgr8')
    np.testing.assert_array_equal(found, smooth)


@pytest.mark.parametrize(
    ('extension', 'format_'),
    [
        ('.png', 'rgb8; png compressed'),
        ('.png', 'bgr8; png compressed'),
        ('.tiff', 'rgb8; tiff compressed '),
    ],
)
def test_red_and_blue_that_the_publisher_exchanged_are_put_right(smooth, extension, format_):
    data = cv2.imencode(extension, smooth)[1]  # takes RGB for BGR, as those publishers do
    np.testing.assert_array_equal(all_rows(data, format_), smooth)


@pytest.mark.parametrize(
    ('extension', 'format_'),
    [
        ('.png', 'rgb8; png compressed bgr8'),
        ('.png', 'png'),
        ('.png', ''),
        ('.tiff', 'bgr8; tiff compressed '),
        ('.tiff', 'tiff'),
    ],
)
def test_all_other_colors_are_those_of_the_picture(smooth, extension, format_):
    np.testing.assert_array_equal(all_rows(encoded(smooth, extension), format_), smooth)


@pytest.mark.parametrize('format_', ['16UC1; png', '16UC1; png compressed ', '8UC1; png'])
def test_numbers_without_a_meaning_are_refused_as_raw_ones_are(format_):
    dtype = np.uint8 if format_.startswith('8') else np.uint16
    data = cv2.imencode('.png', np.full((48, 64), 200, dtype))[1]
    with pytest.raises(InputError, match='generic_as_gray') as caught:
        CompressedPixels(message_of(data, format_))
    assert caught.value.reason == 'bad_encoding'


def test_thermal_images_are_gray_on_request():
    warm = np.linspace(29_000, 31_000, 48 * 64).reshape(48, 64).astype(np.uint16)
    data = cv2.imencode('.png', warm)[1]
    found = all_rows(data, '16UC1; png compressed ', tones=Tones(generic_as_gray=True))
    assert 90 < found.mean() < 160
    assert found[-1, -1, 0] > found[0, 0, 0] + 180


def test_12_bits_in_a_png_are_stretched(rgb):
    gray = rgb[..., 0].astype(np.uint16) * 16
    gray[0, 0] = 4095
    lines = []
    found = all_rows(
        cv2.imencode('.png', gray)[1], 'mono16; png compressed ', tones=Tones(notice=lines.append)
    )
    assert np.abs(found[1:, :, 0].astype(int) - rgb[1:, :, 0]).max() <= 1
    assert len(lines) == 1 and 'input.bits' in lines[0]
