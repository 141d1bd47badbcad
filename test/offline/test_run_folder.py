import errno
from pathlib import Path

import pytest

from vggt_ros.errors import ConfigError, SaveError
from vggt_ros.offline import run_folder
from vggt_ros.offline.run_folder import free_name, RunFolder, save_error


def test_a_folder_gets_its_name_when_it_is_complete(tmp_path):
    folder = RunFolder(tmp_path / 'a' / 'run')
    (folder.path / 'file').write_text('x')
    assert not (tmp_path / 'a' / 'run').exists()
    target = folder.publish()
    assert (target / 'file').read_text() == 'x'
    assert not folder.path.exists()
    assert (tmp_path / 'a' / 'latest').readlink() == Path('run')


def test_latest_follows_the_newest_and_spares_what_is_no_link(tmp_path):
    for name in ('one', 'two'):
        RunFolder(tmp_path / name).publish()
    assert (tmp_path / 'latest').resolve() == tmp_path / 'two'
    (tmp_path / 'latest').unlink()
    (tmp_path / 'latest').write_text('mine')
    RunFolder(tmp_path / 'three').publish()
    assert (tmp_path / 'latest').read_text() == 'mine'


def test_a_finished_folder_is_only_replaced_when_asked(tmp_path):
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'old').write_text('')
    with pytest.raises(ConfigError, match='--overwrite to replace it'):
        RunFolder(tmp_path / 'run')
    folder = RunFolder(tmp_path / 'run', overwrite=True)
    assert (tmp_path / 'run' / 'old').exists()
    (folder.publish() / 'new').write_text('')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['latest', 'run']
    assert [path.name for path in (tmp_path / 'run').iterdir()] == ['new']


def test_the_rest_of_a_run_is_gone_on_with_or_begun_anew_when_asked(tmp_path):
    folder = RunFolder(tmp_path / 'run')
    (folder.path / 'cache').mkdir()
    (folder.path / 'junk').write_text('')
    folder.close()
    with pytest.raises(ConfigError, match='--resume to go on with it'):
        RunFolder(tmp_path / 'run')
    again = RunFolder(tmp_path / 'run', resume=True)
    assert again.is_resumed
    again.clear(keep='cache')
    assert [path.name for path in again.path.iterdir()] == ['cache']
    again.close()
    anew = RunFolder(tmp_path / 'run', overwrite=True)
    assert not anew.is_resumed
    assert list(anew.path.iterdir()) == []
    anew.close()


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    first = RunFolder(tmp_path / 'run')
    with pytest.raises(ConfigError, match='another run writes'):
        RunFolder(tmp_path / 'run', resume=True)
    first.close()
    RunFolder(tmp_path / 'run', resume=True).close()


def test_a_folder_of_nothing_is_removed(tmp_path):
    folder = RunFolder(tmp_path / 'run')
    (folder.path / 'file').write_text('')
    folder.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_came_meanwhile_is_not_replaced(tmp_path):
    folder = RunFolder(tmp_path / 'run')
    (tmp_path / 'run').mkdir()
    with pytest.raises(SaveError, match='it is there now'):
        folder.publish()
    assert folder.path.exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(SaveError, match=r'cannot be written .*; choose another --out'):
        RunFolder(tmp_path / 'file' / 'run')


def test_a_full_disk_is_told_with_what_is_free(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / 'run')

    def full(descriptor):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(run_folder.os, 'fsync', full)
    with pytest.raises(SaveError, match=r'\d+ MB are free there: make room.*--resume'):
        folder.publish()
    assert folder.path.exists()


def test_a_missing_permission_is_told(tmp_path):
    error = save_error(tmp_path, PermissionError(errno.EACCES, 'Permission denied'))
    assert str(error).endswith('(Permission denied); choose an --out that may be written')


def test_a_free_name_is_counted_up(tmp_path):
    assert free_name(tmp_path, 'run') == tmp_path / 'run'
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run-2').write_text('')
    assert free_name(tmp_path, 'run') == tmp_path / 'run-3'
