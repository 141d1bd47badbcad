import json
import logging

import cv2
import pytest

from vggt_ros.cli.main import main


@pytest.mark.slow
def test_windows_are_refined_where_that_is_asked_for(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        words = ['--windows', '1', '--frames', '4', '--seed-start', '900010', '--refine']
        assert main(['evaluate', 'model', *words, '--output', str(tmp_path)]) == 0
    held_out = json.loads((tmp_path / 'model.json').read_text())['held_out']
    assert held_out['refined']['num_pairs'] == held_out['model']['num_pairs']
    assert sum(held_out['refinement']['windows_by_start'].values()) == 1
    assert 'of the frames verified' in caplog.text


@pytest.mark.slow
def test_two_windows_of_nano_leave_numbers_and_a_picture(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        what = ['--windows', '2', '--frames', '4', '--seed-start', '900010']
        code = main(
            ['evaluate', 'model', *what, '--device', 'cpu', '--output', str(tmp_path / 'out')]
        )
    assert code == 0
    results = json.loads((tmp_path / 'out' / 'model.json').read_text(), parse_constant=pytest.fail)
    assert results['checkpoint'] == 'nano'
    held_out = results['held_out']
    assert [row['name'] for row in held_out['windows']] == ['seed 900010', 'seed 900011']
    assert [row['num_frames'] for row in held_out['windows']] == [4, 4]
    expected = {'rotation_deg_median', 'pose_auc_30', 'depth_abs_rel_mean', 'track_px_median'}
    assert expected <= set(held_out['model'])
    assert held_out['no_motion']['track_px_median'] > 0
    assert cv2.imread(str(tmp_path / 'out' / 'model.png')).std() > 10
    assert 'relative pose AUC@30' in caplog.text
    # Whatever there is to be said about the weights is said beside the numbers.
    assert results['notice'] in caplog.text
    assert ('not been trained' in results['notice']) != results['is_trained']


@pytest.mark.parametrize(
    ('words', 'match'),
    [
        (['--seed-start', '0'], 'not all held out'),
        (['--seed-start', '999999'], 'not all held out'),
        (['--windows', '-1'], 'at least 0'),
        (['--windows', '0'], 'nothing to evaluate'),
        (['--frames', '9'], '4 to 8 frames'),
        (['--rgbd', 'no/such/folder'], 'no/such/folder'),
        (['--checkpoint', 'no_such_net'], 'no_such_net'),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(words, match, tmp_path, caplog):
    with caplog.at_level(logging.ERROR):
        code = main(['evaluate', 'model', *words, '--output', str(tmp_path / 'out')])
    assert code == (1 if match.startswith('no_') or '/' in match else 2)
    assert match in caplog.text
    assert not (tmp_path / 'out').exists()


def test_an_output_that_is_a_file_is_refused_before_anything_is_measured(tmp_path, caplog):
    taken = tmp_path / 'taken'
    taken.write_text('mine')
    assert main(['evaluate', 'model', '--device', 'cpu', '--output', str(taken)]) == 2
    assert 'give another --output' in caplog.text
    assert taken.read_text() == 'mine'


def test_evaluate_needs_a_subject(capsys):
    with pytest.raises(SystemExit) as stop:
        main(['evaluate'])
    assert stop.value.code == 2
    assert 'SUBJECT' in capsys.readouterr().err
