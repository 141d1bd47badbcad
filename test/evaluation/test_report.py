import json

import cv2
import numpy as np
import pytest

from vggt_ros.evaluation.report import report_text, write_report
from vggt_ros.evaluation.truth import Truth


@pytest.fixture
def truth(recording) -> Truth:
    """The recording in meters: everything three times as large."""
    poses = recording.map_from_cam.copy()
    poses[:, :3, 3] *= 3
    return Truth(world_from_cam=poses, depth=tuple(3 * frame.depth for frame in recording.frames))


def test_a_run_leaves_picture_cloud_and_trajectory(recording, tmp_path):
    write_report(recording, tmp_path, source_name='video.mp4')
    picture = cv2.imread(str(tmp_path / 'overview.png'))
    assert picture.shape[1] > 1000
    assert picture.std() > 10
    header = (tmp_path / 'map.ply').read_bytes()[:300].decode('ascii', 'ignore')
    assert 'element vertex 50' in header
    lines = (tmp_path / 'trajectory.txt').read_text().splitlines()
    poses = [line for line in lines if not line.startswith('#')]
    assert len(poses) == 6
    stamp, *numbers = poses[0].split()
    assert stamp == '1700000000.000000001'
    np.testing.assert_allclose(
        [float(n) for n in numbers[:3]], recording.map_from_cam[0, :3, 3], atol=1e-5
    )


def test_the_summary_counts_what_the_node_reported(recording, tmp_path):
    summary = write_report(recording, tmp_path, source_name='video.mp4')
    assert summary['frames_in'] == 7
    assert summary['frames_used'] == 6
    assert summary['drops'] == {'late': 1}
    assert summary['windows'] == 2
    assert summary['window_latency_s'] == {'p50': 0.25, 'p95': 0.3}
    assert summary['map_points'] == 50
    assert summary['rates_hz']['frames_used'] == pytest.approx(6 / 0.5)
    assert summary['share_with_pose'] == 1.0
    assert 'truth' not in summary
    json.dumps(summary)


def test_a_scaled_copy_of_the_truth_has_no_error(recording, truth, tmp_path):
    summary = write_report(recording, tmp_path, source_name='synthetic', truth=truth)
    assert summary['truth']['ate_percent'] == pytest.approx(0, abs=1e-6)
    assert summary['truth']['depth_abs_rel'] == pytest.approx(0, abs=1e-6)


def test_the_error_is_held_against_that_of_all_cameras_in_one_place(recording, truth, tmp_path):
    recording.map_from_cam[:, :3, 3] += np.random.default_rng(4).normal(size=(6, 3))
    found = write_report(recording, tmp_path, source_name='synthetic', truth=truth)['truth']
    centers = truth.world_from_cam[:, :3, 3]
    spread_m = np.sqrt(((centers - centers.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert found['one_place_m'] == pytest.approx(spread_m)
    assert found['percent_of_one_place'] == pytest.approx(100 * found['ate_m'] / spread_m)


def test_a_camera_that_stood_still_has_no_trajectory_error(recording, truth, tmp_path):
    recording.map_from_cam[:] = np.eye(4)
    summary = write_report(recording, tmp_path, source_name='synthetic', truth=truth)
    assert 'ate_m' not in summary['truth']
    assert summary['truth']['depth_abs_rel'] == pytest.approx(0, abs=1e-6)


def test_the_text_says_what_the_numbers_are_held_against(recording, truth, tmp_path):
    recording.map_from_cam[:, :3, 3] += np.random.default_rng(4).normal(size=(6, 3))
    summary = write_report(recording, tmp_path, source_name='synthetic', truth=truth)
    text = report_text(summary)
    assert '100 % of the images have a pose' in text
    assert f'that is {summary["truth"]["percent_of_one_place"]:.0f} %' in text
    assert 'depth 0 % off' in text
    assert 'NOTE: not trained' in text


def test_without_a_trajectory_the_text_says_nothing_about_it(recording, truth, tmp_path):
    summary = write_report(recording, tmp_path, source_name='video.mp4')
    assert 'truth' not in report_text(summary)
    recording.map_from_cam[:] = np.eye(4)
    summary = write_report(recording, tmp_path, source_name='synthetic', truth=truth)
    assert 'trajectory' not in report_text(summary)
    assert 'depth 0 % off' in report_text(summary)
