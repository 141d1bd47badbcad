from dataclasses import replace
import json
import shutil

import numpy as np
import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.offline import outputs
from vggt_ros.offline.shards.join_run import is_whole, joined_shards


def files_in(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file() and path.name not in ('run.json', 'report.html')
    }


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(outputs, 'draw_pictures', lambda result, folder, title: ())


def test_the_folder_is_like_that_of_a_single_run(sharded, tmp_path):
    done = sharded.joined(tmp_path / 'out', exports=('kitti', 'colmap'))
    assert done.missing == ()
    whole = sharded.whole.folder
    names = {path.name for path in done.folder.iterdir()}
    assert {path.name for path in whole.iterdir()} <= names
    assert {'trajectory.kitti', 'colmap', 'frames'} <= names
    record = json.loads((done.folder / 'run.json').read_text())
    assert set(record) == {*json.loads((whole / 'run.json').read_text()), 'shards'} - {
        'predictions'
    }
    assert len(np.loadtxt(done.folder / 'trajectory.tum')) == len(sharded.course)
    assert len(np.loadtxt(done.folder / 'keyframes.tum')) == record['frames']['in_map']
    assert len(list((done.folder / 'colmap' / 'images').iterdir())) == record['frames']['in_map']
    shards = record['shards']
    assert shards['joined'] == [0, 1, 2, 3]
    assert [each['is_connected'] for each in shards['joints']] == [True] * 3
    assert all(each['scale_from'] == 'depth' for each in shards['joints'])
    assert record['map']['num_windows'] == sum(
        json.loads((run.folder / 'run.json').read_text())['map']['num_windows']
        for run in sharded.runs
    )
    page = (done.folder / 'report.html').read_text()
    assert '4 of 4' in page


def test_what_is_done_again_gives_the_same_files(sharded, quick, tmp_path):
    one, two = (sharded.joined(tmp_path / name).folder for name in ('one', 'two'))
    assert files_in(one) == files_in(two)
    assert len(files_in(one)) >= 3


def test_neighbors_of_a_failed_shard_are_two_segments_and_that_is_said(sharded, quick, tmp_path):
    runs = list(sharded.runs)
    runs[1] = replace(runs[1], folder=tmp_path / 'none', failure='the worker was killed')
    done = sharded.joined(tmp_path / 'out', runs)
    record = done.record
    assert record['map']['num_segments'] == 2
    assert len(done.missing) == 2
    first, end = runs[1].frames.first, runs[1].frames.end - 1
    assert f'shard 2 of 4 (frames {first} to {end}) has no map: the worker' in done.missing[0]
    assert 'shards 1 and 3 are two segments' in done.missing[1]
    assert set(done.missing) <= set(record['warnings'])
    own = runs[2].frames.first - runs[0].frames.end
    assert record['frames']['read'] == len(sharded.course) - own
    assert joined_shards(done.folder) == (0, 2, 3)
    assert not is_whole(done.folder)


def test_without_a_shard_there_is_nothing_to_join(sharded, tmp_path):
    runs = [replace(run, failure='it is broken') for run in sharded.runs]
    with pytest.raises(ConfigError, match='none of the 4 shards of walk has a map: it is broken'):
        sharded.joined(tmp_path / 'out', runs)
    assert not (tmp_path / 'out').exists()


def test_shards_that_were_joined_may_be_removed(sharded, quick, tmp_path):
    copied = []
    for run in sharded.runs:
        folder = tmp_path / run.folder.name
        shutil.copytree(run.folder, folder)
        copied.append(replace(run, folder=folder))
    done = sharded.joined(tmp_path / 'out', copied)
    for run in copied:
        shutil.rmtree(run.folder)
    assert is_whole(done.folder)
    assert joined_shards(tmp_path / 'nowhere') is None
