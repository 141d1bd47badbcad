import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.rgbd_folder import matches, read


def test_everything_in_the_folder_is_read(rgbd_folder, views):
    dataset = read(rgbd_folder, 5.0)
    assert (dataset.name, dataset.layout, len(dataset)) == ('hall', 'rgbd', 10)
    assert not dataset.has_time
    np.testing.assert_allclose(dataset.world_from_cam, views.world_from_cam, atol=1e-9)
    frame = dataset.frame(3)
    np.testing.assert_array_equal(frame.image, views.images[3])
    np.testing.assert_allclose(frame.depth, views.depth[3], atol=6e-4)
    np.testing.assert_allclose(frame.K, views.K)
    assert frame.stamp_ns == 800_000_000


def test_a_depth_image_belongs_to_the_image_of_its_number(rgbd_folder, views):
    (rgbd_folder / 'depth' / '4.png').unlink()
    dataset = read(rgbd_folder, 5.0)
    assert dataset.num_depths == 9
    assert dataset.frame(4).depth is None
    np.testing.assert_allclose(dataset.frame(5).depth, views.depth[5], atol=6e-4)


def test_poses_are_enough(rgbd_folder):
    for file in (rgbd_folder / 'depth').iterdir():
        file.unlink()
    (rgbd_folder / 'depth').rmdir()
    assert read(rgbd_folder, 5.0).num_depths == 0


def test_only_a_folder_with_images_and_poses_matches(rgbd_folder):
    assert matches(rgbd_folder)
    assert not matches(rgbd_folder / 'color')


@pytest.mark.parametrize(
    ('name', 'text', 'match'),
    [
        ('pose.txt', '1 2 3 0 0 0 1', '10 color images, 10 depth images and 1 poses'),
        ('pose.txt', '1 2 3 0 0 0 0\n' * 10, 'no rotation'),
        ('camera.txt', '100 100 3 2\n100 100 3 2', '2 lines'),
        ('camera.txt', '0 100 3 2', 'focal'),
    ],
)
def test_a_file_of_numbers_that_makes_no_sense_is_refused(rgbd_folder, name, text, match):
    (rgbd_folder / name).write_text(text)
    with pytest.raises(SourceError, match=match):
        read(rgbd_folder, 5.0)


def test_a_folder_without_images_is_refused(rgbd_folder):
    for file in (rgbd_folder / 'color').iterdir():
        file.unlink()
    with pytest.raises(SourceError, match=r'\*\.png.* in .*color'):
        read(rgbd_folder, 5.0)
