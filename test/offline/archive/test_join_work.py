import json

import cv2
import numpy as np
import pytest

from vggt_ros.offline.archive import join_work
from vggt_ros.offline.archive.job import make_job, shard_jobs
from vggt_ros.offline.archive.join_work import JoinWork
from vggt_ros.offline.folder_run import FolderRun, RunOptions
from vggt_ros.offline.shards.cutting import cut
from vggt_ros.settings.config import VggtConfig


class Joins:
    """A recording of three shards, and what is asked of `join_into_folder`."""

    def __init__(self, folder, asked):
        self.out, self.asked = folder / 'out', asked
        (folder / 'in').mkdir()
        self.whole = make_job(folder / 'in', {})
        self.shards = shard_jobs(self.whole, cut(60, 20, 5))
        self.work = JoinWork(
            VggtConfig(),
            RunOptions(),
            self.out,
            {self.whole: self.shards},
            lambda job: 'it was killed' if job == self.shards[1] else '',
        )

    def map(self, *numbers):
        for number in numbers:
            self.done(self.shards[number], {})

    def done(self, job, record):
        folder = self.out / job.folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'run.json').write_text(json.dumps(record))

    def joined(self, *numbers):
        self.done(self.whole, {'shards': {'num': 3, 'joined': numbers}})


@pytest.fixture
def joins(tmp_path, monkeypatch):
    asked = []

    def join(sequence, runs, config, target, options):
        asked.append((runs, target, options))
        return FolderRun(
            folder=target, record={'frames': {'read': 60}}, missing=('one',), num_asked=0
        )

    monkeypatch.setattr(join_work, 'join_into_folder', join)
    monkeypatch.setattr(join_work, 'open_sequence', lambda path, **opening: path)
    return Joins(tmp_path, asked)


def test_shards_that_are_there_are_joined_and_the_others_have_a_reason(joins):
    joins.map(0)
    outcome = joins.work(joins.whole)
    assert (outcome.error, outcome.missing, outcome.num_frames) == ('', ('one',), 60)
    ((runs, target, options),) = joins.asked
    assert [run.failure for run in runs] == ['', 'it was killed', 'not mapped yet']
    assert [run.frames.first for run in runs] == [0, 20, 40]
    assert target == joins.out / joins.whole.folder
    assert options.overwrite


def test_it_is_done_until_there_are_more_shards(joins):
    joins.map(0, 2)
    assert not joins.work.is_done(joins.whole)
    joins.joined(0, 2)
    assert joins.work.is_done(joins.whole)
    joins.map(1)
    assert not joins.work.is_done(joins.whole), 'a shard was mapped since'
    joins.joined(0, 1, 2)
    assert joins.work.is_done(joins.whole)


def test_without_any_shard_it_fails_for_good(tmp_path):
    joins = Joins(tmp_path, [])
    cv2.imwrite(str(tmp_path / 'in' / '0.png'), np.zeros((4, 6, 3), np.uint8))
    outcome = joins.work(joins.whole)
    assert outcome.is_final
    assert 'none of the 3 shards of in has a map: not mapped yet' in outcome.error
    joins.work.close()
