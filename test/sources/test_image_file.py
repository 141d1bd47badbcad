import cv2
import numpy as np
from PIL import Image
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.image_file import read_image


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize('suffix', ['.png', '.bmp'])
def test_lossless_files_come_back_as_the_same_rgb(tmp_path, noise, suffix):
    path = tmp_path / f'a{suffix}'
    cv2.imwrite(str(path), noise[..., ::-1])
    image = read_image(path)
    np.testing.assert_array_equal(image, noise)
    assert image.flags.c_contiguous
    assert image.flags.writeable


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.jpg'])
@pytest.mark.parametrize('kept', [0.0, 0.05, 0.5, 0.9])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, noise, suffix, kept):
    path = tmp_path / f'broken{suffix}'
    cv2.imwrite(str(path), noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(SourceError, match=rf'broken\{suffix}.*replace or remove'):
        read_image(path)


def test_a_png_damaged_in_the_middle_is_an_error_that_names_it(tmp_path, noise):
    path = tmp_path / 'damaged.png'
    cv2.imwrite(str(path), noise)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r'damaged\.png'):
        read_image(path)


def test_text_with_the_name_of_a_picture_is_an_error(tmp_path):
    path = tmp_path / 'notes.jpg'
    path.write_text('not a picture\n')
    with pytest.raises(SourceError, match=r'notes\.jpg'):
        read_image(path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(SourceError, match=r'gone\.png'):
        read_image(tmp_path / 'gone.png')


def test_gray_becomes_rgb(tmp_path):
    path = tmp_path / 'gray.png'
    cv2.imwrite(str(path), np.full((4, 5), 77, np.uint8))
    np.testing.assert_array_equal(read_image(path), np.full((4, 5, 3), 77, np.uint8))


@pytest.mark.parametrize('shape', [(4, 5), (4, 5, 3)])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, shape):
    path = tmp_path / 'deep.png'
    cv2.imwrite(str(path), np.full(shape, 0x8123, np.uint16))
    np.testing.assert_array_equal(read_image(path), np.full((4, 5, 3), 0x81, np.uint8))


@pytest.mark.parametrize('mode', ['RGBA', 'LA', 'PA'])
def test_transparent_pixels_become_white(tmp_path, mode):
    pixels = np.zeros((2, 1, 4), np.uint8)
    pixels[1, 0] = (0, 0, 0, 255)
    image = Image.fromarray(pixels)
    if mode == 'LA':
        image = image.convert('LA')
    if mode == 'PA':
        image = image.quantize(4)
    path = tmp_path / 'clear.png'
    image.save(path)
    np.testing.assert_array_equal(read_image(path)[:, 0, 0], [255, 0])


def test_a_phone_picture_is_turned_upright(tmp_path):
    lying = np.zeros((8, 16, 3), np.uint8)
    lying[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter clockwise to display
    path = tmp_path / 'phone.jpg'
    Image.fromarray(lying).save(path, exif=exif, quality=95)
    image = read_image(path)
    assert image.shape == (16, 8, 3)
    assert image[:8].min() > 200
    assert image[8:].max() < 50
