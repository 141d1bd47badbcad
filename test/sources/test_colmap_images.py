import numpy as np
from PIL import Image
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.colmap_images import matches, read

CAMERAS = '1 PINHOLE 64 48 60 61 32 24\n2 SIMPLE_RADIAL 64 48 60 32 24 -0.1\n'
IMAGES = ''.join(
    f'{index} 1 0 0 0 0 0 -{index} {camera} {name}\n\n'
    for index, camera, name in ((1, 1, 'b10.png'), (2, 1, 'b9.png'), (3, 2, 'b1.png'))
)


@pytest.fixture
def folder(tmp_path, write_image):
    for index in (1, 9, 10):
        write_image(f'images/b{index}.png', 10 * index)
    (tmp_path / 'sparse/0').mkdir(parents=True)
    (tmp_path / 'sparse/0/cameras.txt').write_text(CAMERAS)
    (tmp_path / 'sparse/0/images.txt').write_text(IMAGES)
    return tmp_path


def test_images_are_ordered_by_number_with_their_poses_and_cameras(folder):
    assert matches(folder)
    dataset = read(folder, 10.0)
    frames = list(dataset)
    assert [int(frame.image[24, 32, 0]) for frame in frames] == [10, 90, 100]
    assert [frame.world_from_cam[2, 3] for frame in frames] == [3, 2, 1]
    np.testing.assert_array_equal(frames[1].K, [[60, 0, 31.5], [0, 61, 23.5], [0, 0, 1]])
    assert frames[0].K[0, 0] != 60, 'the first is rectified'
    assert 'rarely meters' in dataset.truth


@pytest.mark.parametrize('place', ['sparse', 'dslr_calibration_undistorted', '.'])
def test_the_model_can_be_elsewhere(folder, place):
    (folder / place).mkdir(exist_ok=True)
    for file in (folder / 'sparse/0').iterdir():
        file.rename(folder / place / file.name)
    assert len(read(folder, 10.0)) == 3


def test_an_image_that_is_not_there_is_left_out(folder, caplog):
    (folder / 'images/b9.png').unlink()
    dataset = read(folder, 10.0)
    assert len(dataset) == 2
    assert dataset.drops == {'missing_file': 1}
    assert 'names 1 images that are not in' in caplog.text


def test_pictures_are_taken_as_they_are_stored_where_the_camera_has_that_size(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(folder / 'images/b9.png', exif=exif)
    dataset = read(folder, 10.0)
    assert dataset.frame(1).image.shape == (48, 64, 3)


def test_images_elsewhere_and_of_another_size_are_refused(folder, write_image):
    write_image('images/b9.png', size=(32, 24))
    with pytest.raises(SourceError, match=r'camera 1 is of images of 64 x 48, those of b9\.png'):
        read(folder, 10.0)
    (folder / 'images').rename(folder / 'pictures')
    with pytest.raises(SourceError, match=r'none of the 3 images .* the first is b10\.png: put'):
        read(folder, 10.0)
