import errno
import os
from pathlib import Path

import pytest

from vggt_ros.mapping.export.disk_sync import sync_entries, sync_folder


def path_of(descriptor):
    return str(Path(f'/proc/self/fd/{descriptor}').readlink())


def test_every_file_and_folder_below_is_brought_to_the_disk(tmp_path, monkeypatch):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'b').write_text('b')
    synced = []
    monkeypatch.setattr(os, 'fsync', lambda fd: synced.append(path_of(fd)))
    sync_folder(tmp_path)
    assert set(synced) == {str(tmp_path), str(tmp_path / 'a'), str(tmp_path / 'a' / 'b')}


def test_names_in_a_folder_are_brought_to_the_disk_without_what_is_in_its_files(
    tmp_path, monkeypatch
):
    (tmp_path / 'a').write_text('a')
    synced = []
    monkeypatch.setattr(os, 'fsync', lambda fd: synced.append(path_of(fd)))
    sync_entries(tmp_path)
    assert synced == [str(tmp_path)]


@pytest.mark.parametrize(('number', 'is_told'), [(errno.EINVAL, False), (errno.ENOSPC, True)])
def test_a_full_disk_is_told_and_a_folder_that_cannot_be_synced_is_not(
    tmp_path, monkeypatch, number, is_told
):
    def refuse(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, 'fsync', refuse)
    if not is_told:
        sync_folder(tmp_path)
        return
    with pytest.raises(OSError, match='space'):
        sync_folder(tmp_path)
