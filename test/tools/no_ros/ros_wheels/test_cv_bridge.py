"""What this project relies on in cv_bridge; the real package passes it, too."""

import array
import sys
import time

import numpy as np
import pytest

cv2 = pytest.importorskip('cv2')
pytest.importorskip('sensor_msgs')
cv_bridge = pytest.importorskip('cv_bridge')

from cv_bridge.boost.cv_bridge_boost import CV_MAT_CNWrap, CV_MAT_DEPTHWrap  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

pytestmark = pytest.mark.ros

DTYPES = {
    '8U': 'uint8',
    '8S': 'int8',
    '16U': 'uint16',
    '16S': 'int16',
    '32S': 'int32',
    '32F': 'float32',
    '64F': 'float64',
}
LAYOUTS = {'mono': 1, 'rgb': 3, 'bgr': 3, 'rgba': 4, 'bgra': 4} | {
    f'bayer_{order}': 1 for order in ('rggb', 'bggr', 'gbrg', 'grbg')
}


@pytest.fixture
def bridge():
    return cv_bridge.CvBridge()


def random_image(shape, dtype):
    rng = np.random.default_rng(7)
    dtype = np.dtype(dtype)
    if dtype.kind == 'f':
        return rng.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def message(image, encoding, step=None):
    """An image message made without cv_bridge, each row followed by rubbish up to `step`."""
    rows = image.reshape(len(image), -1).view(np.uint8)
    step = step or rows.shape[1]
    padded = np.full((len(image), step), 0xAB, np.uint8)
    padded[:, : rows.shape[1]] = rows
    result = Image(height=image.shape[0], width=image.shape[1], encoding=encoding, step=step)
    result.is_bigendian = int(image.dtype.isnative == (sys.byteorder == 'big'))
    result.data = array.array('B', padded.tobytes())
    return result


@pytest.mark.parametrize('depth', DTYPES)
@pytest.mark.parametrize('channels', [None, 1, 2, 3, 4, 7])
def test_generic_encodings_have_their_type(bridge, depth, channels):
    encoding = depth if channels is None else f'{depth}C{channels}'
    cv_type = cv_bridge.getCvType(encoding)
    step = cv2.CV_8UC2 - cv2.CV_8UC1  # differs between OpenCV 4 and 5
    assert cv_type == getattr(cv2, f'CV_{depth}C1') + step * ((channels or 1) - 1)
    assert bridge.encoding_to_cvtype2(encoding) == cv_type
    assert CV_MAT_CNWrap(cv_type) == (channels or 1)
    assert CV_MAT_DEPTHWrap(cv_type) == getattr(cv2, f'CV_{depth}')
    expected = (DTYPES[depth], channels or 1)
    assert bridge.cvtype2_to_dtype_with_channels(cv_type) == expected
    assert bridge.encoding_to_dtype_with_channels(encoding) == expected


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize(('layout', 'channels'), LAYOUTS.items())
def test_color_encodings_have_their_type(bridge, layout, channels, bits):
    expected = (f'uint{bits}', channels)
    assert bridge.encoding_to_dtype_with_channels(f'{layout}{bits}') == expected


@pytest.mark.parametrize('encoding', ['yuv422', 'yuv422_yuy2'])
def test_packed_yuv_has_two_channels_of_bytes(bridge, encoding):
    assert bridge.encoding_to_dtype_with_channels(encoding) == ('uint8', 2)


@pytest.mark.parametrize(
    'encoding',
    [
        '',
        'rgb',
        'RGB8',
        'rgb32',
        'mono',
        '8UC',
        '8UC3 ',
        '16F',
        '8UCx',
        'bayer_rgbg8',
        'rgba8\n',
        'nv16',
    ],
)
def test_unknown_encodings_are_refused(bridge, encoding):
    with pytest.raises(RuntimeError, match='Unrecognized image encoding'):
        cv_bridge.getCvType(encoding)
    with pytest.raises(cv_bridge.CvBridgeError, match='Unrecognized image encoding'):
        bridge.imgmsg_to_cv2(message(np.zeros((2, 2, 2), np.uint8), encoding))


def test_tables_of_types_agree_with_opencv(bridge):
    assert bridge.cvtype_to_name[cv2.CV_8UC3] == '8UC3'
    assert bridge.cvtype_to_name[cv2.CV_64FC4] == '64FC4'
    assert len(bridge.cvtype_to_name) == 28
    assert bridge.cvdepth_to_numpy_depth[cv2.CV_32S] == 'int32'
    assert bridge.numpy_type_to_cvtype['float32'] == '32F'
    assert bridge.numpy_type_to_cvtype['32F'] == 'float32'
    assert bridge.dtype_with_channels_to_cvtype2(np.dtype('uint16'), 9) == '16UC9'


@pytest.mark.parametrize('depth', DTYPES)
@pytest.mark.parametrize('channels', [1, 2, 3, 4, 5])
def test_images_come_back_from_messages(bridge, depth, channels):
    shape = (5, 7) if channels == 1 else (5, 7, channels)
    image = random_image(shape, DTYPES[depth])
    sent = bridge.cv2_to_imgmsg(image)
    assert sent.encoding == f'{depth}C{channels}'
    assert (sent.height, sent.width, sent.is_bigendian) == (5, 7, int(sys.byteorder == 'big'))
    assert sent.step == 7 * channels * image.itemsize
    assert bytes(sent.data) == image.tobytes()
    received = bridge.imgmsg_to_cv2(sent)
    assert received.dtype == image.dtype
    np.testing.assert_array_equal(received, image)


@pytest.mark.parametrize('encoding', ['mono16', 'rgb16', '32FC1', '64FC3', '16SC2', 'rgb8'])
def test_foreign_byte_order_is_turned(bridge, encoding):
    dtype_name, channels = bridge.encoding_to_dtype_with_channels(encoding)
    image = random_image((3, 4, channels), dtype_name)
    foreign = image.astype(image.dtype.newbyteorder('S'))
    sent = message(foreign, encoding)
    if image.itemsize == 1:
        sent.is_bigendian = 1
    received = bridge.imgmsg_to_cv2(sent)
    assert received.dtype == np.dtype(dtype_name)
    assert received.dtype.isnative
    np.testing.assert_array_equal(received.reshape(image.shape), image)
    if image.itemsize > 1:
        returned = bridge.cv2_to_imgmsg(foreign, encoding)
        assert returned.is_bigendian == sent.is_bigendian
        assert returned.data == sent.data


@pytest.mark.parametrize(
    ('encoding', 'shape', 'step'),
    [
        ('mono8', (3, 5), 8),
        ('rgb8', (3, 5, 3), 18),
        ('16UC1', (3, 5), 32),
        ('32FC2', (3, 5, 2), 64),
    ],
)
def test_bytes_after_the_row_are_ignored(bridge, encoding, shape, step):
    dtype_name, _ = bridge.encoding_to_dtype_with_channels(encoding)
    image = random_image(shape, dtype_name)
    np.testing.assert_array_equal(bridge.imgmsg_to_cv2(message(image, encoding, step)), image)


def test_passthrough_shares_memory_with_the_message(bridge):
    sent = message(np.zeros((2, 3, 3), np.uint8), 'rgb8')
    bridge.imgmsg_to_cv2(sent)[0, 0, 0] = 9
    assert sent.data[0] == 9


def test_conversion_leaves_the_message_alone(bridge):
    sent = message(np.zeros((2, 3, 3), np.uint8), 'rgb8')
    bridge.imgmsg_to_cv2(sent, 'rgb8')[:] = 9
    assert not any(sent.data)


def test_data_shorter_than_the_image_are_refused(bridge):
    sent = message(np.zeros((4, 5, 3), np.uint8), 'rgb8')
    sent.data = sent.data[:-1]
    with pytest.raises(TypeError):
        bridge.imgmsg_to_cv2(sent)


def test_rows_shorter_than_the_width_give_a_narrower_image(bridge):
    sent = message(np.zeros((4, 5, 3), np.uint8), 'rgb8')
    sent.width = 9
    assert bridge.imgmsg_to_cv2(sent).shape == (4, 5, 3)


def test_image_without_pixels_passes_but_is_not_converted(bridge):
    sent = Image(encoding='rgb8')
    assert bridge.imgmsg_to_cv2(sent).size == 0
    with pytest.raises(cv_bridge.CvBridgeError):
        bridge.imgmsg_to_cv2(sent, 'bgr8')


def test_encoding_and_header_are_written(bridge):
    header = Header(frame_id='camera')
    sent = bridge.cv2_to_imgmsg(np.zeros((4, 5, 3), np.uint8), 'bgr8', header=header)
    assert sent.encoding == 'bgr8'
    assert sent.header == header


@pytest.mark.parametrize(
    ('shape', 'dtype', 'encoding'),
    [
        ((4, 5, 3), 'uint8', 'rgba8'),
        ((4, 5), 'uint8', 'mono16'),
        ((4, 5), 'float32', '64FC1'),
        ((4, 5), 'uint8', 'nv16'),
    ],
)
def test_encoding_of_another_type_is_refused(bridge, shape, dtype, encoding):
    with pytest.raises(cv_bridge.CvBridgeError):
        bridge.cv2_to_imgmsg(np.zeros(shape, dtype), encoding)


@pytest.mark.parametrize('image', [1, None, [[0, 1]], b'rgb'])
def test_only_arrays_are_images(bridge, image):
    with pytest.raises(TypeError):
        bridge.cv2_to_imgmsg(image)
    with pytest.raises(TypeError):
        bridge.cv2_to_compressed_imgmsg(image)


@pytest.mark.parametrize('dtype', ['bool', 'int64', 'float16'])
def test_types_that_opencv_lacks_are_a_key_error(bridge, dtype):
    with pytest.raises(KeyError):
        bridge.cv2_to_imgmsg(np.zeros((2, 2), dtype))


def test_image_without_rows_is_refused(bridge):
    with pytest.raises(ZeroDivisionError):
        bridge.cv2_to_imgmsg(np.zeros((0, 5), np.uint8))


def test_scattered_images_are_written_row_by_row(bridge):
    image = random_image((8, 6, 3), np.uint16)
    for part in (image[::2, 1:4], image[::-1], image.transpose(1, 0, 2)):
        np.testing.assert_array_equal(bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(part)), part)


def test_bytes_are_written_at_once(bridge):
    image = np.zeros((2000, 3000, 3), np.uint8)
    start_s = time.perf_counter()
    bridge.cv2_to_imgmsg(image, 'rgb8')
    # 18 MB are copied in some milliseconds; looking at every byte takes seconds.
    assert time.perf_counter() - start_s < 0.5


@pytest.mark.parametrize('shape', [(16, 24), (16, 24, 3), (16, 24, 4)])
def test_png_keeps_every_pixel(bridge, shape):
    image = random_image(shape, np.uint8)
    sent = bridge.cv2_to_compressed_imgmsg(image, 'png')
    assert sent.format == 'png'
    np.testing.assert_array_equal(bridge.compressed_imgmsg_to_cv2(sent), image)


def test_jpg_is_the_default_and_nearly_keeps_the_color(bridge):
    image = np.full((16, 16, 3), (40, 100, 200), np.uint8)
    sent = bridge.cv2_to_compressed_imgmsg(image)
    assert sent.format == 'jpg'
    received = bridge.compressed_imgmsg_to_cv2(sent)
    np.testing.assert_allclose(received.astype(int), image.astype(int), atol=3)


def test_compressed_depth_keeps_16_bits(bridge):
    depth_mm = random_image((16, 24), np.uint16)
    sent = bridge.cv2_to_compressed_imgmsg(depth_mm, 'png')
    np.testing.assert_array_equal(bridge.compressed_imgmsg_to_cv2(sent), depth_mm)


def test_compressed_image_counts_as_bgr8(bridge):
    image = random_image((4, 6, 3), np.uint8)
    sent = bridge.cv2_to_compressed_imgmsg(image, 'png')
    received = bridge.compressed_imgmsg_to_cv2(sent, 'rgb8')
    np.testing.assert_array_equal(received, image[:, :, ::-1])
    gray = bridge.cv2_to_compressed_imgmsg(np.zeros((4, 4), np.uint8), 'png')
    with pytest.raises(cv_bridge.CvBridgeError):
        bridge.compressed_imgmsg_to_cv2(gray, 'mono8')


def test_compressed_rubbish_gives_no_image(bridge):
    rubbish = CompressedImage(format='jpg')
    with pytest.raises(cv2.error):
        bridge.compressed_imgmsg_to_cv2(rubbish)
    rubbish.data.frombytes(b'not an image')
    assert bridge.compressed_imgmsg_to_cv2(rubbish) is None


def test_unknown_file_format_is_refused(bridge):
    with pytest.raises(cv2.error):
        bridge.cv2_to_compressed_imgmsg(np.zeros((4, 4), np.uint8), 'xyz')
