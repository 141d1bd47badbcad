import numpy as np
import pytest
from sensor_msgs.msg import Image

from vggt_ros.input_config import InputSettings
from vggt_ros.ros.depth_input import depth_from_image, DepthInput
from vggt_ros.ros.messages import depth_image, header_of
from vggt_ros.ros.payload import fill
from vggt_ros.ros.qos_events import QosEvents


def image_of(depth_m, encoding='32FC1', stamp_ns=0):
    return depth_image(header_of(stamp_ns, 'depth_optical'), depth_m, encoding)


@pytest.fixture
def depth_m():
    depth_m = np.random.default_rng(0).uniform(0.5, 6, (24, 32)).astype(np.float32)
    depth_m[3, 4] = np.nan
    return depth_m


@pytest.mark.parametrize(('encoding', 'tolerance_m'), [('32FC1', 0.0), ('16UC1', 0.0006)])
def test_metres_and_millimetres_become_metres(depth_m, encoding, tolerance_m):
    found = depth_from_image(image_of(depth_m, encoding))
    np.testing.assert_allclose(found, depth_m, atol=tolerance_m)
    assert np.isnan(found[3, 4])


def test_rows_with_padding_and_big_endian_are_read(depth_m):
    rows = np.zeros((24, 40), '>f4')
    rows[:, :32] = depth_m
    message = Image(height=24, width=32, encoding='32FC1', step=160, is_bigendian=1)
    fill(message.data, rows)
    np.testing.assert_array_equal(depth_from_image(message), depth_m)


def test_large_images_are_thinned_about_their_middle():
    v, u = np.indices((480, 640))
    found = depth_from_image(image_of((1.0 + 0.001 * u + v).astype(np.float32)))
    assert found.shape == (120, 160)
    # Sample (i, j) stands for the four by four pixels around it.
    assert found[0, 0] == pytest.approx(1.0 + 0.002 + 2)
    assert found[10, 20] == pytest.approx(1.0 + 0.082 + 42)


@pytest.mark.parametrize(
    ('changes', 'said'),
    [({'encoding': 'mono8'}, 'mono8'), ({'height': 25}, 'needs'), ({'step': 100}, 'rows of 100')],
)
def test_what_can_not_be_read_is_said(depth_m, changes, said):
    message = image_of(depth_m)
    for name, value in changes.items():
        setattr(message, name, value)
    with pytest.raises(ValueError, match=said):
        depth_from_image(message)


def test_the_image_nearest_in_time_is_found_if_it_is_near(make_node, depth_m):
    node = make_node('listener')
    depth = DepthInput(node, InputSettings(num_cameras=1), QosEvents(print))
    depth.subscribe()
    publisher = node.create_publisher(Image, 'depth', 10)
    assert make_node.spin(lambda: publisher.get_subscription_count() == 1)
    period_ns = 100_000_000
    for k in range(1, 4):
        publisher.publish(image_of(k * depth_m, stamp_ns=k * period_ns))
    publisher.publish(Image(encoding='mono8'))
    assert make_node.spin(lambda: depth.depth_m(3 * period_ns, 0) is not None)
    np.testing.assert_array_equal(depth.depth_m(2 * period_ns + 15_000_000, 0), 2 * depth_m)
    assert depth.depth_m(2 * period_ns + 25_000_000, 0) is None
    depth.unsubscribe()
    assert depth.depth_m(2 * period_ns, 0) is None
    assert node.count_subscribers('/depth') == 0
