"""YUV encodings that the stand-in reads and the original (as of 2024) does not."""

import importlib.metadata

import cv2
import numpy as np
import pytest

cv_bridge = pytest.importorskip('cv_bridge', reason='needs cv_bridge or its stand-in')
sensor_msgs = pytest.importorskip('sensor_msgs.msg', reason='needs sensor_msgs')
owners = importlib.metadata.packages_distributions().get('cv_bridge', [])
pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(
        not any('standin' in owner for owner in owners), reason='the real cv_bridge is here'
    ),
]
HEIGHT, WIDTH = 6, 8


@pytest.fixture
def bridge():
    return cv_bridge.CvBridge()


@pytest.fixture
def yuv():
    """Y, U and V of all pixels; U and V are constant in blocks of 2 x 2."""
    rng = np.random.default_rng(0)
    y = rng.integers(16, 236, (HEIGHT, WIDTH), dtype=np.uint8)
    u, v = rng.integers(100, 150, (2, HEIGHT // 2, WIDTH // 2), dtype=np.uint8)
    return y, u.repeat(2, 0).repeat(2, 1), v.repeat(2, 0).repeat(2, 1)


def packed(yuv, encoding):
    y, u, v = yuv
    chroma = u.copy()
    chroma[:, 1::2] = v[:, 1::2]
    pair = [chroma, y] if encoding == 'uyvy' else [y, chroma]
    return np.stack(pair, axis=-1)


def planar(yuv, encoding):
    y, u, v = yuv
    step = 1 if encoding == 'nv24' else 2
    order = [v, u] if encoding == 'nv21' else [u, v]
    chroma = np.stack([plane[::step, ::step] for plane in order], axis=-1)
    return np.concatenate([y, chroma.reshape(-1, WIDTH)])


def message(rows, encoding):
    return sensor_msgs.Image(
        height=HEIGHT,
        width=WIDTH,
        encoding=encoding,
        step=rows.size // rows.shape[0],
        data=rows.tobytes(),
    )


@pytest.fixture
def expected(yuv):
    """The colors OpenCV gives the same pixels as nv12."""
    return cv2.cvtColor(planar(yuv, 'nv12'), cv2.COLOR_YUV2BGR_NV12)


@pytest.mark.parametrize('encoding', ['uyvy', 'yuyv'])
def test_packed_images_become_colors(bridge, yuv, expected, encoding):
    rows = packed(yuv, encoding)
    np.testing.assert_array_equal(bridge.imgmsg_to_cv2(message(rows, encoding)), rows)
    image = bridge.imgmsg_to_cv2(message(rows, encoding), 'bgr8')
    np.testing.assert_allclose(image.astype(int), expected, atol=2)


@pytest.mark.parametrize('encoding', ['nv12', 'nv21', 'nv24'])
def test_planar_images_become_colors(bridge, yuv, expected, encoding):
    rows = planar(yuv, encoding)
    np.testing.assert_array_equal(bridge.imgmsg_to_cv2(message(rows, encoding)), rows)
    image = bridge.imgmsg_to_cv2(message(rows, encoding), 'bgr8')
    np.testing.assert_allclose(image.astype(int), expected, atol=2)
    gray = bridge.imgmsg_to_cv2(message(rows, encoding), 'mono8')
    np.testing.assert_array_equal(gray, yuv[0])


@pytest.mark.parametrize('encoding', ['nv12', 'nv21', 'nv24'])
def test_planar_images_go_into_messages_with_their_own_height(bridge, yuv, encoding):
    rows = planar(yuv, encoding)
    sent = bridge.cv2_to_imgmsg(rows, encoding)
    assert (sent.height, sent.width, sent.step) == (HEIGHT, WIDTH, WIDTH)
    np.testing.assert_array_equal(bridge.imgmsg_to_cv2(sent), rows)


def test_colors_are_not_turned_into_yuv(bridge):
    image = message(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 'rgb8')
    with pytest.raises(cv_bridge.CvBridgeError, match='Unsupported conversion'):
        bridge.imgmsg_to_cv2(image, 'nv12')
