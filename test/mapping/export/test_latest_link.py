import errno
from pathlib import Path

import pytest

from vggt_ros.mapping.export.latest_link import point_latest, remove_left_links


def test_the_link_leads_to_the_newest(tmp_path):
    for name in ('map', 'map-2'):
        (tmp_path / name).mkdir()
        point_latest(tmp_path, name)
        assert (tmp_path / 'latest').resolve() == tmp_path / name
    assert {each.name for each in tmp_path.iterdir()} == {'map', 'map-2', 'latest'}


def test_a_folder_of_that_name_stays(tmp_path):
    (tmp_path / 'latest').mkdir()
    point_latest(tmp_path, 'map')
    assert not (tmp_path / 'latest').is_symlink()


@pytest.mark.parametrize(('number', 'is_told'), [(errno.EPERM, False), (errno.ENOSPC, True)])
def test_without_links_there_is_none_and_a_full_disk_is_told(
    tmp_path, monkeypatch, number, is_told
):
    def refuse(self, target):
        raise OSError(number, 'refused')

    monkeypatch.setattr(Path, 'symlink_to', refuse)
    if is_told:
        with pytest.raises(OSError, match='refused'):
            point_latest(tmp_path, 'map')
    else:
        point_latest(tmp_path, 'map')
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_of_a_link_goes(tmp_path):
    (tmp_path / '.latest.0123abcd').symlink_to('map')
    (tmp_path / '.latest.notours').symlink_to('map')
    remove_left_links(tmp_path)
    remove_left_links(tmp_path / 'nowhere')
    assert [each.name for each in tmp_path.iterdir()] == ['.latest.notours']
