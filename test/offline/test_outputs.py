from dataclasses import replace
import json
import sys

import pytest

from vggt_ros.errors import ConfigError, SaveError
from vggt_ros.offline import outputs
from vggt_ros.offline.outputs import check_exports, summary_lines, write_outputs
from vggt_ros.sources.tum_file import read_tum


def test_files_agree_with_the_result(mapped, record, tmp_path):
    assert write_outputs(mapped, record, tmp_path) == []
    assert len(read_tum(tmp_path / 'trajectory.tum').stamps_ns) == len(mapped.poses)
    assert len(read_tum(tmp_path / 'keyframes.tum').stamps_ns) == len(mapped.keyframes)
    assert json.loads((tmp_path / 'run.json').read_text())['frames'] == record['frames']
    size = (tmp_path / 'map.ply').stat().st_size
    assert size > 19 * len(mapped.points.hits)


def test_what_an_export_says_of_itself_is_in_the_record(mapped, record, tmp_path, monkeypatch):
    monkeypatch.setitem(outputs.EXPORTS, 'mesh', lambda folder, result: {'voxel_size': 0.5})
    write_outputs(mapped, record, tmp_path, exports=('mesh',))
    assert json.loads((tmp_path / 'run.json').read_text())['exports'] == {
        'mesh': {'voxel_size': 0.5}
    }


def test_a_library_that_is_missing_is_told_only_where_it_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, 'open3d', None)
    check_exports(('colmap', 'kitti'))
    with pytest.raises(ConfigError, match=r'vggt_ros\[mesh\]'):
        check_exports(('colmap', 'mesh'))


def test_an_export_that_fails_is_told_and_the_others_are_made(
    mapped, record, tmp_path, monkeypatch
):
    def fail(folder, result):
        raise SaveError('no poses')

    monkeypatch.setitem(outputs.EXPORTS, 'euroc', fail)
    failures = write_outputs(mapped, record, tmp_path, exports=('euroc', 'kitti'))
    assert failures == ['the export euroc is missing: no poses']
    assert (tmp_path / 'trajectory.kitti').exists()
    assert failures[0] in json.loads((tmp_path / 'run.json').read_text())['warnings']


def test_every_camera_of_a_rig_has_a_trajectory(mapped, record, tmp_path):
    cameras = tuple(i % 2 for i in range(len(mapped.poses)))
    of_rig = replace(mapped, poses=replace(mapped.poses, camera=cameras))
    assert write_outputs(of_rig, record, tmp_path, exports=('kitti', 'euroc')) == []
    lengths = [len(read_tum(tmp_path / f'trajectory{n}.tum').stamps_ns) for n in ('', '_1')]
    assert lengths == [13, 12]
    assert {'keyframes_1.tum', 'trajectory_1.kitti', 'trajectory_euroc_1.csv'} < {
        path.name for path in tmp_path.iterdir()
    }


def test_a_number_that_is_none_is_no_json(mapped, record, tmp_path):
    with pytest.raises(ValueError, match='JSON'):
        write_outputs(mapped, record | {'peak_memory_mb': float('nan')}, tmp_path)


def test_a_person_is_told_the_summary_and_the_warnings(record):
    lines = summary_lines(record)
    assert lines[0].startswith('25 frames, 100 %')
    assert lines[1:] == ['NOTE: lengths are in map units: nothing gave metric scale']
