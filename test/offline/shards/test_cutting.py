from itertools import pairwise

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.offline.shards.cutting import cut


def test_shards_have_every_frame_and_the_first_ones_of_the_next():
    shards = cut(1000, 240, 80)
    assert [each.first for each in shards] == [0, 250, 500, 750]
    assert [each.end for each in shards] == [330, 580, 830, 1000]


@pytest.mark.parametrize('num_frames', [160, 299, 300, 301, 777, 20_000])
def test_shards_are_of_nearly_one_length_and_none_is_a_rest(num_frames):
    shards = cut(num_frames, 200, 50)
    own = [b.first - a.first for a, b in pairwise(shards)]
    own.append(num_frames - shards[-1].first)
    assert max(own) - min(own) <= 1
    assert shards[-1].end == num_frames
    assert len(shards) == max(1, round(num_frames / 200))


def test_a_recording_that_is_short_is_one_shard():
    assert [(each.first, each.count) for each in cut(90, 200, 50)] == [(0, 90)]


@pytest.mark.parametrize(
    ('shard_frames', 'overlap', 'match'),
    [
        (99, 50, 'at least twice the overlap of 50 frames; got 99'),
        (100, 2, '--shard-overlap must be at least 3 frames'),
    ],
)
def test_shards_without_frames_of_their_own_are_refused(shard_frames, overlap, match):
    with pytest.raises(ConfigError, match=match):
        cut(1000, shard_frames, overlap)
