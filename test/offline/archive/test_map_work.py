import json
import pickle

import cv2
import pytest

from vggt_ros.errors import PredictionError
from vggt_ros.offline.archive import map_work
from vggt_ros.offline.archive.executor import InProcess
from vggt_ros.offline.archive.job import make_job, shard_jobs
from vggt_ros.offline.archive.map_work import MapWork
from vggt_ros.offline.archive.process_pool import ProcessPool
from vggt_ros.offline.archive.ray_pool import RayPool
from vggt_ros.offline.folder_run import FolderRun, RunOptions
from vggt_ros.offline.shards.cutting import FrameRange
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values

FAST = {'model.checkpoint': 'nano', 'model.device': 'cpu', 'refine.mode': 'off'}
FAST |= {'keyframe.min_parallax': 0.0}


@pytest.fixture
def recordings(views, tmp_path):
    """Two recordings of images, of one size and different content."""
    folders = []
    for name, images in (('there', views.images[:7]), ('back', views.images[:2:-1])):
        folders.append(tmp_path / 'recordings' / name)
        folders[-1].mkdir(parents=True)
        for index, image in enumerate(images):
            cv2.imwrite(str(folders[-1] / f'{index}.png'), image[..., ::-1])
    return folders


@pytest.fixture
def work_into(tmp_path):
    def make(out, **options):
        config = with_values(VggtConfig(), FAST)
        return MapWork(config, RunOptions(), tmp_path / out, num_threads=1, **options)

    return make


def files_of(folder):
    """The files that a run leaves and that tell no times."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.glob('*-*/*'))
        if path.suffix in ('.tum', '.ply', '.png')
    }


def check_all(executor, work, recordings, events, out):
    jobs = [make_job(path, work.settings()) for path in recordings]
    executor.run(jobs, work, events)
    assert not any(outcome.error for each in events.ended.values() for outcome in each)
    assert all(work.is_done(job) for job in jobs)
    return files_of(out)


@pytest.mark.slow
def test_executors_give_the_same_files(recordings, work_into, events, tmp_path):
    # The first keeps one network for both, the second loads it twice.
    one = check_all(InProcess(), work_into('one'), recordings, events, tmp_path / 'one')
    two = check_all(ProcessPool(2), work_into('two'), recordings, events, tmp_path / 'two')
    assert len(one) >= 10
    assert one == two


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore')
def test_a_ray_cluster_gives_the_same_files(cluster, recordings, work_into, events, tmp_path):
    one = check_all(InProcess(), work_into('one'), recordings, events, tmp_path / 'one')
    pool = RayPool(cluster.address)
    assert check_all(pool, work_into('two'), recordings, events, tmp_path / 'two') == one


@pytest.fixture
def runs(monkeypatch):
    """What is asked of `mapped_into`; `gives` is what it returns or raises."""
    asked = []

    def run(path, config, target, options, *, opening, load):
        asked.append((path, options, opening))
        if isinstance(run.gives, Exception):
            raise run.gives
        return run.gives

    run.asked = asked
    monkeypatch.setattr(map_work, 'mapped_into', run)
    return run


def test_a_result_says_how_many_frames_it_has_and_what_is_missing(
    runs, recordings, work_into, tmp_path
):
    record = {'frames': {'read': 9, 'dropped': {'blind': 2}}}
    work = work_into('out', opening={'every': 2})
    job = make_job(recordings[0], {})
    runs.gives = FolderRun(folder=tmp_path, record=record, missing=('no x',), num_asked=1)
    outcome = work(job)
    assert (outcome.error, outcome.missing, outcome.num_frames) == ('', ('no x',), 9)
    path, options, opening = runs.asked[0]
    assert path == recordings[0]
    assert options.resume
    assert opening == {'every': 2}
    runs.gives = FolderRun(folder=None, record=record, missing=(), num_asked=1)
    outcome = work(job)
    assert '9 frames gave no map (dropped: 2 as blind)' in outcome.error
    assert outcome.is_final


def test_what_another_attempt_may_cure_is_raised(runs, recordings, work_into):
    runs.gives = PredictionError('not now')
    with pytest.raises(PredictionError):
        work_into('out')(make_job(recordings[0], {}))


def test_what_is_no_recording_fails_for_good(work_into, tmp_path):
    (tmp_path / 'empty').mkdir()
    for name in ('empty', 'none'):
        outcome = work_into('out')(make_job(tmp_path / name, {}))
        assert outcome.is_final
        assert str(tmp_path / name) in outcome.error


def test_a_folder_that_is_there_is_not_made_again(runs, recordings, work_into, tmp_path):
    job = make_job(recordings[0], {})
    (tmp_path / 'out' / job.folder).mkdir(parents=True)
    (tmp_path / 'out' / job.folder / 'run.json').write_text('{}')
    assert not work_into('out')(job).error
    assert runs.asked == []


def test_settings_are_what_results_depend_on(work_into, tmp_path):
    calibration = tmp_path / 'camera.txt'
    calibration.write_text('1 2 3 4')
    plain = work_into('out').settings()
    assert json.loads(json.dumps(plain)) == plain
    assert len(plain['weights']) == 64
    assert 'device' not in plain['config']['model']
    other = work_into('elsewhere', opening={'calibration': calibration}).settings()
    assert other['opening']['calibration'] == '1 2 3 4'
    assert other['config'] == plain['config']


def test_work_can_be_sent_and_closed_at_any_time(work_into):
    work = pickle.loads(pickle.dumps(work_into('out')))
    work.close()
    work.close()


@pytest.fixture
def shards(recordings):
    ranges = FrameRange(first=0, count=4), FrameRange(first=3, count=4)
    return shard_jobs(make_job(recordings[0], {}), ranges)


def test_a_shard_is_its_frames_and_the_last_one_all_that_are_left(
    runs, shards, work_into, tmp_path
):
    record = {'frames': {'read': 4, 'dropped': {}}}
    runs.gives = FolderRun(folder=tmp_path, record=record, missing=(), num_asked=1)
    for work in (work_into('a'), work_into('a', opening={'max_frames': 6})):
        for shard in shards:
            assert not work(shard).error
    assert all(options.is_shard for _, options, _ in runs.asked)
    parts = [(each['skip_frames'], each['max_frames']) for *_, each in runs.asked]
    assert parts == [(0, 4), (3, None), (0, 4), (3, 3)]


def test_a_shard_is_done_once_all_are_joined(shards, work_into, tmp_path):
    work = work_into('out')
    whole = tmp_path / 'out' / shards[0].shard.whole
    whole.mkdir(parents=True)
    for joined, is_done in (([0], False), ([0, 1], True)):
        record = {'shards': {'num': 2, 'joined': joined}}
        (whole / 'run.json').write_text(json.dumps(record))
        assert [work.is_done(shard) for shard in shards] == [is_done] * 2
