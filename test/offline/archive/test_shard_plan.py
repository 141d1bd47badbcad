import logging

import cv2
import numpy as np
import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.offline.archive.job import make_job
from vggt_ros.offline.archive.shard_plan import shard_plan, usual_overlap
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values


@pytest.fixture
def folders(tmp_path):
    """A recording of 40 images, one of 5, and something that is none."""
    made = []
    for name, count in (('long', 40), ('short', 5), ('none', 0)):
        made.append(tmp_path / name)
        made[-1].mkdir()
        for index in range(count):
            cv2.imwrite(str(made[-1] / f'{index}.png'), np.zeros((4, 6, 3), np.uint8))
    return made


def test_what_is_long_is_cut_and_the_rest_is_not(folders):
    plan = shard_plan(folders, {'a': 1}, {}, shard_frames=10, overlap_frames=4)
    (whole,) = plan.joins
    assert [job.name for job in plan.joins[whole]] == [
        f'long.shard-{n}-of-4' for n in (1, 2, 3, 4)
    ]
    assert plan.jobs == (
        *plan.joins[whole],
        make_job(folders[1], {'a': 1}),
        make_job(folders[2], {'a': 1}),
    )
    assert [job.shard.frames.count for job in plan.joins[whole]] == [14, 14, 14, 10]
    other = shard_plan(folders, {'a': 1}, {}, shard_frames=10, overlap_frames=5)
    assert whole not in other.joins, 'another overlap gives another map'


def test_frames_that_are_not_wanted_are_not_cut(folders):
    plan = shard_plan(folders, {}, {'every': 2}, shard_frames=10, overlap_frames=4)
    (shards,) = plan.joins.values()
    assert [job.shard.frames.first for job in shards] == [0, 10]


def test_nothing_is_cut_unless_it_is_asked_for(folders):
    plan = shard_plan(folders, {}, {}, shard_frames=None, overlap_frames=80)
    assert plan.joins == {}
    assert plan.jobs == tuple(make_job(folder, {}) for folder in folders)


def test_a_recording_of_unknown_length_is_mapped_as_one_and_that_is_said(
    tmp_path, open_bag, source_of, walk, caplog
):
    with open_bag(tmp_path / 'bag', 'mcap') as bag:
        for frame in source_of(walk, stop=8):
            bag.frame(frame)
    with caplog.at_level(logging.WARNING):
        plan = shard_plan(
            [tmp_path / 'bag'], {}, {'start_s': 0.1}, shard_frames=6, overlap_frames=3
        )
    assert plan.joins == {}
    assert 'is mapped as one: how many frames it has is not known' in caplog.text


def test_shards_that_are_too_short_are_refused_whatever_the_recordings(folders):
    with pytest.raises(ConfigError, match='at least twice the overlap of 80 frames; got 100'):
        shard_plan(folders[1:], {}, {}, shard_frames=100, overlap_frames=80)


def test_a_window_of_keyframes_is_shared():
    assert usual_overlap(VggtConfig()) == 80
    assert usual_overlap(with_values(VggtConfig(), {'window.size': 12})) == 120
