from array import array

from cv_bridge import CvBridge
import numpy as np
import pytest
from sensor_msgs.msg import Image

from vggt_ros.errors import InputError
from vggt_ros.ros.message_pixels import MessagePixels


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
    reader.read_rows(slice(0, 12, 3))  # needs the neighbours
    reader.read_rows(slice(0, 12))
    assert bridge.decoded == [12]


def test_what_is_wrong_with_the_message_is_told_before_anything_is_read(bridge):
    message = message_of(np.zeros((4, 6, 3), np.uint8), 'rgb8')
    message.step = 17
    with pytest.raises(InputError, match='step is 17 bytes; a row of 6 pixels in rgb8 has 18'):
        MessagePixels(bridge, message)
