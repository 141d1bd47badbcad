import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vggt_ros.ros.middleware.messages import header_of
from vggt_ros.ros.middleware.payload import fill, message_bytes


@pytest.mark.parametrize('dtype', ['u1', '<u2', '<f4'])
def test_the_bytes_are_those_of_the_array_rows_first(dtype):
    values = np.arange(12).reshape(3, 4).astype(dtype)
    message = Image()
    fill(message.data, values)
    assert message.data.tobytes() == values.tobytes()


def test_a_view_with_gaps_is_packed():
    message = Image()
    fill(message.data, np.arange(24, dtype=np.uint8).reshape(4, 6)[::2, ::3])
    assert message.data.tolist() == [0, 3, 12, 15]


def test_messages_do_not_share_their_bytes():
    first, second = Image(), Image()
    fill(first.data, np.ones(3, np.uint8))
    assert len(second.data) == 0


def test_what_a_sender_may_make_large_is_counted():
    assert message_bytes(Image(data=bytes(1000))) == 1000
    for message in (
        Image(header=header_of(1, 'x' * 5000)),
        Image(encoding='x' * 5000),
        CompressedImage(format='x' * 5000),
        CameraInfo(distortion_model='x' * 5000),
        CameraInfo(d=[0.0] * 5000),
    ):
        assert 5000 <= message_bytes(message) <= 50_000
