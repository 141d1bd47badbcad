import cv2
import numpy as np
import pytest

from training.photo_selection import (
    CROP_SIZE,
    cut,
    difference_hash,
    for_validation,
    has_detail,
    read_picture,
    Selection,
)


def photo(seed, height=600, width=800):
    """Blobs at all scales: as much detail as in a photograph."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for cells in (4, 16, 64, 256):
        coarse = rng.uniform(-1, 1, (cells, cells, 3))
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (127 + 40 * total).clip(0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for seed in range(4):
        cv2.imwrite(str(tmp_path / f'{seed}.png'), photo(seed))
    return tmp_path


def test_a_copy_of_another_size_and_quality_is_not_taken_again(folder):
    small = cv2.resize(photo(1), (640, 480), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / '9.jpg'), small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert len(list(Selection().choose(sorted(folder.iterdir())))) == 4


def test_a_selection_remembers_what_it_chose_before(folder):
    selection = Selection()
    assert list(selection.choose([folder / '0.png']))
    assert not list(selection.choose([folder / '0.png']))


@pytest.mark.parametrize('name', ['wall_norm.png', 'icon.png', 'heightmap.png', 'floor_gloss.png'])
def test_what_is_no_picture_by_its_name_is_left_out(folder, name):
    cv2.imwrite(str(folder / name), photo(20))
    assert not list(Selection().choose([folder / name]))


def test_unreadable_small_and_transparent_pictures_are_left_out(tmp_path):
    (tmp_path / 'text.png').write_text('no picture')
    cv2.imwrite(str(tmp_path / 'small.png'), photo(0, 100, 400))
    clear = np.dstack([photo(0), np.zeros((600, 800), np.uint8)])
    cv2.imwrite(str(tmp_path / 'clear.png'), clear)
    assert not list(Selection().choose(sorted(tmp_path.iterdir())))


def test_a_picture_is_read_as_rgb(tmp_path):
    red = np.zeros((300, 300, 3), np.uint8)
    red[..., 2] = 200
    cv2.imwrite(str(tmp_path / 'red.png'), red)
    assert read_picture(tmp_path / 'red.png')[0, 0].tolist() == [200, 0, 0]


def test_a_large_picture_is_reduced(tmp_path):
    cv2.imwrite(str(tmp_path / 'large.jpg'), photo(0, 1200, 4096))
    assert read_picture(tmp_path / 'large.jpg').shape == (600, 2048, 3)


def test_crops_are_of_several_scales_and_always_the_same():
    crops = cut(photo(3, 1100, 1400))
    assert 5 <= len(crops) <= 24
    assert all(crop.shape == (CROP_SIZE, CROP_SIZE, 3) for crop in crops)
    again = cut(photo(3, 1100, 1400))
    assert all((a == b).all() for a, b in zip(crops, again, strict=True))


def test_a_blurred_flat_or_drawn_crop_has_no_detail():
    crop = photo(0)[:CROP_SIZE, :CROP_SIZE]
    assert has_detail(crop)
    assert not has_detail(cv2.GaussianBlur(crop, None, 8.0))
    assert not has_detail((120 + (crop.astype(float) - 127) / 20).astype(np.uint8))
    drawn = (crop[..., :1] // 64 * 64).repeat(3, axis=2)
    assert not has_detail(drawn)


def test_hashes_of_different_pictures_differ():
    codes = [difference_hash(photo(seed)) for seed in range(6)]
    apart = [np.count_nonzero(a != b) for i, a in enumerate(codes) for b in codes[:i]]
    assert min(apart) > 60


def test_about_a_seventh_is_for_validation():
    rng = np.random.default_rng(0)
    chosen = [for_validation(rng.integers(0, 255, (8, 8, 3)).astype(np.uint8)) for _ in range(600)]
    assert 0.1 < np.mean(chosen) < 0.2
