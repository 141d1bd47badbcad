from array import array
from itertools import count

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vggt_ros.errors import InputError
from vggt_ros.ros.input.calibration import CalibrationReader
from vggt_ros.ros.input.image_input import ImageInput
from vggt_ros.ros.middleware.messages import header_of, rgb_image

STAMP_NS = 1_700_000_000_123_456_789


def image_message(pixels, encoding, *, step=None, stamp_ns=STAMP_NS, frame_id='cam', big=0):
    height, width = pixels.shape[:2]
    return Image(
        header=header_of(stamp_ns, frame_id),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=big,
        step=pixels[0].nbytes if step is None else step,
        data=array('B', pixels.tobytes()),
    )


def info_message(width=6, height=4, k=(100.0, 0.0, 3.0, 0.0, 110.0, 2.0, 0.0, 0.0, 1.0), **more):
    return CameraInfo(width=width, height=height, k=list(k), **more)


@pytest.fixture
def rgb(rng):
    return rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)


def images_of(camera_frame='', topic='/camera/image_raw', rectify='auto'):
    return ImageInput(0, camera_frame, CalibrationReader(rectify, topic), count())


def refusal(message, calibration=None):
    with pytest.raises(InputError) as caught:
        images_of().frame(message, calibration).decoded()
    return caught.value


@pytest.mark.parametrize(
    ('encoding', 'encode'),
    [
        ('rgb8', lambda rgb: rgb),
        ('bgr8', lambda rgb: rgb[..., ::-1].copy()),
        ('rgba8', lambda rgb: np.dstack([rgb, rgb[..., 0]])),
        ('bgra8', lambda rgb: np.dstack([rgb[..., ::-1], rgb[..., 0]])),
        ('rgb16', lambda rgb: rgb.astype('<u2') * 257),
        ('bgr16', lambda rgb: rgb[..., ::-1].astype('<u2') * 257),
    ],
)
def test_color_encodings_give_the_same_rgb(rgb, encoding, encode):
    frame = images_of().frame(image_message(encode(rgb), encoding), None).decoded()
    np.testing.assert_array_equal(frame.image, rgb)
    assert frame.image.flags.c_contiguous


@pytest.mark.parametrize(
    ('encoding', 'dtype', 'factor'), [('mono8', 'u1', 1), ('mono16', '<u2', 257)]
)
def test_gray_images_become_gray_rgb(rgb, encoding, dtype, factor):
    gray = rgb[..., 0].astype(dtype) * factor
    frame = images_of().frame(image_message(gray, encoding), None).decoded()
    np.testing.assert_array_equal(frame.image, np.repeat(rgb[..., :1], 3, axis=-1))


def test_bayer_images_are_demosaiced():
    flat = np.full((8, 8), 70, dtype=np.uint8)
    frame = images_of().frame(image_message(flat, 'bayer_rggb8'), None).decoded()
    np.testing.assert_array_equal(frame.image, np.full((8, 8, 3), 70))


def test_foreign_byte_order_is_honoured(rgb):
    message = image_message(rgb.astype('>u2') * 257, 'rgb16', big=1)
    np.testing.assert_array_equal(images_of().frame(message, None).decoded().image, rgb)


@pytest.mark.parametrize('padding', [1, 2, 3, 7])
def test_padded_rows_are_read_without_their_padding(rgb, padding):
    padded = np.zeros((4, 18 + padding), np.uint8)
    padded[:, :18] = rgb.reshape(4, 18)
    message = image_message(rgb, 'rgb8', step=18 + padding)
    message.data = array('B', padded.tobytes())
    np.testing.assert_array_equal(images_of().frame(message, None).decoded().image, rgb)


def test_frames_are_numbered_and_keep_stamp_and_frame(rgb):
    images = images_of()
    first = images.frame(image_message(rgb, 'rgb8'), None)
    second = images.frame(image_message(rgb, 'rgb8'), None)
    assert (first.id, second.id) == (0, 1)
    assert first.stamp_ns == STAMP_NS
    assert first.camera_frame == 'cam'
    assert first.K is None


def test_the_setting_overrides_the_frame_of_the_header(rgb):
    frame = images_of('left_optical').frame(image_message(rgb, 'rgb8', frame_id=''), None)
    assert frame.camera_frame == 'left_optical'


@pytest.mark.parametrize('encoding', ['', 'rgb9', 'jpeg', '32FC1', '8UC3'])
def test_an_encoding_that_is_no_picture_is_refused_by_name(rgb, encoding):
    floats = np.zeros((4, 6), '<f4') if encoding == '32FC1' else rgb
    error = refusal(image_message(floats, encoding))
    assert error.reason == 'bad_encoding'
    assert repr(encoding) in str(error)
    assert 'rgb8' in str(error)


def test_a_step_shorter_than_a_row_is_refused(rgb):
    error = refusal(image_message(rgb, 'rgb8', step=17))
    assert error.reason == 'bad_step'
    assert '17' in str(error)
    assert '18' in str(error)


def test_missing_rows_are_refused(rgb):
    message = image_message(rgb, 'rgb8')
    message.data = message.data[:-1]
    error = refusal(message)
    assert error.reason == 'bad_step'
    assert '71' in str(error)
    assert '72' in str(error)


@pytest.mark.parametrize(('height', 'width'), [(0, 6), (4, 0), (4, 6)])
def test_an_image_without_pixels_is_refused(height, width):
    message = Image(header=header_of(STAMP_NS, 'cam'), height=height, width=width, encoding='rgb8')
    message.step = 18
    assert refusal(message).reason == 'empty_image'


def test_a_zero_stamp_is_refused(rgb):
    assert refusal(image_message(rgb, 'rgb8', stamp_ns=0)).reason == 'stamp_zero'


def test_an_image_of_no_frame_is_refused(rgb):
    error = refusal(image_message(rgb, 'rgb8', frame_id=''))
    assert error.reason == 'no_frame_id'
    assert 'frames.camera' in str(error)


def test_the_calibration_is_used(rgb):
    frame = images_of().frame(image_message(rgb, 'rgb8'), info_message())
    np.testing.assert_array_equal(frame.K, [[100, 0, 3], [0, 110, 2], [0, 0, 1]])


def test_a_camera_that_says_it_is_not_calibrated_is_believed(rgb):
    frame = images_of().frame(image_message(rgb, 'rgb8'), info_message(k=[0.0] * 9))
    assert frame.K is None


@pytest.mark.parametrize(
    ('change', 'word'),
    [
        ({'k': [100.0, 0.0, np.nan, 0.0, 110.0, 2.0, 0.0, 0.0, 1.0]}, 'nan'),
        ({'k': [np.inf, 0.0, 3.0, 0.0, 110.0, 2.0, 0.0, 0.0, 1.0]}, 'inf'),
        ({'k': [-5.0, 0.0, 3.0, 0.0, 110.0, 2.0, 0.0, 0.0, 1.0]}, '-5'),
        ({'k': [100.0, 0.0, 3.0, 0.0, 0.0, 2.0, 0.0, 0.0, 1.0]}, '> 0'),
        ({'width': 640, 'height': 480}, '640 x 480'),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(rgb, change, word):
    error = refusal(image_message(rgb, 'rgb8'), info_message(**change))
    assert error.reason == 'bad_camera_info'
    assert word in str(error)
    assert 'input.use_camera_info' in str(error)


def planar(rgb, encoding):
    """An image with planes, made by another way than the one it is read by."""
    y, v, u = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
    first, second = (u, v) if encoding == 'nv12' else (v, u)
    colors = np.stack([first[::2, ::2], second[::2, ::2]], axis=-1).reshape(rgb.shape[0] // 2, -1)
    return np.concatenate([y, colors])


@pytest.mark.parametrize('encoding', ['nv12', 'nv21'])
@pytest.mark.parametrize('padding', [0, 10])
def test_planar_images_give_their_colors(encoding, padding):
    rgb = np.full((8, 12, 3), (200, 60, 90), np.uint8)
    rgb[:, 6:] = 30, 120, 180
    planes = np.pad(planar(rgb, encoding), ((0, 0), (0, padding)))
    message = Image(
        header=header_of(STAMP_NS, 'cam'), height=8, width=12, encoding=encoding, step=12 + padding
    )
    message.data.frombytes(planes.tobytes())
    decoded = images_of().frame(message, None).decoded().image
    # Video levels (16..235) against full ones, and another matrix: the colors are close.
    assert np.abs(decoded.astype(int) - rgb).max() < 30
    message.data = message.data[:-1]
    assert refusal(message).reason == 'bad_step'


def test_planar_images_have_even_sides():
    message = Image(header=header_of(STAMP_NS, 'cam'), height=3, width=4, encoding='nv12', step=4)
    message.data.frombytes(bytes(18))
    assert refusal(message).reason == 'bad_encoding'


@pytest.mark.parametrize(('alias', 'encoding'), [('uyvy', 'yuv422'), ('yuyv', 'yuv422_yuy2')])
def test_names_of_drivers_mean_what_they_say(rng, alias, encoding):
    pixels = rng.integers(0, 256, (4, 6, 2), dtype=np.uint8)
    found = [
        images_of().frame(image_message(pixels, name), None).decoded().image
        for name in (alias, encoding)
    ]
    np.testing.assert_array_equal(*found)


def compressed(rgb, extension='.png'):
    data = cv2.imencode(extension, np.ascontiguousarray(rgb[..., ::-1]))[1]
    message = CompressedImage(
        header=header_of(STAMP_NS, 'cam'), format='rgb8; png compressed bgr8'
    )
    message.data.frombytes(data.data)
    return message


def test_a_compressed_image_is_a_frame_like_a_raw_one(rgb):
    frame = images_of().frame(compressed(rgb), info_message())
    assert frame.size == (6, 4)
    np.testing.assert_array_equal(frame.decoded().image, rgb)
    np.testing.assert_array_equal(frame.K, [[100, 0, 3], [0, 110, 2], [0, 0, 1]])


def test_a_distorted_image_is_decoded_into_a_rectified_one(rng):
    rgb = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    info = info_message(
        width=64,
        height=48,
        k=(60.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0),
        distortion_model='plumb_bob',
        d=[-0.3, 0.1, 0.0, 0.0, 0.0],
    )
    frame = images_of().frame(image_message(rgb, 'rgb8'), info)
    assert frame.rectifier is not None
    decoded = frame.decoded()
    np.testing.assert_array_equal(decoded.K, frame.rectifier.K)
    assert (decoded.image != rgb).any()
    plain = images_of(rectify='never').frame(image_message(rgb, 'rgb8'), info).decoded()
    np.testing.assert_array_equal(plain.image, rgb)
    np.testing.assert_array_equal(plain.K, np.reshape(info.k, (3, 3)))


def test_a_leading_slash_of_the_frame_goes_with_one_warning(rgb):
    said = []
    images = ImageInput(0, '', CalibrationReader('auto', '/image'), count(), warn=said.append)
    for _ in range(3):
        frame = images.frame(image_message(rgb, 'rgb8', frame_id='/cam_optical'), None)
        assert frame.camera_frame == 'cam_optical'
    assert len(said) == 1
    assert "'/cam_optical'" in said[0]
    assert refusal(image_message(rgb, 'rgb8', frame_id='/')).reason == 'no_frame_id'


@pytest.mark.parametrize('frame_id', ['cam\n[FATAL] fake', '\x1b[31mcam', 'c' * 1_000_000])
def test_a_frame_id_that_is_no_name_is_refused_in_one_line(rgb, frame_id):
    message = rgb_image(header_of(STAMP_NS, frame_id), rgb)
    with pytest.raises(InputError, match='printable') as caught:
        images_of().frame(message, None)
    assert caught.value.reason == 'bad_frame_id'
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize('size', [(3, 100), (100, 3)])
def test_an_image_of_few_columns_or_rows_is_refused(size):
    message = rgb_image(header_of(STAMP_NS, 'cam'), np.zeros((size[1], size[0], 3), np.uint8))
    with pytest.raises(InputError, match=r"no camera's") as caught:
        images_of().frame(message, None)
    assert caught.value.reason == 'bad_shape'


def test_what_waits_knows_its_bytes(rgb):
    message = rgb_image(header_of(STAMP_NS, 'cam'), rgb)
    assert images_of().frame(message, None).num_bytes == rgb.nbytes
