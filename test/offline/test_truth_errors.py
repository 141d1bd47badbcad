from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.offline.result import Truth
from vggt_ros.offline.truth_errors import truth_alignment, truth_errors


def moved(mapped, scale, offset_m=0.0):
    """The same result, whose truth is larger, and off by something for every other frame."""
    truth = mapped.truth.world_from_cam.copy()
    truth[:, :3, 3] *= scale
    truth[::2, 2, 3] += offset_m
    return replace(mapped, truth=Truth(world_from_cam=truth, depths=mapped.truth.depths))


def test_a_true_map_has_small_errors_beside_one_place(mapped):
    found = truth_errors(mapped)
    assert found['coverage'] == 1.0
    assert found['num_true_poses'] == len(mapped.poses)
    for which in ('frames', 'keyframes'):
        assert found[which]['ate_sim3_m'] < 0.01
        assert found[which]['one_place_m'] > 0.15
        assert found[which]['ate_sim3_percent_of_one_place'] < 5.0
    assert found['frames']['num'] == len(mapped.poses)
    assert found['keyframes']['num'] == len(mapped.keyframes)
    assert found['depth']['abs_rel'] < 0.02 < found['depth']['constant_abs_rel']


def test_a_wrong_scale_shows_in_se3_alone(mapped):
    found = truth_errors(moved(mapped, 3.0))['frames']
    assert found['scale'] == pytest.approx(3.0, rel=0.02)
    assert found['ate_sim3_percent_of_one_place'] < 5.0
    assert found['ate_se3_percent_of_one_place'] > 50.0


def test_errors_of_neighbors_show_in_the_drift(mapped):
    true, wrong = truth_errors(mapped)['frames'], truth_errors(moved(mapped, 1.0, 0.05))['frames']
    assert wrong['ate_sim3_m'] == pytest.approx(0.025, rel=0.2)
    assert wrong['rpe']['translation_percent'] > 5 * true['rpe']['translation_percent']


def test_frames_without_truth_do_not_count(mapped):
    truth = mapped.truth.world_from_cam.copy()
    truth[:10] = np.nan
    truth[12, 0, 0] = -np.inf
    partly = replace(mapped, truth=Truth(world_from_cam=truth, depths=()))
    found = truth_errors(partly)
    assert found['num_true_poses'] == len(mapped.poses) - 11
    assert found['frames']['num'] == len(mapped.poses) - 11
    assert found['depth'] is None


def test_no_truth_gives_no_errors_and_too_little_none_of_the_path(mapped):
    assert truth_errors(replace(mapped, truth=None)) is None
    assert truth_alignment(replace(mapped, truth=None)) is None
    truth = np.full_like(mapped.truth.world_from_cam, np.nan)
    truth[:2] = mapped.truth.world_from_cam[:2]
    few = replace(mapped, truth=Truth(world_from_cam=truth, depths=()))
    assert truth_errors(few)['frames'] is None
