import json
import logging

import cv2
import pytest

from vggt_ros.cli.main import main
from vggt_ros.sources.tum_file import read_tum

ALL_FRAMES = ['--set', 'keyframe.min_parallax=0', '--device', 'cpu']


def evaluate(folder, output, *words):
    return main(['evaluate', 'sequence', str(folder), *words, '--output', str(output)])


def results_in(output):
    return json.loads((output / 'sequence.json').read_text(), parse_constant=pytest.fail)


@pytest.mark.slow
def test_a_folder_leaves_numbers_a_table_and_a_picture(rgbd_folder, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        assert evaluate(rgbd_folder, tmp_path / 'out', *ALL_FRAMES) == 0
    found = results_in(tmp_path / 'out')
    assert (found['format'], found['checkpoint']) == ('rgbd', 'nano')
    assert (found['num_frames'], found['num_keyframes']) == (10, 10)
    assert found['windows']['num'] == 2
    assert found['trajectory']['one_place_m'] > 0.5
    assert found['depth']['num_frames'] == found['num_poses']
    assert found['focal']['published_ratio_median'] == pytest.approx(1.0)
    assert cv2.imread(str(tmp_path / 'out' / 'sequence.png')).std() > 10
    poses = read_tum(tmp_path / 'out' / 'trajectory.txt')
    assert len(poses.stamps_ns) == found['num_poses']
    assert poses.stamps_ns[0] == 100_000_000
    assert 'all cameras in one place' in caplog.text
    assert found['notice'] in caplog.text


@pytest.mark.slow
def test_a_part_of_the_images_without_the_camera(rgbd_folder, tmp_path):
    (rgbd_folder / 'camera.txt').unlink()
    words = ['--every', '3', '--max-frames', '3', '--uncalibrated', *ALL_FRAMES]
    assert evaluate(rgbd_folder, tmp_path / 'out', *words) == 0
    found = results_in(tmp_path / 'out')
    assert found['num_frames'] == 3
    assert found['is_calibrated'] is False
    assert found['focal']['published_ratio_median'] != pytest.approx(1.0)


@pytest.mark.parametrize(
    ('words', 'match'),
    [
        (['--every', '0'], '--every and --max-frames must be at least 1'),
        (['--max-frames', '0'], '--every and --max-frames must be at least 1'),
        (['--max-frames', '1'], 'the true pose of 1 of 1 images'),
        (['--format', 'euroc'], 'not of the layout euroc'),
        (['--set', 'window.size'], 'name=value'),
        (['--rate', '0'], 'the rate must be above 0'),
        (['--checkpoint', 'no_such_net'], 'no_such_net'),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(rgbd_folder, tmp_path, caplog, words, match):
    with caplog.at_level(logging.ERROR):
        code = evaluate(rgbd_folder, tmp_path / 'out', *words)
    assert code == (1 if match in ('no_such_net', 'the true pose of 1 of 1 images') else 2)
    assert match in caplog.text
    assert not (tmp_path / 'out').exists()


def test_a_camera_that_nobody_knows_has_to_be_admitted(rgbd_folder, tmp_path, caplog):
    (rgbd_folder / 'rgb.txt').write_text('1.0 color/0.png\n2.0 color/1.png\n')
    truth = '1.0 0 0 0 0 0 0 1\n2.0 1 0 0 0 0 0 1\n'
    (rgbd_folder / 'groundtruth.txt').write_text(truth)
    (rgbd_folder / 'camera.txt').unlink()
    with caplog.at_level(logging.ERROR):
        assert evaluate(rgbd_folder, tmp_path / 'out', '--format', 'tum') == 1
    assert 'give --uncalibrated, or write fx fy cx cy' in caplog.text


def test_the_refinement_is_a_choice(rgbd_folder, tmp_path):
    words = ['--refine', 'off', '--max-frames', '4', *ALL_FRAMES]
    assert evaluate(rgbd_folder, tmp_path / 'out', *words) == 0
    assert results_in(tmp_path / 'out')['refine'] == 'off'


def test_an_output_that_is_a_file_is_refused(rgbd_folder, tmp_path, caplog):
    taken = tmp_path / 'taken'
    taken.write_text('mine')
    assert evaluate(rgbd_folder, taken, '--device', 'cpu') == 2
    assert 'give another --output' in caplog.text
    assert taken.read_text() == 'mine'
