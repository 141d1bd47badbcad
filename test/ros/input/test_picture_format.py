import pytest

from vggt_ros.ros.input.picture_format import parse_format

# (format, codec): what is in the picture.
ENCODINGS = {
    'jpeg': '',
    'png': '',
    'rgb8; jpeg compressed': 'rgb8',
    'rgb8; jpeg compressed bgr8': 'rgb8',
    'bgr16; png compressed bgr16': 'bgr16',
    'mono8; jpeg compressed ': 'mono8',
    'mono16; jpeg compressed mono8': 'mono16',
    'rgb8; tiff compressed ': 'rgb8',
    'bayer_rggb8; png compressed ': 'bayer_rggb8',
    '16UC1; png': '16UC1',
    'image/jpeg': '',
    'bayer_grbg8': 'bayer_grbg8',
    '': '',
}


@pytest.mark.parametrize(('format_', 'encoding'), ENCODINGS.items())
def test_the_encoding_before_compression_is_read(format_, encoding):
    assert parse_format(format_).encoding == encoding


@pytest.mark.parametrize(
    ('format_', 'is_mosaic'),
    [
        ('bayer_rggb8; png compressed ', True),
        ('bayer_rggb8; jpeg compressed ', True),
        ('bayer_rggb8; jpeg compressed bayer_rggb8', True),
        ('bayer_gbrg16; png', True),
        ('bayer_rggb8; jpeg compressed mono8', False),
        ('bayer_rggb8; jpeg compressed bgr8', False),
        ('rgb8; png compressed bgr8', False),
    ],
)
def test_a_mosaic_is_one_unless_the_compressor_was_given_something_else(format_, is_mosaic):
    assert parse_format(format_).is_mosaic is is_mosaic


@pytest.mark.parametrize(
    ('format_', 'codec', 'is_exchanged'),
    [
        ('rgb8; jpeg compressed', 'JPEG', True),
        ('bgr8; png compressed', 'PNG', True),
        ('rgb8; jpeg compressed bgr8', 'JPEG', False),
        ('rgba8; png compressed bgr8', 'PNG', False),
        ('rgb8; tiff compressed ', 'TIFF', True),
        ('bgr8; tiff compressed ', 'TIFF', False),
        ('mono8; jpeg compressed ', 'JPEG', False),
        ('rgb8; png', 'PNG', False),
        ('jpeg', 'JPEG', False),
    ],
)
def test_red_and_blue_are_where_the_publisher_put_them(format_, codec, is_exchanged):
    assert parse_format(format_).has_rgb_as_bgr(codec) is is_exchanged


@pytest.mark.parametrize(
    'format_',
    ['32FC1; compressedDepth', '16UC1; compressedDepth png', '16UC1; compressedDepth rvl'],
)
def test_depth_is_told_from_pictures(format_):
    assert parse_format(format_).is_depth
    assert not parse_format('16UC1; png compressed ').is_depth
