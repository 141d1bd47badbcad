import pytest

from benchmarks.refinement_cost import (
    lines_of,
    lock_time,
    painted_course,
    stage_costs,
    window_times,
    WindowTime,
)

# The fifth window is the first one that has all its anchors.
_WINDOWS = 5


@pytest.fixture(scope='module')
def course():
    return painted_course(_WINDOWS)


def window(**seconds):
    made = WindowTime()
    made.seconds.update(seconds)
    made.cpu_s.update(seconds)
    made.calls.update(dict.fromkeys(seconds, 4))
    return made


def test_every_stage_of_a_window_is_measured_once(course):
    times = window_times(*course, 'depth')
    assert len(times) == _WINDOWS
    last = times[-1]
    # Four new frames beside four shared ones and eight anchors: 4 * 12 pairs and 6 among them.
    assert (last.calls['features'], last.calls['matching']) == (4, 54)
    assert last.calls['adjustment'] == last.calls['refine'] == 1
    assert last.calls['depth_field_and_sweep'] == 1
    parts = ('features', 'matching', 'two_view', 'tracks', 'adjustment', 'depth_field_and_sweep')
    whole_s = last.seconds['prepare'] + last.seconds['refine']
    assert 0.7 * whole_s < sum(last.seconds[part] for part in parts) <= whole_s


def test_a_window_costs_the_least_of_its_rounds_once_anchors_are_there():
    slow, fast = window(features=9.0, prepare=9.0, refine=9.0), window(features=1.0)
    rounds = [[slow, slow, slow, slow, fast], [slow, slow, slow, slow, slow]]
    assert stage_costs(rounds)['features'].seconds == 1.0


def test_totals_tell_what_is_done_on_arrival_and_what_in_the_stage_of_the_map():
    steady = window(features=2.0, prepare=1.5, refine=5.0, depth_field_and_sweep=3.0)
    lines = lines_of(stage_costs([[steady] * 5]))
    totals = {line['total']: line['s'] for line in lines if 'total' in line}
    assert totals == {
        'on arrival, beside the network': 1.5,
        'poses, in the stage of the map': 2.0,
        'depth, in the stage of the map': 3.0,
        'everything': 6.5,
    }
    stages = {line['stage']: line['ms'] for line in lines if 'stage' in line}
    assert stages == {'features': 500.0, 'depth_field_and_sweep': 750.0}


def test_iterations_are_timed_and_others_run_meanwhile(course):
    found = lock_time(*course)
    assert len(found.iterate_s) >= _WINDOWS
    assert 0.0 < found.longest_gap_s < 5.0
