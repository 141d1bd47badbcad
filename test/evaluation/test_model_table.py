from vggt_ros.evaluation.model_table import results_table


def test_a_number_stands_beside_that_of_its_baseline():
    results = {
        'model': {'rotation_deg_median': 1.234, 'depth_abs_rel_mean': 0.1},
        'no_motion': {'rotation_deg_median': 4.0},
        'mean_depth': {'depth_abs_rel_mean': 0.5},
    }
    lines = results_table('title', results).splitlines()
    assert lines[0] == 'title'
    assert lines[2].split()[-5:] == ['[deg]', '1.23', '4.00', 'no', 'motion']
    assert lines[3].split()[-4:] == ['0.100', '0.500', 'mean', 'depth']


def test_windows_that_were_refined_have_a_column_and_say_how_much_of_them_is_confirmed():
    results = {
        'model': {'rotation_deg_median': 1.234, 'track_px_mean': 2.0},
        'refined': {'rotation_deg_median': 0.5},
        'no_motion': {'rotation_deg_median': 4.0, 'track_px_mean': 9.0},
        'mean_depth': {},
        'refinement': {
            'share_of_frames_verified': 0.75,
            'windows_by_start': {'tracks': 2, 'network': 1},
            'refine_s_median': 0.5,
        },
    }
    lines = results_table('title', results).splitlines()
    assert lines[1].split() == ['model', 'refined', 'baseline']
    assert lines[2].split()[-5:] == ['1.23', '0.50', '4.00', 'no', 'motion']
    assert lines[3].split()[-4:] == ['2.00', '9.00', 'no', 'motion']
    assert '75 % of the frames verified' in lines[-1]
    assert 'network 1, tracks 2' in lines[-1]


def test_what_was_not_measured_has_no_line():
    results = {'model': {'focal_error_median': 0.5}, 'no_motion': {}, 'mean_depth': {}}
    lines = results_table('title', results).splitlines()
    assert len(lines) == 3
    assert lines[2].split()[-1] == '0.500'
