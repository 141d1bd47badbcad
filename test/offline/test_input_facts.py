from pathlib import Path

from vggt_ros.offline.input_facts import fact_lines
from vggt_ros.sources.detection import open_sequence

UNKNOWN = {
    'name': 'a', 'layout': 'bag', 'cameras': ['/a', '/b'], 'num_frames': None, 'size': None,
    'rate_hz': None, 'has_time': True, 'intrinsics': None, 'num_depths': None, 'truth': None,
    'num_true_poses': None, 'notes': ['no calibration'], 'drops': {'bad_message': 2},
    'first_stamp_ns': None, 'last_stamp_ns': None, 'duration_s': None, 'gaps': None,
}  # fmt: skip


def told(path, facts):
    return '\n'.join(fact_lines(Path(path), facts))


def test_what_is_known_of_a_data_set_is_told(rgbd_folder):
    text = told(rgbd_folder, open_sequence(rgbd_folder).facts())
    for words in ('hall: rgbd', 'frames      10', 'fx', 'truth       10 poses: ', '10 images'):
        assert words in text


def test_what_is_unknown_is_said_to_be():
    text = told('a.mcap', UNKNOWN)
    for words in (
        'a.mcap: bag', '/a, /b', 'frames      known at the end', 'size        unknown',
        'K           unknown: it is estimated', 'truth       none', 'time        in the files',
        'unusable    2 frames: bad_message', 'note        no calibration',
    ):  # fmt: skip
        assert words in text


def test_of_many_gaps_the_first_are_told():
    gaps = [{'after_s': float(i), 'length_s': 2.0} for i in range(7)]
    text = told('a', UNKNOWN | {'gaps': gaps, 'has_time': False, 'rate_hz': 10.0})
    assert text.count('2.000 s after') == 5
    assert 'and 2 more' in text
    assert '10 frames a second are assumed' in text
