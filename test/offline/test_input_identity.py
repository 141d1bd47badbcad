import os

import pytest

from vggt_ros.errors import SourceError
from vggt_ros.offline.input_identity import input_identity, sha256_of


def test_a_folder_is_told_from_one_whose_files_changed(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'one').write_text('1')
    first = input_identity(tmp_path)
    assert (first['num_files'], first['num_bytes']) == (1, 1)
    assert input_identity(tmp_path) == first
    (tmp_path / 'two').write_text('22')
    second = input_identity(tmp_path)
    assert second['sha256'] != first['sha256']
    os.utime(tmp_path / 'two', ns=(1, 1))
    assert input_identity(tmp_path)['sha256'] != second['sha256']


def test_a_file_is_told_by_size_and_both_ends(tmp_path):
    path = tmp_path / 'v'
    path.write_bytes(bytes(3 << 20))
    first = input_identity(path)
    assert first['num_bytes'] == 3 << 20
    path.write_bytes(bytes((3 << 20) - 1) + b'x')
    assert input_identity(path)['sha256'] != first['sha256']


def test_what_cannot_be_read_is_told(tmp_path):
    (tmp_path / 'loop').symlink_to('loop')
    with pytest.raises(SourceError, match='cannot be read'):
        input_identity(tmp_path)


def test_the_sha256_is_that_of_the_whole_file(tmp_path):
    (tmp_path / 'f').write_bytes(b'abc')
    assert sha256_of(tmp_path / 'f').startswith('ba7816bf8f01cfea414140de5dae2223')
