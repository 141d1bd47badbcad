"""How cv_bridge makes images that people can look at; the real package passes it, too."""

import numpy as np
import pytest

cv2 = pytest.importorskip('cv2')
pytest.importorskip('sensor_msgs')
cv_bridge = pytest.importorskip('cv_bridge')

pytestmark = pytest.mark.ros


def test_labels_are_shown_in_colors():
    labels = np.array([[-1, 0, 1, 7, 146, 118, -3]], np.int32)
    shown = cv_bridge.cvtColorForDisplay(labels, '32SC1', 'bgr8')
    # background, aliceblue, antiquewhite, black, aliceblue again, red, no color
    expected = [0, 0, 0], [255, 248, 239], [214, 235, 249], [0, 0, 0], [255, 248, 239]
    np.testing.assert_array_equal(shown, [[*expected, [0, 0, 255], [0, 0, 0]]])
    np.testing.assert_array_equal(cv_bridge.cvtColorForDisplay(labels, '32SC1', ''), shown)


def test_depth_is_scaled_between_its_finite_limits():
    depth = np.array([[1.0, 2.0, 3.0, np.inf]], np.float32)
    shown = cv_bridge.cvtColorForDisplay(depth, '32FC1', 'mono8', True)
    # What becomes of infinity when it is rounded depends on the processor.
    np.testing.assert_array_equal(shown[:, :3], [[0, 128, 255]])


def test_depth_is_scaled_between_given_limits():
    depth_mm = np.array([[500, 1000, 2000, 3000, 9000]], np.uint16)
    shown = cv_bridge.cvtColorForDisplay(
        depth_mm, '16UC1', 'bgr8', min_image_value=1000.0, max_image_value=3000.0
    )
    np.testing.assert_array_equal(shown, np.dstack([[[0, 0, 128, 255, 255]]] * 3))


def test_color_map_leaves_nan_black():
    depth = np.array([[0.0, 1.0, np.nan]], np.float32)
    shown = cv_bridge.cvtColorForDisplay(depth, '32FC1', 'bgr8', False, 0.0, 1.0, cv2.COLORMAP_JET)
    ends = cv2.applyColorMap(np.array([[0, 255]], np.uint8), cv2.COLORMAP_JET)
    np.testing.assert_array_equal(shown[:, :2], ends)
    np.testing.assert_array_equal(shown[0, 2], [0, 0, 0])


def test_image_of_one_value_is_shown_medium_gray():
    shown = cv_bridge.cvtColorForDisplay(np.ones((2, 3), np.float32), '32FC1', 'bgr8', True)
    np.testing.assert_array_equal(shown, np.full((2, 3, 3), 128))


def test_16_bits_without_scaling_are_shown_as_gray():
    shown = cv_bridge.cvtColorForDisplay(np.full((2, 3), 257 * 9, np.uint16), '16UC1', 'mono8')
    np.testing.assert_array_equal(shown, np.full((2, 3), 9))


@pytest.mark.parametrize(
    ('encoding_in', 'encoding_out', 'scaled'),
    [
        ('mono8', 'mono16', False),  # more than 8 bits
        ('mono8', '8UC1', False),  # no color
        ('64FC1', '', False),  # too deep to guess
        ('32FC1', 'bgr8', False),  # no limits given
        ('rgb8', 'bgr8', True),  # several channels
    ],
)
def test_what_cannot_be_shown_is_refused(encoding_in, encoding_out, scaled):
    dtype_name, channels = cv_bridge.CvBridge().encoding_to_dtype_with_channels(encoding_in)
    image = np.arange(12 * channels).astype(dtype_name).reshape(3, 4, channels)
    with pytest.raises(RuntimeError):
        cv_bridge.cvtColorForDisplay(image, encoding_in, encoding_out, scaled)
