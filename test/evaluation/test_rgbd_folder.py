import cv2
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.evaluation.rgbd_folder import RgbdFolder

POSE = '1.0 2.0 3.0 0 0 0.70710678 0.70710678'


@pytest.fixture
def folder(tmp_path):
    """Eleven tiny images, so that names in order of the alphabet are not in order."""
    for name in ('color', 'depth'):
        (tmp_path / name).mkdir()
    for number in range(1, 12):
        depth = np.full((4, 6), 1000 * number, np.uint16)
        depth[0, 0] = 0
        cv2.imwrite(str(tmp_path / 'depth' / f'{number}.pgm'), depth)
        color = np.full((4, 6, 3), (0, 0, 10 * number), np.uint8)  # OpenCV: blue, green, red
        cv2.imwrite(str(tmp_path / 'color' / f'{number}.png'), color)
    (tmp_path / 'pose.txt').write_text('\n'.join([POSE] * 11))
    return tmp_path


def test_images_come_in_the_order_of_their_numbers(folder):
    first, second = RgbdFolder(folder).windows(6)
    assert first.images[:, 0, 0, 0].tolist() == [10, 20, 30, 40, 50, 60]
    assert second.images[:, 0, 0, 0].tolist() == [70, 80, 90, 100, 110]
    assert first.images[:, 0, 0, 1:].max() == 0


def test_depth_is_meters_and_unknown_where_there_was_no_reading(folder):
    window = next(RgbdFolder(folder).windows(6))
    np.testing.assert_allclose(window.depth[:, 1, 1], [1, 2, 3, 4, 5, 6])
    assert np.isnan(window.depth[:, 0, 0]).all()


def test_a_pose_is_where_the_camera_is(folder):
    window = next(RgbdFolder(folder).windows(6))
    # The camera is at (1, 2, 3), turned by 90 degrees about z: its x axis is the world's y.
    np.testing.assert_allclose(window.cam_from_world[0] @ [1, 3, 3, 1], [1, 0, 0, 1], atol=1e-6)


def test_a_last_window_of_one_image_is_left_out(folder):
    source = RgbdFolder(folder)
    assert [len(window.images) for window in source.windows(5)] == [5, 5]
    assert source.num_windows(5) == 2
    assert source.num_windows(8) == len(list(source.windows(8))) == 2


def test_the_camera_is_that_of_a_kinect_unless_a_file_says_otherwise(folder):
    np.testing.assert_array_equal(RgbdFolder(folder).K[:2], [[518, 0, 325.5], [0, 519, 253.5]])
    (folder / 'camera.txt').write_text('100 101 3 2\n')
    np.testing.assert_array_equal(RgbdFolder(folder).K[:2], [[100, 0, 3], [0, 101, 2]])


@pytest.mark.parametrize(
    ('name', 'text', 'match'),
    [
        ('pose.txt', POSE, '11 color images, 11 depth images and 1 poses'),
        ('pose.txt', '1 2 3', '7 finite numbers'),
        ('pose.txt', '', '7 finite numbers'),
        ('pose.txt', f'{POSE}\n1 2', 'pose.txt'),
        ('pose.txt', '1 2 3 0 0 zero 1', 'zero'),
        ('pose.txt', '1 2 3 0 0 nan 1', '7 finite numbers'),
        ('pose.txt', '1 2 3 0 0 0 0', 'no rotation'),
        ('camera.txt', '100 100 3', '4 finite numbers'),
        ('camera.txt', '100 100 3 2\n100 100 3 2', '2 lines'),
        ('camera.txt', '0 100 3 2', 'focal'),
    ],
)
def test_a_file_of_numbers_that_makes_no_sense_is_refused(folder, name, text, match):
    (folder / name).write_text(text)
    with pytest.raises(SourceError, match=match):
        RgbdFolder(folder)


def test_a_folder_without_images_is_refused_with_its_name(tmp_path):
    with pytest.raises(SourceError, match=r'pose\.txt is missing'):
        RgbdFolder(tmp_path)


def test_depth_of_eight_bits_is_refused(folder):
    cv2.imwrite(str(folder / 'depth' / '1.pgm'), np.zeros((4, 6), np.uint8))
    with pytest.raises(SourceError, match='uint8'):
        next(RgbdFolder(folder).windows(4))


def test_depth_of_another_size_than_the_color_is_refused(folder):
    cv2.imwrite(str(folder / 'depth' / '2.pgm'), np.zeros((2, 3), np.uint16))
    with pytest.raises(SourceError, match='2 sizes'):
        next(RgbdFolder(folder).windows(4))


def test_a_window_without_any_depth_is_refused(folder):
    for number in range(1, 5):
        cv2.imwrite(str(folder / 'depth' / f'{number}.pgm'), np.zeros((4, 6), np.uint16))
    with pytest.raises(SourceError, match=r'0 to 3 .* no reading'):
        next(RgbdFolder(folder).windows(4))
