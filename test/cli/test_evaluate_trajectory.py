import json
import logging

import cv2
import numpy as np
import pytest

from vggt_ros.cli.main import main
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.trajectory import StampedPoses

STAMPS_NS = 1_700_000_000_000_000_000 + 100_000_000 * np.arange(80)


def way():
    angle = np.linspace(0, 5, 80)
    poses = np.tile(np.eye(4), (80, 1, 1))
    poses[:, :3, 3] = np.stack([np.cos(angle), np.sin(angle), 0.2 * np.sin(3 * angle)], axis=1)
    return poses


@pytest.fixture
def files(tmp_path):
    def write(name, stamps_ns, poses):
        (tmp_path / name).write_text(StampedPoses(stamps_ns=stamps_ns, map_from_cam=poses).tum())
        return str(tmp_path / name)

    scaled = Sim3(0.5, np.eye(3), np.array([3.0, 1, 0])).apply_to_pose(way())
    return write('estimate.txt', STAMPS_NS + 3_000_000, scaled), write('truth', STAMPS_NS, way())


def test_a_trajectory_of_another_scale_is_right_but_for_its_scale(files, tmp_path, caplog):
    output = tmp_path / 'out'
    with caplog.at_level(logging.INFO):
        assert main(['evaluate', 'trajectory', *files, '--output', str(output)]) == 0
    results = json.loads((output / 'trajectory.json').read_text())
    assert results['num_matched'] == 80
    assert results['sim3']['ate_m'] < 1e-5
    assert results['sim3']['scale'] == pytest.approx(2.0, rel=1e-4)
    assert results['sim3']['relative']['translation_percent'] < 0.01
    assert results['se3']['scale'] == 1.0
    assert results['se3']['ate_m'] > 0.1
    assert results['se3']['relative']['translation_percent'] == pytest.approx(50, abs=3)
    assert cv2.imread(str(output / 'trajectory.png')).std() > 10
    assert '80 of 80 poses matched' in caplog.text
    assert 'scale of the alignment' in caplog.text


def test_the_error_is_beside_that_of_all_cameras_in_one_place(files, tmp_path, caplog):
    output = tmp_path / 'out'
    with caplog.at_level(logging.INFO):
        words = ['--images', '160', '--output', str(output)]
        assert main(['evaluate', 'trajectory', *files, *words]) == 0
    results = json.loads((output / 'trajectory.json').read_text())
    centers = way()[:, :3, 3]
    spread_m = np.sqrt(((centers - centers.mean(axis=0)) ** 2).sum(axis=1).mean())
    for name in ('sim3', 'se3'):
        assert results[name]['one_place_m'] == pytest.approx(spread_m, rel=1e-6)
        ratio = 100 * results[name]['ate_m'] / spread_m
        assert results[name]['percent_of_one_place'] == pytest.approx(ratio)
    assert results['share_with_pose'] == 0.5
    assert '50 % of the images have a pose' in caplog.text
    assert 'all cameras in one place [m]' in caplog.text


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--images', '79'], 'fewer than the 80 poses'),
        (['--delta', '0'], '--delta more than 0'),
        (['--max-difference', '0.001'], 'no two stamps'),
        (['--delta', '900'], 'shorter than a piece of 900 m'),
    ],
)
def test_what_can_not_be_measured_is_explained(files, tmp_path, caplog, words, message):
    with caplog.at_level(logging.ERROR):
        code = main(['evaluate', 'trajectory', *files, *words, '--output', str(tmp_path / 'out')])
    assert code == (2 if 'fewer than' in message or '--' in message else 1)
    assert message in caplog.text
    assert not (tmp_path / 'out').exists()
