from array import array

from cv_bridge import CvBridge
import numpy as np
import pytest
from sensor_msgs.msg import Image

from vggt_ros.errors import InputError
from vggt_ros.ros.input.message_pixels import MessagePixels
from vggt_ros.ros.input.tones import Tones


class CountingBridge(CvBridge):
    """Remembers how many rows were decoded."""

    def __init__(self):
        super().__init__()
        self.decoded = []

    def imgmsg_to_cv2(self, message, **more):
        self.decoded.append(message.height)
        return super().imgmsg_to_cv2(message, **more)


@pytest.fixture
def bridge():
    return CountingBridge()


def message_of(pixels, encoding, padding=0):
    padded = np.pad(pixels.reshape(len(pixels), -1), ((0, 0), (0, padding)))
    return Image(
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        step=padded.shape[1],
        data=array('B', padded.tobytes()),
    )


@pytest.mark.parametrize('padding', [0, 2])
@pytest.mark.parametrize(
    ('encoding', 'channels'), [('bgr8', 3), ('mono8', 1), ('yuv422_yuy2', 2), ('bayer_rggb8', 1)]
)
@pytest.mark.parametrize('rows', [slice(0, 12, 3), slice(4, 9), slice(0, 12)])
def test_some_rows_are_those_of_the_whole_image(rng, bridge, encoding, channels, rows, padding):
    pixels = rng.integers(0, 256, (12, 8, channels), dtype=np.uint8)
    message = message_of(pixels, encoding, padding)
    whole = MessagePixels(bridge, message).read_rows(slice(0, 12))
    some = MessagePixels(bridge, message).read_rows(rows)
    assert some.shape == (len(range(12)[rows]), 8, 3)
    np.testing.assert_array_equal(some, whole[rows])


def test_only_the_rows_that_are_wanted_are_decoded(rng, bridge):
    pixels = rng.integers(0, 256, (12, 8, 3), dtype=np.uint8)
    reader = MessagePixels(bridge, message_of(pixels, 'bgr8'))
    assert bridge.decoded == []
    reader.read_rows(slice(0, 12, 3))
    assert bridge.decoded == [4]


def test_nothing_is_decoded_twice_once_all_of_it_was(rng, bridge):
    pixels = rng.integers(0, 256, (12, 8, 1), dtype=np.uint8)
    reader = MessagePixels(bridge, message_of(pixels, 'bayer_rggb8'))
    reader.read_rows(slice(0, 12, 3))  # needs the neighbors
    reader.read_rows(slice(0, 12))
    assert bridge.decoded == [12]


def test_what_is_wrong_with_the_message_is_told_before_anything_is_read(bridge):
    message = message_of(np.zeros((4, 6, 3), np.uint8), 'rgb8')
    message.step = 17
    with pytest.raises(InputError, match='step is 17 bytes; a row of 6 pixels in rgb8 has 18'):
        MessagePixels(bridge, message)


@pytest.mark.parametrize('is_bigendian', [0, 1])
@pytest.mark.parametrize('padding', [0, 4])
def test_12_bits_in_16_are_stretched_with_a_notice(rng, bridge, is_bigendian, padding):
    gray = rng.integers(0, 256, (12, 8), dtype=np.uint8)
    gray[0, 0] = 255
    values = (gray.astype(np.uint16) * 16).astype('>u2' if is_bigendian else '<u2')
    message = message_of(values.view(np.uint8), 'mono16', padding)
    message.width, message.is_bigendian = 8, is_bigendian
    lines = []
    reader = MessagePixels(bridge, message, Tones(notice=lines.append))
    found = reader.read_rows(slice(3, 9)).astype(int)
    assert np.abs(found - gray[3:9, :, None]).max() <= 1
    assert len(lines) == 1 and '12 bits' in lines[0] and 'input.bits' in lines[0]


def test_a_mosaic_of_12_bits_is_stretched(bridge):
    values = np.full((12, 8), 2048, '<u2')
    message = message_of(values.view(np.uint8), 'bayer_rggb16')
    message.width = 8
    found = MessagePixels(bridge, message, Tones(12)).read_rows(slice(0, 12))
    assert (np.abs(found.astype(int) - 128) <= 1).all()


@pytest.mark.parametrize('encoding', ['8UC1', '16UC1', '32FC1', '8UC', '64FC1', '16SC1'])
def test_numbers_without_a_meaning_are_refused_with_the_remedy(bridge, encoding):
    message = message_of(np.zeros((4, 8), np.uint8), encoding)
    with pytest.raises(InputError, match='generic_as_gray') as caught:
        MessagePixels(bridge, message)
    assert caught.value.reason == 'bad_encoding'


def test_infrared_and_thermal_images_are_gray_on_request(rng, bridge):
    tones = Tones(generic_as_gray=True)
    infrared = rng.integers(0, 256, (12, 8), dtype=np.uint8)
    found = MessagePixels(bridge, message_of(infrared, '8UC1', 2), tones).read_rows(slice(2, 5))
    np.testing.assert_array_equal(found, np.repeat(infrared[2:5, :, None], 3, axis=-1))
    thermal = np.linspace(29_000, 31_000, 96).reshape(12, 8).astype('<u2')
    message = message_of(thermal.view(np.uint8), '16UC1')
    message.width = 8
    found = MessagePixels(bridge, message, tones).read_rows(slice(0, 12))
    assert found[-1, -1, 0] > found[0, 0, 0] + 180


def test_names_in_messages_do_not_break_the_log(bridge):
    message = message_of(np.zeros((4, 8), np.uint8), 'rgb\n\x1b[31m' + 'x' * 1_000_000)
    with pytest.raises(InputError) as caught:
        MessagePixels(bridge, message)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700
