import json
import socket

import cv2
import pytest

from vggt_ros.cli import demo
from vggt_ros.cli.main import main

pytest.importorskip('rclpy', reason='needs rclpy: source a ROS 2 distribution or run make test')
pytestmark = [pytest.mark.ros, pytest.mark.slow]


@pytest.fixture(scope='module')
def finished_demo(tmp_path_factory):
    """One short demo over real middleware, in three processes of its own."""
    output = tmp_path_factory.mktemp('demo')
    code = main(['demo', '--frames', '40', '--rate', '5', '--output', str(output)])
    return code, output


def test_the_demo_succeeds(finished_demo):
    code, output = finished_demo
    assert code == 0, (output / 'node.log').read_text()


def test_every_image_is_accounted_for(finished_demo):
    summary = json.loads((finished_demo[1] / 'summary.json').read_text())
    assert summary['frames_in'] > 20
    assert summary['frames_used'] >= 8
    assert summary['frames_used'] + sum(summary['drops'].values()) == summary['frames_in']
    assert summary['windows'] >= 1
    assert summary['windows_failed'] == 0


def test_a_pose_was_published_for_every_frame_that_was_used(finished_demo):
    summary = json.loads((finished_demo[1] / 'summary.json').read_text())
    lines = (finished_demo[1] / 'trajectory.txt').read_text().splitlines()
    assert len(lines) == summary['frames_used'] == summary['truth']['num_poses']


def test_the_trained_model_is_as_accurate_as_it_was(finished_demo):
    """Measured: 2.8 % and 0.154."""
    truth = json.loads((finished_demo[1] / 'summary.json').read_text())['truth']
    assert truth['ate_percent'] < 5.5
    assert truth['depth_abs_rel'] < 0.20


def test_depth_color_confidence_and_calibration_come_in_equal_numbers(finished_demo):
    counts = json.loads((finished_demo[1] / 'summary.json').read_text())['messages']
    names = ('depth/image_rect', 'rgb/image_rect', 'confidence/image', 'depth/camera_info')
    assert len({counts[f'/vggt/{name}'] for name in names}) == 1


def test_the_picture_and_the_cloud_are_there(finished_demo):
    output = finished_demo[1]
    assert cv2.imread(str(output / 'overview.png')).std() > 10
    assert (output / 'map.ply').read_bytes().startswith(b'ply\nformat binary_little_endian')


def test_a_checkpoint_that_does_not_exist_fails_with_its_name(tmp_path, caplog):
    missing = tmp_path / 'missing.safetensors'
    code = main(['demo', '--checkpoint', str(missing), '--output', str(tmp_path / 'out')])
    assert code == 1
    assert 'missing.safetensors' in caplog.text


def test_a_page_whose_port_is_in_use_is_refused_before_anything_runs(
    tmp_path, caplog, monkeypatch
):
    pytest.importorskip('viser')
    with socket.create_server(('127.0.0.1', 0)) as taken:
        monkeypatch.setattr(demo, 'DEFAULT_PORT', taken.getsockname()[1])
        assert main(['demo', '--view', '--output', str(tmp_path)]) == 2
    assert 'is in use' in caplog.text
    assert not list(tmp_path.glob('*.log'))
