import os

from vggt_ros.offline.archive.job import make_job, shard_jobs
from vggt_ros.offline.shards.cutting import cut


def recording(tmp_path, name='walk', text='a'):
    folder = tmp_path / name
    folder.mkdir(parents=True)
    (folder / '0.png').write_text(text)
    os.utime(folder / '0.png', ns=(1, 1))
    return folder


def test_the_same_input_and_settings_are_the_same_job_wherever_they_lie(tmp_path):
    first = make_job(recording(tmp_path / 'a'), {'x': 1, 'y': 2})
    other = make_job(recording(tmp_path / 'b'), {'y': 2, 'x': 1})
    assert first.id == other.id
    assert first.folder == f'walk-{first.id}'
    assert len(first.id) == 16
    assert first.num_bytes == 1


def test_another_input_name_or_setting_is_another_job(tmp_path):
    jobs = [
        make_job(recording(tmp_path / 'a'), {'x': 1}),
        make_job(recording(tmp_path / 'b', text='bb'), {'x': 1}),
        make_job(recording(tmp_path / 'c', name='run'), {'x': 1}),
        make_job(recording(tmp_path / 'd'), {'x': 2}),
    ]
    assert len({job.id for job in jobs}) == 4


def test_what_cannot_be_read_is_a_job_and_another_one_when_it_can(tmp_path):
    lost = make_job(tmp_path / 'walk', {})
    assert lost.num_bytes == 0
    assert lost.name == 'walk'
    assert lost.id != make_job(recording(tmp_path), {}).id


def test_shards_of_a_recording_are_jobs_of_their_own(tmp_path):
    (tmp_path / 'x.mp4').write_bytes(b'1234567890')
    whole = make_job(tmp_path / 'x.mp4', {'shard_frames': 20})
    jobs = shard_jobs(whole, cut(40, 20, 5))
    assert [job.name for job in jobs] == ['x.mp4.shard-1-of-2', 'x.mp4.shard-2-of-2']
    assert len({whole.id, *(job.id for job in jobs)}) == 3
    assert [job.shard.frames.first for job in jobs] == [0, 20]
    assert [job.shard.is_last for job in jobs] == [False, True]
    assert {job.shard.whole for job in jobs} == {whole.folder}
    assert jobs == shard_jobs(whole, cut(40, 20, 5)), 'the same command finds them again'
    assert jobs[0].id != shard_jobs(whole, cut(40, 20, 6))[0].id
    assert jobs[0].num_bytes > jobs[1].num_bytes > 0
