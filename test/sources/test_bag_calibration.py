import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.bag_calibration import calibration_of, is_rectified_topic

K = np.array([[300.0, 0, 160], [0, 310, 120], [0, 0, 1]])
P = np.array([[250.0, 0, 150, -30], [0, 250, 110, 0], [0, 0, 1, 0]])


def test_the_lens_is_told_in_both_ways_of_writing(any_messages):
    info = any_messages.info(1, K, (320, 240), d=(-0.2, 0.1, 0, 0, 0))
    found = calibration_of(info, '/camera_info', is_rectified=False)
    np.testing.assert_array_equal(found.K, K)
    assert found.size == (320, 240)
    assert found.distortion.model == 'plumb_bob'
    np.testing.assert_array_equal(found.distortion.D, [-0.2, 0.1, 0, 0, 0])


def test_of_rectified_images_the_projection_counts(any_messages):
    info = any_messages.info(1, K, (320, 240), d=(-0.2, 0.1, 0, 0, 0), P=P)
    found = calibration_of(info, '/camera_info', is_rectified=True)
    np.testing.assert_array_equal(found.K, P[:, :3])
    assert found.distortion is None


def test_zeros_are_a_camera_that_was_not_calibrated(any_messages):
    info = any_messages.info(1, np.zeros((3, 3)), (320, 240))
    assert calibration_of(info, '', is_rectified=False) is None


def test_a_driver_that_leaves_out_the_size_is_taken(any_messages):
    info = any_messages.info(1, K, (0, 0))
    assert calibration_of(info, '', is_rectified=False).size is None


def test_an_unknown_lens_and_numbers_that_are_none_are_refused(any_messages):
    info = any_messages.info(1, K, (320, 240), model='omni', d=(1.0,))
    with pytest.raises(SourceError, match="/info has the distortion model 'omni'"):
        calibration_of(info, '/info', is_rectified=False)
    info = any_messages.info(1, K, (320, 240), d=(np.nan,))
    with pytest.raises(SourceError, match=r'give --calibration FILE'):
        calibration_of(info, '/info', is_rectified=False)


def test_rectified_topics_are_known_by_their_names():
    assert is_rectified_topic('/cam/image_rect')
    assert is_rectified_topic('/cam/image_rect_color/compressed')
    assert not is_rectified_topic('/cam/image_raw')
