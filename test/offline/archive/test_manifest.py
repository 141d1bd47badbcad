import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
import pytest

from vggt_ros.errors import ConfigError, SaveError
from vggt_ros.offline.archive.job import Job, Outcome
from vggt_ros.offline.archive.manifest import (
    DONE,
    FAILED,
    FILE,
    JobRecord,
    Manifest,
    PENDING,
    read_records,
    RUNNING,
)

JOBS = [Job(id=f'{i}', name=f'job {i}', path=f'/in/{i}', num_bytes=i) for i in range(4)]


@pytest.fixture
def archive(tmp_path):
    return tmp_path / 'archive'


def write_history(archive):
    manifest = Manifest(archive)
    manifest.begin(JOBS[0], 'worker ä')
    manifest.end(JOBS[0], Outcome(seconds=2.0, num_frames=7), again=False)
    manifest.begin(JOBS[1])
    manifest.end(JOBS[1], Outcome(error='it\nbroke'), again=True)
    manifest.begin(JOBS[1])
    manifest.end(JOBS[1], Outcome(error='again'), again=False)
    manifest.begin(JOBS[2])
    manifest.close()
    return (archive / FILE).read_bytes()


def test_states_outlive_the_process(archive):
    write_history(archive)
    manifest = Manifest(archive)
    done, failed, was_running, new = (manifest.of(job) for job in JOBS)
    assert (done.state, done.attempts, done.num_frames, done.worker) == (DONE, 1, 7, 'worker ä')
    assert (failed.state, failed.attempts, failed.error) == (FAILED, 2, 'again')
    assert (was_running.state, was_running.attempts) == (PENDING, 1)
    assert 'the run ended before it did' in was_running.error
    assert (new.state, new.attempts) == (PENDING, 0)
    manifest.close()
    manifest.close()


def test_an_attempt_that_was_ended_from_outside_does_not_count(archive):
    manifest = Manifest(archive)
    manifest.begin(JOBS[0])
    assert manifest.of(JOBS[0]).state == RUNNING
    manifest.give_back(JOBS[0])
    assert (manifest.of(JOBS[0]).state, manifest.of(JOBS[0]).attempts) == (PENDING, 0)
    manifest.close()


def test_a_job_that_is_forgotten_begins_anew(archive):
    write_history(archive)
    manifest = Manifest(archive)
    manifest.forget(JOBS[1])
    manifest.close()
    manifest = Manifest(archive)
    assert (manifest.of(JOBS[1]).state, manifest.of(JOBS[1]).attempts) == (PENDING, 0)
    manifest.close()


@pytest.fixture(scope='module')
def history(tmp_path_factory):
    return write_history(tmp_path_factory.mktemp('history'))


@given(share=st.floats(0.0, 1.0), rest=st.binary(max_size=8))
def test_a_manifest_torn_at_any_byte_is_read(history, share, rest):
    at = round(share * len(history))
    torn = history[:at] + rest.replace(b'\n', b'')
    records, num_good = read_records(torn, Path(FILE))
    whole = history[:at].count(b'\n')
    expected, _ = read_records(b''.join(history.splitlines(keepends=True)[:whole]), Path(FILE))
    for id_, record in expected.items():
        assert record.attempts <= records[id_].attempts
    assert len(records) <= len(expected) + 1
    assert num_good <= len(torn)
    assert history.startswith(torn[:num_good])


def test_a_torn_manifest_is_gone_on_with_wherever_its_last_lines_end(history, archive):
    archive.mkdir()
    for at in range(len(history) - 420, len(history) + 1, 4):
        (archive / FILE).write_bytes(history[:at])
        manifest = Manifest(archive)
        manifest.begin(JOBS[3])
        manifest.close()
        lines = (archive / FILE).read_bytes().splitlines()
        assert json.loads(lines[-1])['id'] == '3', at
        assert all(json.loads(line) for line in lines)


def test_a_file_of_many_outdated_lines_is_written_anew(archive):
    manifest = Manifest(archive)
    for _ in range(200):
        manifest.begin(JOBS[0])
    manifest.begin(JOBS[1])
    manifest.close()
    assert (archive / FILE).read_bytes().count(b'\n') < 100
    manifest = Manifest(archive)
    assert manifest.of(JOBS[0]).attempts == 200
    assert manifest.of(JOBS[1]).attempts == 1
    manifest.close()
    assert [path.name for path in archive.iterdir()] == [FILE]


def test_only_one_run_works_on_an_archive(archive):
    manifest = Manifest(archive)
    with pytest.raises(ConfigError, match='another run works on the archive'):
        Manifest(archive)
    manifest.close()
    Manifest(archive).close()


@pytest.mark.parametrize('line', [b'\xff\n', b'7\n', b'{"id": "0"}\n', b'\n'])
def test_damage_before_the_last_line_is_told(archive, history, line):
    archive.mkdir()
    (archive / FILE).write_bytes(line + history)
    with pytest.raises(SaveError, match=r'line 1 of .*manifest.jsonl is damaged.*remove it'):
        Manifest(archive)
    (archive / FILE).write_bytes(history)
    Manifest(archive).close()


def test_a_state_that_there_is_not_is_damage():
    line = json.dumps({'id': '0', 'name': '', 'path': '', 'state': 'odd', 'missing': []}).encode()
    assert read_records(line, Path(FILE)) == ({}, 0)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(SaveError, match='cannot be written'):
        Manifest(tmp_path / 'file')


def test_a_record_begins_as_pending():
    assert JobRecord(id='0', name='', path='').state == PENDING
