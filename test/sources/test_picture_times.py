import numpy as np
from PIL import ExifTags, Image
import pytest

from vggt_ros.sources.image_folder import ImageFolder
from vggt_ros.sources.picture_times import focal_hint_px, picture_times


@pytest.fixture
def photograph(tmp_path):
    def make(name, date='', fraction='', zone='', equivalent=None, orientation=1):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        inner = exif.get_ifd(ExifTags.IFD.Exif)
        values = {
            ExifTags.Base.DateTimeOriginal: date,
            ExifTags.Base.SubsecTimeOriginal: fraction,
            ExifTags.Base.OffsetTimeOriginal: zone,
            ExifTags.Base.FocalLengthIn35mmFilm: equivalent,
        }
        inner.update({tag: value for tag, value in values.items() if value})
        path = tmp_path / name
        Image.fromarray(np.zeros((24, 36, 3), np.uint8)).save(path, exif=exif)
        return path

    return make


@pytest.mark.parametrize(
    ('names', 'stamps_ns'),
    [
        (
            ['1403715274262142976.png', '1403715274312143104.png'],
            [1_403_715_274_262_142_976, 1_403_715_274_312_143_104],
        ),
        (
            ['left_1305031102.175304.png', 'left_1305031102.2.png'],
            None,  # one digit of a fraction may be anything
        ),
        (
            ['1305031102.175304.png', '1305031102.2110001.png'],
            [1_305_031_102_175_304_000, 1_305_031_102_211_000_100],
        ),
        (['rgb-0.000.png', 'rgb-0.033.png'], [0, 33_000_000]),
        (['0000000000.png', '0000000001.png'], None),
        (['1305031102.png', '1305031103.png'], None),
        (['a.png', '1403715274262142976.png'], None),
        (['9999999999999999998.png', '9999999999999999999.png'], None),
    ],
)
def test_stamps_are_read_from_names_that_are_times(make_folder, names, stamps_ns):
    folder = make_folder(names)
    found = picture_times([folder / name for name in names])
    assert (None if found is None else found.stamps_ns) == stamps_ns


def test_times_order_what_natural_order_does_not(make_folder):
    folder = make_folder(['1.2501.png', '1.300.png'])
    source = ImageFolder(folder)
    assert [frame.stamp_ns for frame in source] == [1_250_100_000, 1_300_000_000]
    assert [int(frame.image[0, 0, 0]) for frame in source] == [0, 1]
    assert source.has_time
    assert source.rate_hz is None


def test_a_rate_that_is_asked_for_overrules_the_names(make_folder):
    source = ImageFolder(make_folder(['1.250.png', '1.300.png']), 2.0)
    assert source.stamps_ns.tolist() == [0, 500_000_000]
    assert not source.has_time


def test_photographs_have_the_time_of_exif(photograph):
    paths = [
        photograph('a.jpg', '2024:05:06 07:08:09', '25', '+02:00'),
        photograph('b.jpg', '2024:05:06 07:08:09', '5', '+02:00'),
        photograph('c.jpg', '2024:05:06 05:08:10'),
    ]
    found = picture_times(paths)
    start_ns = 1_714_972_089_000_000_000  # 05:08:09 UTC
    assert [t - start_ns for t in found.stamps_ns] == [250_000_000, 500_000_000, 10**9]
    assert 'Exif' in found.note


@pytest.mark.parametrize(
    'second', ['', '2024:05:06 07:08:09', '2024:05:06 07:08:08', 'not a date']
)
def test_exif_that_lacks_a_date_repeats_one_or_contradicts_the_names_does_not_count(
    photograph, second
):
    paths = [photograph('a.jpg', '2024:05:06 07:08:09'), photograph('b.jpg', second)]
    assert picture_times(paths) is None


def test_the_equivalent_focal_length_is_a_hint_in_pixels(photograph, tmp_path):
    path = photograph('a.jpg', equivalent=26)
    assert focal_hint_px(path, (36, 24)) == pytest.approx(26.0), '1 px is 1 mm of film here'
    assert focal_hint_px(photograph('b.jpg'), (36, 24)) is None
    assert focal_hint_px(tmp_path / 'gone.jpg', (36, 24)) is None


def test_a_folder_tells_the_hint_and_does_not_use_it(photograph):
    source = ImageFolder(photograph('a.jpg', equivalent=52).parent)
    assert source.focal_hint_px == pytest.approx(52.0)
    assert source.K is None
    assert next(iter(source)).K is None
    assert any('about 52 pixels' in note and 'not used' in note for note in source.notes)


def test_a_picture_lying_on_its_side_has_its_size_upright(photograph):
    source = ImageFolder(photograph('a.jpg', orientation=6).parent)
    assert source.size == (24, 36)
    assert next(iter(source)).image.shape == (36, 24, 3)
