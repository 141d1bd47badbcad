import math

from vggt_ros.evaluation.sequence_table import sequence_table

PAIRS = {'pose_auc_30': 0.61, 'rotation_deg_median': 1.25, 'direction_deg_median': 7.5}
RESULTS = {
    'num_frames': 100,
    'num_keyframes': 50,
    'num_poses': 40,
    'share_with_pose': 0.4,
    'share_of_keyframes_with_pose': 0.8,
    'map': PAIRS | {'pose_auc_30_missing_wrong': 0.5},
    'network': PAIRS | {'pose_auc_30': 0.125},
    'trajectory': {
        'ate_m': 0.25,
        'one_place_m': 0.5,
        'percent_of_one_place': 50.0,
        'extent_m': 2.0,
        'percent_of_extent': 12.5,
        'path_length_m': 10.0,
        'percent_of_path': 2.5,
        'rotation_deg': 3.0,
    },
    'depth': {
        'num_frames': 40,
        'abs_rel': 0.125,
        'constant_abs_rel': 0.375,
        'delta_125': 0.75,
        'constant_delta_125': 0.5,
    },
    'focal': {'published_ratio_median': 1.0, 'network_ratio_median': 0.89},
    'windows': {
        'num': 20,
        'num_failed': 3,
        'num_not_tied': 1,
        'process_s_median': 0.5,
        'predict_s_median': 0.25,
    },
    'loops': {
        'num': 1,
        'num_wrong': 1,
        'max_error_m': 0.5,
        'closed': [
            {
                'new_frame': 90,
                'old_frame': 5,
                'distance_m': 4.0,
                'angle_deg': 120.0,
                'error_m': 3.5,
                'error_deg': 100.0,
            }
        ],
    },
}


def test_each_number_is_beside_what_it_is_held_against():
    text = sequence_table('kitchen', RESULTS)
    assert '40 of 100 (40 %), of 50 keyframes 80 %' in text
    assert 'AUC@30                          0.610     0.125' in text
    assert 'all cameras in one place: 0.5000 m, that is 50.0 %' in text
    assert 'AbsRel 0.125 (constant 0.375)' in text
    assert 'windows: 20, failed 3, not connected to the map 1' in text
    assert 'image 90 at 5: truly 4.00 m and 120 deg apart; the loop is 3.50 m' in text
    assert len({line.index('.') for line in text.splitlines() if 'median [deg]' in line}) <= 2


def test_what_nobody_knows_is_left_out_or_not_a_number():
    empty = RESULTS | {'trajectory': None, 'depth': None, 'focal': None, 'map': {}, 'network': {}}
    text = sequence_table('kitchen', empty)
    assert 'too few poses' in text
    assert 'depth' not in text
    assert str(math.nan) in text


def test_a_camera_that_stands_still_is_said_to():
    still = RESULTS | {'map': PAIRS | {'num_pairs_moved': 0}}
    assert 'no two cameras are 5 cm apart' in sequence_table('drone', still)
    assert 'cm apart' not in sequence_table('kitchen', RESULTS)
