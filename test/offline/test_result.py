from dataclasses import replace

import numpy as np

from vggt_ros.offline.result import Truth, UNKNOWN_SCALE


def test_a_result_without_keyframes_is_no_map(mapped):
    assert mapped.is_usable
    nothing = np.zeros(0)
    none = nothing.astype(int)
    assert not replace(mapped, keyframes=none, segments=none, growth=nothing).is_usable


def test_no_time_is_no_speed(mapped):
    assert replace(mapped, seconds={'total': 0.0}).frames_per_s == 0.0


def test_the_truth_counts_what_it_knows():
    poses = np.tile(np.eye(4), (3, 1, 1))
    poses[1, 0, 3] = np.nan
    assert Truth(world_from_cam=poses, depths=()).num_known == 2


def test_a_scale_of_which_nothing_is_known_is_not_metric():
    assert not UNKNOWN_SCALE.is_metric
    assert np.isnan(UNKNOWN_SCALE.meters_per_unit)
