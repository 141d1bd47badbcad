import math

import cv2
import numpy as np
from PIL import Image
import pytest

from vggt_ros.errors import ConfigError, SourceError
from vggt_ros.sources.image_folder import ImageFolder


def _places(source):
    return [int(frame.image[0, 0, 0]) for frame in source]


def test_numbers_in_names_are_ordered_as_numbers(make_folder):
    names = ['a1_frame2.png', 'a1_frame10.png', 'a2_frame1.png', 'a10_frame0.png', 'b.png']
    folder = make_folder(names)
    assert _places(ImageFolder(folder)) == [0, 1, 2, 3, 4]


def test_names_that_start_with_numbers_and_names_that_do_not_can_be_mixed(make_folder):
    folder = make_folder(['7.png', '12.png', 'x.png'])
    assert _places(ImageFolder(folder)) == [0, 1, 2]


def test_every_kind_of_suffix_is_read_in_either_case(make_folder):
    folder = make_folder(['0.BMP', '1.png', '2.JPG', '3.jpeg'])
    assert ImageFolder(folder).num_frames == 4


def test_other_files_hidden_files_and_folders_are_left_out(make_folder):
    folder = make_folder(['1.png'])
    (folder / 'pose.txt').write_text('0 0 0')
    (folder / '._1.png').write_bytes(b'resource fork')
    (folder / 'more.png').mkdir()
    assert _places(ImageFolder(folder)) == [0]


def test_stamps_start_at_zero_and_follow_the_rate(make_folder):
    source = ImageFolder(make_folder(['1.png', '2.png', '3.png']), 4.0)
    assert [frame.stamp_ns for frame in source] == [0, 250_000_000, 500_000_000]
    assert source.rate_hz == 4.0


def test_a_folder_knows_neither_intrinsics_nor_poses(make_folder):
    (frame,) = ImageFolder(make_folder(['1.png']))
    assert frame.K is None
    assert frame.world_from_cam is None


def test_of_two_sizes_the_one_that_most_have_is_played(make_folder, caplog):
    folder = make_folder(['1.png', '3.png'])
    cv2.imwrite(str(folder / '2.png'), np.zeros((20, 30, 3), np.uint8))
    assert [frame.image.shape for frame in ImageFolder(folder)] == [(6, 8, 3), (6, 8, 3)]
    assert '1 of 30 x 20' in caplog.text


def test_photographs_that_exif_turns_differently_keep_one_size(tmp_path):
    picture = np.arange(24, dtype=np.uint8).reshape(4, 6)
    for index, orientation in enumerate((1, 6, 8, 1)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(picture).save(tmp_path / f'{index}.png', exif=exif)
    for frame in ImageFolder(tmp_path):
        np.testing.assert_array_equal(frame.image[..., 0], picture)


@pytest.mark.parametrize('suffix', ['.gif', '.tif', '.webp', '.pgm'])
def test_other_files_that_hold_one_picture_are_read(tmp_path, suffix):
    for value in (0, 100, 200):
        path = tmp_path / f'{value}{suffix}'
        Image.fromarray(np.full((6, 8), value, np.uint8)).save(path)
    found = [int(frame.image.mean()) for frame in ImageFolder(tmp_path)]
    assert found == pytest.approx([0, 100, 200], abs=2)


def test_a_second_iteration_starts_over(make_folder):
    source = ImageFolder(make_folder(['1.png', '2.png']))
    next(iter(source))
    assert _places(source) == _places(source) == [0, 1]


def test_only_the_first_frames_are_played_on_request(make_folder):
    source = ImageFolder(make_folder(['1.png', '2.png', '3.png']), num_frames=2)
    assert source.num_frames == 2
    assert _places(source) == [0, 1]


def test_a_broken_image_is_an_error_only_when_it_is_reached(make_folder):
    folder = make_folder(['1.png', '2.png'])
    broken = folder / '2.png'
    broken.write_bytes(broken.read_bytes()[:40])
    frames = iter(ImageFolder(folder))
    next(frames)
    with pytest.raises(SourceError, match=r'2\.png'):
        next(frames)


def test_a_folder_without_images_is_an_error_that_names_it_and_what_it_looked_for(tmp_path):
    (tmp_path / 'notes.txt').write_text('nothing')
    with pytest.raises(SourceError, match=rf'{tmp_path}.*\.jpeg.*its 1 entries.*give the folder'):
        ImageFolder(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(SourceError, match='cannot be listed'):
        ImageFolder(tmp_path / 'gone')


def test_a_rate_of_nothing_and_no_frames_are_refused(make_folder):
    folder = make_folder(['1.png'])
    with pytest.raises(ConfigError, match='rate'):
        ImageFolder(folder, math.nan)
    with pytest.raises(ConfigError, match='number of frames'):
        ImageFolder(folder, num_frames=0)


def test_real_camera_images_are_read_in_order(shared_data):
    folder = shared_data / 'rgbd5' / 'color'
    if not folder.is_dir():
        pytest.skip('the real images are not on this machine')
    frames = list(ImageFolder(folder, 30.0))
    assert [frame.image.shape for frame in frames] == [(480, 640, 3)] * 5
    expected = cv2.imread(str(folder / '5.png'))[..., ::-1]
    np.testing.assert_array_equal(frames[-1].image, expected)
