import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, RegionOfInterest

from vggt_ros.errors import InputError
from vggt_ros.ros.input.calibration import CalibrationReader

K = [100.0, 0.0, 31.5, 0.0, 110.0, 23.5, 0.0, 0.0, 1.0]
P = [90.0, 0.0, 30.0, -9.0, 0.0, 95.0, 22.0, 0.0, 0.0, 0.0, 1.0, 0.0]
D = [-0.2, 0.05, 0.0, 0.0, 0.0]
NARROW = [[100, 0, 31.5], [0, 110, 23.5], [0, 0, 1]]
P_LEFT = [[90, 0, 30], [0, 95, 22], [0, 0, 1]]


def info_of(**changes):
    fields = {'width': 64, 'height': 48, 'k': K, 'p': P, 'd': D, 'distortion_model': 'plumb_bob'}
    return CameraInfo(**(fields | changes))


def read(info, topic='/camera/image_raw', rectify='auto', size=(64, 48)):
    return CalibrationReader(rectify, topic).read(info, *size)


@pytest.mark.parametrize(
    ('topic', 'rectify', 'K', 'is_rectified_here'),
    [
        ('/camera/image_raw', 'auto', P_LEFT, True),
        ('/camera/image_raw', 'never', NARROW, False),
        ('/camera/image_rect', 'auto', P_LEFT, False),
        ('/camera/image_rect_color', 'auto', P_LEFT, False),
        ('/camera/image_rect/compressed', 'auto', P_LEFT, False),
        ('/camera/rgb/image_rectified', 'never', P_LEFT, False),
        ('/camera/image_rect', 'always', P_LEFT, True),
        ('/direct/image_raw', 'auto', P_LEFT, True),
        ('/camera/direct', 'auto', P_LEFT, True),
    ],
)
def test_rectified_topics_are_described_by_P_and_others_by_K(topic, rectify, K, is_rectified_here):
    found = read(info_of(), topic, rectify)
    np.testing.assert_array_equal(found.K, K)
    assert (found.rectifier is not None) == is_rectified_here


def test_without_distortion_there_is_nothing_to_undo():
    found = read(info_of(d=[0.0] * 5))
    np.testing.assert_array_equal(found.K, NARROW)
    assert found.rectifier is None


def test_without_P_all_pixels_of_the_rectified_image_are_seen():
    found = read(info_of(p=[0.0] * 12))
    assert found.rectifier.is_seen is None
    assert found.K[0, 0] > 0
    np.testing.assert_array_equal(read(info_of(p=[0.0] * 12), '/image_rect').K, NARROW)


@pytest.mark.parametrize(
    ('model', 'd'),
    [
        ('plumb_bob', D),
        ('rational_polynomial', [0.1, -0.05, 0.0, 0.0, 0.01, 0.2, -0.02, 0.0]),
        ('equidistant', [0.02, -0.01, 0.0, 0.0]),
        ('fisheye', [0.02, -0.01, 0.0, 0.0]),
    ],
)
def test_all_models_of_drivers_are_known(model, d):
    assert read(info_of(distortion_model=model, d=d)).rectifier is not None


def test_region_of_interest_and_binning_move_the_calibration_to_the_image():
    roi = RegionOfInterest(x_offset=10, y_offset=20, width=12, height=8)
    info = info_of(width=640, height=480, roi=roi, binning_x=2, binning_y=2, d=[])
    np.testing.assert_allclose(
        read(info, size=(6, 4)).K, [[50, 0, 10.75], [0, 55, 1.75], [0, 0, 1]]
    )
    rectified = read(info, '/image_rect', size=(6, 4))
    np.testing.assert_allclose(rectified.K, [[45, 0, 10], [0, 47.5, 1], [0, 0, 1]])


def test_a_distorted_region_sees_the_same_as_that_part_of_the_whole(rng):
    """Two rectified images, of the sensor and of a part of it, agree where both see."""
    whole = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    part = whole[8:40, 16:48]
    roi = RegionOfInterest(x_offset=16, y_offset=8, width=32, height=32)
    of_whole = read(info_of(p=[*K[:3], 0.0, *K[3:6], 0.0, *K[6:], 0.0])).rectifier
    of_part = read(
        info_of(p=[*K[:3], 0.0, *K[3:6], 0.0, *K[6:], 0.0], roi=roi), size=(32, 32)
    ).rectifier
    both = of_part.rectify(np.ascontiguousarray(part))
    inner = (slice(4, 28), slice(4, 28))
    expected = of_whole.rectify(whole)[8:40, 16:48]
    difference = np.abs(both[inner].astype(int) - expected[inner])
    assert difference.max() <= 4, 'but for the rounding of the maps'


def test_maps_are_made_once_for_all_images_of_a_calibration():
    reader = CalibrationReader('auto', '/image_raw')
    first = reader.read(info_of(), 64, 48)
    assert reader.read(info_of(), 64, 48) is first
    assert reader.read(info_of(d=[-0.1, 0.05, 0.0, 0.0, 0.0]), 64, 48) is not first


@pytest.mark.parametrize(
    ('change', 'word'),
    [
        ({'width': 640, 'height': 480}, '640 x 480'),
        ({'distortion_model': 'wavy'}, 'wavy'),
        ({'d': [0.01] * 8}, '8 coefficients'),
        ({'width': 0}, '0 x 48'),
        ({'d': [np.nan] * 5}, 'nan'),
        ({'p': [np.inf] * 12}, 'inf'),
        ({'p': [1e48, *P[1:10], 1e-261, 0.0]}, 'inf'),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(change, word):
    with pytest.raises(InputError, match=word) as caught:
        read(info_of(**change))
    assert caught.value.reason == 'bad_camera_info'


def test_a_camera_that_says_it_is_not_calibrated_is_believed():
    assert read(info_of(k=[0.0] * 9)).K is None


def test_P_alone_describes_rectified_images_and_no_others():
    info = info_of(k=[0.0] * 9, d=[])
    np.testing.assert_array_equal(read(info, '/camera/image_rect').K, P_LEFT)
    assert read(info).K is None, 'what the lens does to these is not known'


def test_the_lens_says_nothing_of_rectified_images():
    found = read(info_of(d=[0.1] * 20, distortion_model='wavy'), '/camera/image_rect')
    np.testing.assert_array_equal(found.K, P_LEFT)


def test_without_a_size_the_calibration_is_that_of_the_images():
    said = []
    reader = CalibrationReader('auto', '/image_raw', said.append)
    info = info_of(width=0, height=0, d=[])
    np.testing.assert_array_equal(reader.read(info, 64, 48).K, NARROW)
    np.testing.assert_array_equal(reader.read(info_of(width=0, height=0), 64, 48).K, P_LEFT)
    assert len(said) == 1
    assert '64 x 48' in said[0]


def test_the_last_row_of_intrinsics_is_filled_in():
    found = read(info_of(k=[*K[:8], 0.0], d=[]))
    np.testing.assert_array_equal(found.K, NARROW)
    rectified = read(info_of(p=[*P[:10], 0.0, 0.0]), '/image_rect')
    np.testing.assert_array_equal(rectified.K, P_LEFT)


@pytest.mark.parametrize(
    ('model', 'd', 'same'),
    [
        ('plumb_bob', [*D, 0.0, 0.0, 0.0], D),
        ('plumb_bob', D[:2], D),
        ('rational_polynomial', D, [*D, 0.0, 0.0, 0.0]),
        ('equidistant', [0.02, -0.01, 0.0, 0.0, 0.0], [0.02, -0.01, 0.0, 0.0]),
    ],
)
def test_distortion_of_another_length_means_the_same(model, d, same, rng):
    image = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    made, usual = (read(info_of(distortion_model=model, d=each)) for each in (d, same))
    np.testing.assert_array_equal(made.rectifier.rectify(image), usual.rectifier.rectify(image))
