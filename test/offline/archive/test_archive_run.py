import logging

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.offline.archive.archive_run import run_archive
from vggt_ros.offline.archive.executor import InProcess
from vggt_ros.offline.archive.job import Outcome
from vggt_ros.offline.archive.manifest import DONE, FAILED, Manifest, PENDING


@pytest.fixture
def archive(tmp_path, stub):
    """Run jobs in this process; what has a result is done."""

    def run(jobs, work=stub.work, **options):
        manifest = Manifest(tmp_path / 'archive')
        try:
            return run_archive(
                jobs, work, InProcess(), manifest,
                is_done=lambda job: job.name in stub.results, **options,
            )  # fmt: skip
        finally:
            manifest.close()

    return run


def test_what_is_done_is_not_done_again(archive, stub, jobs_named):
    first = archive(jobs_named('a', 'bb'))
    assert first.is_whole
    assert (first.num_done, first.num_known) == (2, 0)
    assert [record.num_frames for record in first.records] == [1, 2]
    second = archive(jobs_named('a', 'bb', 'c'))
    assert (second.num_done, second.num_known) == (3, 2)
    assert stub.attempts == ['a', 'bb', 'c']


def test_a_result_that_was_removed_is_made_again(archive, stub, jobs_named):
    archive(jobs_named('a'))
    (stub.folder / 'results').unlink()
    assert archive(jobs_named('a')).is_whole
    assert stub.attempts == ['a', 'a']


def test_a_result_that_a_crash_left_without_a_note_is_taken(archive, stub, jobs_named):
    (stub.folder / 'results').write_text('a\n')
    report = archive(jobs_named('a'))
    assert report.records[0].state == DONE
    assert stub.attempts == []


def test_attempts_have_a_limit_over_all_runs_until_asked_otherwise(archive, stub, jobs_named):
    report = archive(jobs_named('raise', 'bad', 'a'), max_attempts=2)
    by_name = {record.name: record for record in report.records}
    assert not report.is_whole
    assert (by_name['raise'].state, by_name['raise'].attempts) == (FAILED, 2)
    assert (by_name['bad'].state, by_name['bad'].attempts) == (FAILED, 1)
    archive(jobs_named('raise', 'bad', 'a'), max_attempts=2)
    assert stub.attempts == ['a', 'bad', 'raise', 'raise']
    archive(jobs_named('raise', 'bad', 'a'), max_attempts=1, retry_failed=True)
    assert stub.attempts == ['a', 'bad', 'bad', 'raise', 'raise', 'raise']


def test_a_job_that_ends_the_whole_process_each_time_is_given_up(archive, jobs_named, tmp_path):
    job = jobs_named('a')[0]
    for _ in range(2):
        manifest = Manifest(tmp_path / 'archive')
        manifest.begin(job)
        manifest.close()
    report = archive([job], max_attempts=2)
    assert report.records[0].state == FAILED
    assert 'the run ended before it did' in report.records[0].error


def test_an_interrupt_is_no_attempt(archive, stub, jobs_named, tmp_path):
    class Interrupted(type(stub.work)):
        def __call__(self, job):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archive(jobs_named('a'), Interrupted(stub.folder))
    manifest = Manifest(tmp_path / 'archive')
    record = manifest.of(jobs_named('a')[0])
    assert (record.state, record.attempts) == (PENDING, 0)
    manifest.close()


def test_long_recordings_come_first_and_twins_are_one(archive, stub, jobs_named):
    from dataclasses import replace

    short, long = jobs_named('short', 'long')
    report = archive([short, replace(long, num_bytes=9), short])
    assert stub.lines('results') == ['long', 'short']
    assert [record.name for record in report.records] == ['short', 'long']


def test_a_table_tells_what_became_of_each(archive, stub, jobs_named, caplog):
    class Partly(type(stub.work)):
        def __call__(self, job):
            return Outcome(missing=('no export',)) if job.name == 'a' else super().__call__(job)

    with caplog.at_level(logging.INFO):
        report = archive(jobs_named('a', 'bad'), Partly(stub.folder))
    assert '[2/2] bad: no recording; failed' in caplog.text
    assert '[1/2] a: done in' in caplog.text
    lines = report.lines()
    assert lines[0].split() == ['name', 'state', 'tries', 'seconds', 'frames']
    assert lines[1].split()[:3] == ['a', 'done', '1']
    assert lines[2] == '  no export'
    assert lines[4] == '  no recording'
    assert lines[-1] == '1 of 2 done, 0 of them before'
    assert not report.is_whole


def test_no_attempt_at_all_is_refused(archive, jobs_named):
    with pytest.raises(ConfigError, match='--attempts must be at least 1; got 0'):
        archive(jobs_named('a'), max_attempts=0)


def test_reports_of_two_runs_are_told_as_one(archive, stub, jobs_named):
    both = archive(jobs_named('a')).with_others(archive(jobs_named('a', 'bad')))
    assert [record.name for record in both.records] == ['a', 'a', 'bad']
    assert (both.num_done, both.num_known) == (2, 1)
    assert not both.is_whole
