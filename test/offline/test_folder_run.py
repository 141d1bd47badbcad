from dataclasses import replace
import errno
import json
from pathlib import Path
import pickle
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from vggt_ros.errors import ConfigError, PredictionError, SaveError, SourceError
from vggt_ros.offline import cached_predictor, export_colmap, folder_run, outputs
from vggt_ros.offline.folder_run import run_into_folder, RunOptions, weights_sha256
from vggt_ros.settings.config import ModelSettings
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.position_fixes import fixes_of, GeodeticFix

ROOT = Path(__file__).parents[2]
# Ends as by a power cut while the network works on its third window.
KILLED = """
import os, pickle, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import conftest
from vggt_ros.offline.folder_run import run_into_folder, RunOptions
walk, config = pickle.loads(Path(sys.argv[1]).read_bytes())
source = conftest.CourseSource(walk, depth=True)
path = Path(sys.argv[4])
opened = conftest.sequence_of(source, path)
backbone = conftest.SimulatedBackbone(walk)
ask = backbone.predict
def predict(*given, **named):
    if len(backbone.asked) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return ask(*given, **named)
backbone.predict = predict
run_into_folder(opened, config, Path(sys.argv[2]), RunOptions(), load=lambda _: backbone)
"""


@pytest.fixture
def quick_pictures(monkeypatch):
    """Pictures of one pixel: drawing takes seconds."""

    def draw(result, folder, title):
        cv2.imwrite(str(folder / 'overview.png'), np.zeros((1, 1, 3), np.uint8))
        return ('overview.png',)

    monkeypatch.setattr(outputs, 'draw_pictures', draw)


@pytest.fixture
def run(opened, config, walk, backbone_of, tmp_path, request):
    if 'everything' not in request.node.name:
        request.getfixturevalue('quick_pictures')

    config = with_values(config, {'keyframe.min_parallax': 3.0})

    def start(name='out', *, behind=None, source=opened, **options):
        behind = backbone_of(walk) if behind is None else behind
        done = run_into_folder(
            source, config, tmp_path / name, RunOptions(**options), load=lambda _: behind
        )
        assert behind.is_closed
        return done

    return start


def trajectory(done):
    return (done.folder / 'trajectory.tum').read_text()


def test_a_run_leaves_a_folder_with_everything(run, tmp_path):
    done = run(exports=('kitti', 'euroc', 'transforms'), depth=True)
    names = {path.name for path in done.folder.iterdir()}
    assert names == {
        'trajectory.tum', 'keyframes.tum', 'map.ply', 'session', 'run.json', 'report.html',
        'overview.png',
        'trajectory.png', 'depth.png', 'map_above.png', 'map_side.png', 'trajectory.kitti',
        'trajectory_euroc.csv', 'transforms', 'frames',
    }  # fmt: skip
    told = json.loads((done.folder / 'run.json').read_text())
    assert told['frames']['coverage'] == 1.0
    assert done.missing == ()
    assert (tmp_path / 'latest').resolve() == done.folder


def test_a_mesh_without_open3d_is_refused_before_anything_is_read(
    opened, config, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'open3d', None)
    options = RunOptions(exports=('mesh',))
    with pytest.raises(ConfigError, match=r"pip install 'vggt_ros\[mesh\]'"):
        run_into_folder(opened, config, tmp_path / 'out', options, load=pytest.fail)
    assert not list(tmp_path.glob('out*'))


def test_an_interrupted_run_goes_on_where_it_was(run, walk, backbone_of, tmp_path):
    whole = run('whole')
    with pytest.raises(KeyboardInterrupt):
        run(behind=backbone_of(walk, stop_after=2))
    assert not (tmp_path / 'out').exists()
    with pytest.raises(ConfigError, match='--resume'):
        run()
    rest = backbone_of(walk)
    resumed = run(behind=rest, resume=True)
    assert trajectory(resumed) == trajectory(whole)
    assert len(rest.asked) == resumed.num_asked == whole.num_asked - 2
    assert resumed.record['predictions'] == {'asked': whole.num_asked - 2, 'known': 2}
    assert not (resumed.folder / 'cache').exists()


def test_a_killed_run_goes_on_where_it_was(run, opened, config, walk, tmp_path):
    config = with_values(config, {'keyframe.min_parallax': 3.0})
    whole = run('whole')
    script, given = tmp_path / 'killed.py', tmp_path / 'given.pkl'
    script.write_text(KILLED)
    given.write_bytes(pickle.dumps((walk, config)))
    target = tmp_path / 'out'
    words = [str(given), str(target), str(Path(__file__).parent), str(opened.path)]
    done = subprocess.run(
        [sys.executable, str(script), *words],
        cwd=ROOT, env={'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (tmp_path / 'out.part').is_dir()
    resumed = run(resume=True)
    assert trajectory(resumed) == trajectory(whole)
    assert resumed.record['predictions'] == {'asked': whole.num_asked - 2, 'known': 2}


def test_a_kept_cache_repeats_the_map_without_the_network(run, walk, backbone_of, tmp_path):
    first = run(keep_cache=True)
    first.folder.rename(tmp_path / 'again.part')
    silent = backbone_of(walk, stop_after=0)
    again = run('again', behind=silent, resume=True, exports=('kitti',))
    assert trajectory(again) == (tmp_path / 'again' / 'trajectory.tum').read_text()
    assert again.num_asked == 0
    assert (again.folder / 'trajectory.kitti').exists()


def test_an_input_that_ends_early_gives_what_there_was(run, opened, sequence_of):
    class Broken:
        num_frames, rate_hz = 25, None

        def __iter__(self):
            for index in range(14):
                yield opened.recording.source.frame(index)
            raise SourceError('14.png cannot be read: it is gone')

    done = run(source=sequence_of(Broken(), opened.path))
    assert done.record['frames']['read'] == 14
    assert 'the input ended after 14 frames: 14.png' in done.missing[0]
    assert done.missing[0] in json.loads((done.folder / 'run.json').read_text())['warnings']


def test_an_input_without_a_first_frame_is_refused(run, opened, sequence_of):
    class Empty:
        num_frames, rate_hz = 25, None

        def __iter__(self):
            raise SourceError('0.png cannot be read')

    with pytest.raises(SourceError, match=r'0\.png'):
        run(source=sequence_of(Empty(), opened.path))


def test_an_export_that_cannot_be_made_is_a_missing_part(run, monkeypatch):
    monkeypatch.setattr(export_colmap, '_MAX_DEPTH_ERROR', -1.0)
    done = run(exports=('colmap',))
    assert len(done.missing) == 1
    assert 'would be empty' in done.missing[0]
    assert 'the export colmap is missing' in (done.folder / 'report.html').read_text()


def test_an_export_of_images_brings_them_along(run):
    done = run(exports=('transforms',))
    assert done.missing == ()
    model = json.loads((done.folder / 'transforms' / 'transforms.json').read_text())
    assert all((done.folder / 'transforms' / f['file_path']).exists() for f in model['frames'])


def test_frames_that_the_source_left_out_are_counted(run, opened, sequence_of):
    source = sequence_of(opened.recording.source, opened.path, {'bad_encoding': 3})
    told = run(source=source).record
    assert told['frames']['unusable'] == {'bad_encoding': 3}
    assert '3 frames of the input cannot be used: bad_encoding' in told['warnings']


def test_a_source_without_a_file_is_refused(run, opened, sequence_of):
    with pytest.raises(SourceError, match='not in files'):
        run(source=sequence_of(opened.recording.source, None))


def test_no_map_leaves_no_folder(run, walk, backbone_of, tmp_path):
    behind = backbone_of(walk)

    def fail(images, request, *, frame_ids=None):
        raise PredictionError('no answer')

    behind.predict = fail
    done = run(behind=behind)
    assert done.folder is None
    assert [path.name for path in tmp_path.iterdir()] == ['input']
    assert 'there is no map' in '; '.join(done.record['warnings'])


def test_the_truth_is_left_out_when_asked(run):
    assert run('with').record['errors'] is not None
    assert run('without', uses_truth=False).record['errors'] is None


def test_depth_tells_meters_only_if_it_is_asked_to(run):
    assert not run('without').record['scale']['is_metric']
    told = run('with', uses_depth=True, uses_truth=False).record
    assert told['scale']['source'] == 'depth'
    assert told['errors'] is None or told['errors']['num_true_poses'] == 0


def test_fixes_of_a_data_set_are_used_only_if_asked_for_and_never_of_a_shard(
    run, opened, walk, source_type, sequence_of
):
    fixes = fixes_of([GeodeticFix(stamp_ns=1, place=np.zeros(3), covariance=np.eye(3))])
    fix = fixes.at(1, np.zeros(3))

    class WithFixes(source_type):
        def frame(self, index):
            return replace(super().frame(index), fix=fix)

    source = sequence_of(WithFixes(walk, stop=13), opened.path)
    counts = [
        run(name, source=source, **options).record['map']['positions']['num_positions']
        for name, options in (
            ('left out', {}),
            ('wanted', {'uses_gnss': True}),
            ('shard', {'uses_gnss': True, 'is_shard': True}),
        )
    ]
    assert counts[0] == counts[2] == 0 < counts[1]


def test_the_input_is_never_written_to(run, opened):
    with pytest.raises(ConfigError, match='never written to'):
        run('input/out')
    with pytest.raises(ConfigError, match='the input itself'):
        run('input')
    assert list(opened.path.iterdir()) == []


def test_a_full_disk_is_told_and_the_run_can_go_on(run, monkeypatch, tmp_path):
    def full(path, prediction):
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as broken:
        broken.setattr(cached_predictor, 'write_prediction', full)
        with pytest.raises(SaveError, match='make room, then go on with --resume'):
            run()
    assert not (tmp_path / 'out').exists()
    assert run(resume=True).folder is not None


def test_an_unknown_export_is_refused():
    with pytest.raises(ConfigError, match='no export nonsense; there are'):
        RunOptions(exports=('nonsense',))


def test_the_weights_are_known_by_their_digest():
    nano = weights_sha256(ModelSettings(checkpoint='nano'))
    assert len(nano) == 64
    assert weights_sha256(ModelSettings(checkpoint='/no/such.pt')) == ''


def test_the_poses_are_rounded_alike_in_every_run(run):
    np.testing.assert_equal(trajectory(run('a')), trajectory(run('b')))
    assert folder_run.CACHE == 'cache'
