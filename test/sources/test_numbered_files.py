import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.numbered_files import by_number, number_of, numbered_files


def test_ten_comes_after_nine(make_folder):
    folder = make_folder(['10.png', '9.png', '2.png'])
    files = numbered_files(folder, ('.png',))
    assert [file.name for file in files] == ['2.png', '9.png', '10.png']
    assert [number_of(file) for file in files] == [(2,), (9,), (10,)]


def test_other_files_are_left_out_and_none_is_an_error(make_folder):
    folder = make_folder(['1.png'])
    (folder / '.2.png').write_bytes(b'')
    assert len(numbered_files(folder, ('.png',))) == 1
    with pytest.raises(SourceError, match=r'no files \*\.jpg, \*\.bmp'):
        numbered_files(folder, ('.jpg', '.bmp'))


def test_two_files_of_one_number_are_refused(make_folder):
    folder = make_folder(['1.png', '001.png'])
    with pytest.raises(SourceError, match='have the same number; keep one'):
        by_number(numbered_files(folder, ('.png',)))
