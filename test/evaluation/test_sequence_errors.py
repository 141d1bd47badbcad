from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.evaluation.sequence_errors import aligned_trajectory, sequence_results
from vggt_ros.evaluation.sequence_run import SequenceRun, WindowRun
from vggt_ros.evaluation.window_notes import WindowNote
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.se3 import inverse, rigid


def true_poses(num=12):
    angle = 0.2 * np.arange(num)
    turns = matrix_from_rotation_vector(np.stack([0 * angle, angle, 0 * angle], axis=1))
    return rigid(turns, np.stack([2 * np.sin(angle), 0.1 * angle**2, 2 * np.cos(angle)], axis=1))


def window_of(ids, poses, submap=0, **changed):
    note = WindowNote(
        frame_ids=ids,
        cam_from_world=inverse(poses[list(ids)]),
        K_image=np.tile(np.diag([110.0, 110.0, 1.0]), (len(ids), 1, 1)),
        predict_s=0.2,
    )
    values = {'is_connected': True, 'process_s': 0.5, 'failure': ''} | changed
    return WindowRun(frame_ids=ids, note=note, submap=submap, **values)


@pytest.fixture
def run():
    """All twelve frames where they truly are, but for the unit."""
    poses = true_poses()
    said = poses.copy()
    said[:, :3, 3] *= 0.3
    return SequenceRun(
        frame_index=np.arange(12),
        map_from_cam=said,
        windows=(
            window_of(tuple(range(8)), said),
            window_of(tuple(range(4, 12)), said, submap=1, is_connected=False),
        ),
        focal_px=dict.fromkeys(range(12), 98.0),
        true_focal_px=dict.fromkeys(range(12), 100.0),
        depths=(),
        samples=(),
        loops=(),
        drops={},
        wall_s=3.0,
    )


def results_of(run, poses=None):
    return sequence_results(run, true_poses() if poses is None else poses, window_size=8)


def test_the_truth_in_another_unit_is_right(run):
    found = results_of(run)
    assert found['map']['pose_auc_30'] == found['network']['pose_auc_30'] == 1.0
    assert found['map']['num_pairs'] == sum(12 - gap for gap in range(1, 8))
    assert found['network']['num_pairs'] == 2 * 28
    assert found['trajectory']['percent_of_one_place'] < 1e-6
    assert found['trajectory']['scale'] == pytest.approx(1 / 0.3)
    assert found['share_with_pose'] == 1.0
    assert found['focal'] == pytest.approx(
        {'published_ratio_median': 0.98, 'network_ratio_median': 1.1}
    )
    assert found['windows']['num_not_tied'] == 1
    assert found['depth'] is None


def test_all_cameras_in_one_place_score_a_hundred_percent(run):
    stuck = run.map_from_cam.copy()
    stuck[:, :3, 3] = 1e-6 * np.random.default_rng(0).normal(size=(12, 3))
    found = results_of(replace(run, map_from_cam=stuck))
    assert found['trajectory']['percent_of_one_place'] > 75
    centers = true_poses()[:, :3, 3]
    expected = np.sqrt(((centers - centers.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert found['trajectory']['one_place_m'] == pytest.approx(expected)


def test_frames_without_a_pose_count_where_it_is_said(run):
    half = replace(run, frame_index=np.arange(8), map_from_cam=run.map_from_cam[:8])
    found = results_of(half)
    assert found['share_with_pose'] == pytest.approx(8 / 12)
    assert found['share_of_keyframes_with_pose'] == pytest.approx(8 / 12)
    assert found['map']['pose_auc_30'] == 1.0
    answered = 28 / found['network']['num_pairs'] * 56 / sum(12 - gap for gap in range(1, 8))
    assert found['map']['share_of_pairs_answered'] == pytest.approx(answered)
    assert found['map']['pose_auc_30_missing_wrong'] == pytest.approx(answered)


def test_frames_without_a_true_pose_are_left_out(run):
    poses = true_poses()
    poses[3] = np.nan
    found = results_of(run, poses)
    assert found['num_true_poses'] == 11
    assert found['map']['pose_auc_30'] == 1.0
    assert found['network']['num_pairs'] == 21 + 28
    aligned, true = aligned_trajectory(run, poses)
    assert len(aligned) == 11
    np.testing.assert_allclose(aligned, true, atol=1e-9)


def test_a_run_without_any_pose_has_results_all_the_same(run):
    failed = window_of(tuple(range(8)), run.map_from_cam)
    failed = replace(failed, note=None, submap=None, is_connected=False, failure='no answer')
    nothing = replace(
        run,
        frame_index=np.arange(0),
        map_from_cam=np.zeros((0, 4, 4)),
        windows=(failed,),
        focal_px={},
    )
    found = results_of(nothing)
    assert found['trajectory'] is None
    assert found['map']['pose_auc_30_missing_wrong'] == 0.0
    assert found['windows']['failures'] == ['no answer']
    assert aligned_trajectory(nothing, true_poses()) is None
