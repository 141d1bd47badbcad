import numpy as np
from PIL import Image
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.picture_size import of_one_size


@pytest.fixture
def save(tmp_path):
    def make(index, width, height, orientation=1):
        path = tmp_path / f'{index}.jpg'
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path, exif=exif)
        return path

    return make


def test_pictures_of_one_size_are_all_taken_upright(save, caplog):
    paths = [save(0, 40, 30), save(1, 30, 40, orientation=6)]
    found = of_one_size(paths)
    assert (found.paths, found.is_upright) == (paths, True)
    assert not caplog.text


def test_pictures_that_exif_turns_to_different_sides_are_taken_as_the_sensor_saw_them(
    save, caplog
):
    paths = [save(i, 40, 30, orientation=8 if i % 3 else 1) for i in range(6)]
    found = of_one_size(paths)
    assert (found.paths, found.is_upright) == (paths, False)
    assert 'Exif' in caplog.text


def test_other_sizes_are_left_out_and_told(save, caplog):
    paths = [save(i, 40 if i % 4 else 38, 30) for i in range(8)]
    found = of_one_size(paths)
    assert found.paths == [path for i, path in enumerate(paths) if i % 4]
    assert '2 sizes (6 of 40 x 30, 2 of 38 x 30)' in caplog.text
    assert 'only those of 40 x 30 are taken' in caplog.text


def test_pictures_that_have_nothing_in_common_are_an_error(save):
    with pytest.raises(SourceError, match=r'3 sizes.*no two of which are the same'):
        of_one_size([save(i, 40 + i, 30) for i in range(3)])


def test_what_can_not_be_opened_is_left_for_its_turn(save, tmp_path):
    broken = tmp_path / 'broken.jpg'
    broken.write_text('no picture')
    paths = [save(0, 40, 30), broken, save(2, 40, 30), save(3, 41, 30)]
    assert of_one_size(paths).paths == paths[:3]
