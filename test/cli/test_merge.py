import numpy as np
import pytest

from vggt_ros.cli.main import main
from vggt_ros.mapping.session.session_folder import read_session


@pytest.fixture(scope='module')
def maps(tmp_path_factory, write_map):
    folder = tmp_path_factory.mktemp('maps')
    write_map(folder / 'a', range(28), refine__mode='poses')
    write_map(folder / 'b', range(8, 36), refine__mode='poses')
    write_map(folder / 'elsewhere', range(16), seed=5, refine__mode='poses')
    return folder


def test_two_maps_become_one_that_programs_and_people_can_read(maps, tmp_path, capsys):
    out = tmp_path / 'one'
    assert main(['merge', str(maps / 'a'), str(maps / 'b'), '-o', str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert {each.name for each in out.iterdir()} == {'session', 'map.ply', 'trajectory.tum'}
    session = read_session(out)
    assert {each.segment for each in session.submaps} == {0}
    assert len(np.loadtxt(out / 'trajectory.tum')) == len(session.path)


def test_what_cannot_be_merged_is_said_and_nothing_is_written(maps, tmp_path, caplog):
    out = tmp_path / 'one'
    assert main(['merge', str(maps / 'a'), str(maps / 'elsewhere'), '-o', str(out)]) == 1
    assert 'no place in common' in caplog.text
    assert main(['merge', str(maps / 'a'), '-o', str(out)]) == 1
    assert 'two or more' in caplog.text
    assert main(['merge', str(maps / 'a'), str(tmp_path), '-o', str(out)]) == 1
    assert 'session.json' in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_map_that_is_there_is_not_replaced_unasked(maps, tmp_path, caplog):
    assert main(['merge', str(maps / 'a'), str(maps / 'b'), '-o', str(tmp_path)]) == 2
    assert '--overwrite' in caplog.text
