import sys

import pytest

from vggt_ros.errors import SourceError
from vggt_ros.offline.archive.listing import listed_paths


def test_the_children_of_a_folder_are_recordings(tmp_path):
    for name in ('b', 'a', '.hidden'):
        (tmp_path / name).mkdir()
    (tmp_path / 'c.mp4').write_text('')
    assert listed_paths(tmp_path) == [tmp_path / name for name in ('a', 'b', 'c.mp4')]


def test_a_text_file_names_one_path_a_line(tmp_path):
    (tmp_path / 'list.txt').write_text('# mine\nwalk one\n\n  /data/two \nwalk one\n')
    found = listed_paths(tmp_path / 'list.txt')
    assert [str(path) for path in found] == [str(tmp_path / 'walk one'), '/data/two']


def test_a_yaml_file_is_a_list_of_paths(tmp_path):
    pytest.importorskip('yaml')
    (tmp_path / 'list.yaml').write_text('- walk one\n- /data/two\n')
    assert [str(path) for path in listed_paths(tmp_path / 'list.yaml')] == [
        str(tmp_path / 'walk one'),
        '/data/two',
    ]
    for text, match in (('a: b', 'must be a list of paths'), ('- [', 'is no YAML')):
        (tmp_path / 'bad.yml').write_text(text)
        with pytest.raises(SourceError, match=match):
            listed_paths(tmp_path / 'bad.yml')


def test_yaml_without_its_package_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'yaml', None)
    (tmp_path / 'list.yaml').write_text('- a\n')
    with pytest.raises(SourceError, match='pip install pyyaml'):
        listed_paths(tmp_path / 'list.yaml')


def test_what_names_nothing_is_told(tmp_path):
    with pytest.raises(SourceError, match='cannot be read'):
        listed_paths(tmp_path / 'none')
    (tmp_path / 'empty.txt').write_text('# nothing\n')
    with pytest.raises(SourceError, match='names no recording'):
        listed_paths(tmp_path / 'empty.txt')
    (tmp_path / 'binary.txt').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(SourceError, match='cannot be read'):
        listed_paths(tmp_path / 'binary.txt')
