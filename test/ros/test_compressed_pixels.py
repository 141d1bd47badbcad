import struct
import zlib

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage

from vggt_ros.errors import InputError
from vggt_ros.ros.compressed_pixels import CompressedPixels


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
def test_grey_pictures_become_grey_rgb(rgb, dtype):
    grey = rgb[..., 0].astype(dtype) * (257 if dtype is np.uint16 else 1)
    found = CompressedPixels(message_of(cv2.imencode('.png', grey)[1])).read_rows(slice(0, 48))
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
    with pytest.raises(InputError, match='JPEG, PNG or WebP') as caught:
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
