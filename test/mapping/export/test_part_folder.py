import subprocess
import sys
import time

import pytest

from vggt_ros.errors import SaveError
from vggt_ros.mapping.export.part_folder import (
    maps_named,
    PartFolder,
    remove_leftovers,
    remove_map,
    write_whole,
)


def test_it_is_hidden_until_it_has_its_name(tmp_path):
    part = PartFolder(tmp_path, 'map')
    assert part.path.name.startswith('.map.')
    (part.path / 'a').write_text('b')
    assert not part.is_over
    assert part.publish() == tmp_path / 'map'
    assert part.is_over
    part.discard()
    assert (tmp_path / 'map' / 'a').read_text() == 'b'


def test_what_is_discarded_is_gone_and_gets_no_name(tmp_path):
    part = PartFolder(tmp_path, 'map')
    with (part.path / 'a').open('w') as file:
        part.discard()
        file.write('still open')
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        (part.path / 'b').mkdir()
    with pytest.raises(SaveError, match='the node ends'):
        part.publish()


def test_leftovers_of_a_killed_process_are_removed_and_nothing_else(tmp_path):
    code = (
        'import sys, time; from pathlib import Path; '
        'from vggt_ros.mapping.export.part_folder import PartFolder; '
        "part = PartFolder(Path(sys.argv[1]), 'map'); (part.path / 'x').touch(); "
        'print(flush=True); time.sleep(60)'
    )
    child = subprocess.Popen(
        [sys.executable, '-c', code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    child.stdout.readline()
    try:
        assert remove_leftovers(tmp_path, 'map') == 0, 'it is being written'
        assert len(list(tmp_path.iterdir())) == 1
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    others = ['map', 'map-2', '.map.part', '.other.0123abcd.part', '.map.0123abcd.part~']
    for name in others:
        (tmp_path / name).mkdir()
    (tmp_path / '.map.00000000.part').symlink_to(tmp_path / 'map')
    assert remove_leftovers(tmp_path, 'map') == 1
    assert {each.name for each in tmp_path.iterdir()} == {*others, '.map.00000000.part'}
    assert remove_leftovers(tmp_path / 'nowhere', 'map') == 0


def test_maps_are_found_by_their_name(tmp_path):
    for name in ('map', 'map-2', 'map-17', 'map-old', 'other', '.map.0123abcd.part'):
        (tmp_path / name).mkdir()
    names = {each.name for each in maps_named(tmp_path, 'map')}
    assert names == {'map', 'map-2', 'map-17'}
    assert maps_named(tmp_path / 'nowhere', 'map') == []


def test_a_map_that_is_removed_is_gone_and_its_neighbors_are_not(tmp_path):
    for name in ('map', 'map-2'):
        (tmp_path / name / 'colmap').mkdir(parents=True)
    remove_map(tmp_path / 'map', 'map')
    remove_map(tmp_path / 'nowhere', 'map')
    assert [each.name for each in tmp_path.iterdir()] == ['map-2']


def test_to_discard_takes_no_time(tmp_path):
    part = PartFolder(tmp_path, 'map')
    (part.path / 'large').write_bytes(bytes(100_000_000))
    start_s = time.monotonic()
    part.discard()
    assert time.monotonic() - start_s < 1.0


def test_a_map_is_there_whole_or_not_at_all(tmp_path):
    def write(path):
        (path / 'a').write_text('a')

    def fail(path):
        write(path)
        raise OSError(28, 'No space left on device')

    begun = []
    assert write_whole(tmp_path, 'map', write, begun.append) == tmp_path / 'map'
    with pytest.raises(OSError, match='No space'):
        write_whole(tmp_path, 'map', fail, begun.append)
    assert [part.is_over for part in begun] == [True, True]
    assert [path.name for path in tmp_path.iterdir()] == ['map']
    assert (tmp_path / 'map' / 'a').read_text() == 'a'
