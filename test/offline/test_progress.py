from dataclasses import replace
import json

from vggt_ros.offline.progress import Progress

HALF = Progress(
    num_done=50,
    num_frames=150,
    elapsed_s=10.0,
    state='tracking',
    num_keyframes=20,
    num_loops=3,
    is_metric=False,
    meters_per_unit=float('nan'),
    log_sigma=float('inf'),
)


def test_a_line_has_speed_time_left_state_scale_and_loops():
    line = HALF.line()
    assert line == (
        '50/150 frames, 5.0 a second, 0:20 left; tracking, 20 keyframes, 3 loops, not metric'
    )


def test_hours_are_written_as_hours():
    assert '1:23:20 left' in replace(HALF, num_frames=25_050).line()


def test_a_recording_of_unknown_length_has_no_time_left():
    told = replace(HALF, num_frames=None)
    assert told.left_s is None
    assert 'left' not in told.line()
    assert told.line().startswith('50 frames')


def test_the_scale_is_told_as_well_as_it_is_known():
    assert replace(HALF, meters_per_unit=2.0, log_sigma=0.3).scale == '2 m a unit, sigma 30 %'
    assert replace(HALF, is_metric=True, log_sigma=0.012).scale == 'metric, sigma 1.2 %'


def test_json_has_null_for_what_is_not_known():
    told = json.loads(HALF.json(), parse_constant=lambda word: 1 / 0)
    assert told['event'] == 'progress'
    assert (told['num_done'], told['frames_per_s'], told['left_s']) == (50, 5.0, 20.0)
    assert told['meters_per_unit'] is None
    assert told['log_sigma'] is None
