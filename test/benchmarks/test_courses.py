"""The limits of benchmarks.courses on one seed: what all of them promise, in short."""

from dataclasses import replace

import pytest

from benchmarks import courses
from benchmarks.courses import largest_jump_m, LIMITS, run
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import Errors


def within_limits(numbers):
    return {name: value <= LIMITS[name] for name, value in numbers.items() if name in LIMITS}


def test_once_round_a_corridor_drifts_little_and_less_with_its_loop():
    ((_, numbers),) = courses.loop(0)
    assert all(within_limits(numbers).values()), numbers
    assert numbers['num_loops'] >= 1
    assert numbers['sim3_ate_percent_with_loops'] < numbers['sim3_ate_percent']


@pytest.mark.parametrize('name', ['figure_eight', 'turning'])
def test_with_wheels_the_map_is_metric_and_no_pose_jumps_when_windows_fail(name):
    course = make_course(name, 400, 0)
    found = run(course, 0, odometry=True, errors=replace(Errors(), failures=0.2))
    assert found.num_failed > 5
    assert found.metric_error.ate_percent < 1.0
    assert found.updates[-1].scale_state.is_metric
    assert largest_jump_m(course, found) < 0.3


def test_a_jump_that_was_not_reported_is_seen():
    course = make_course('figure_eight', 200, 0)
    found = run(course, 0)
    jumped = found.published.copy()
    jumped[100:, 0, 3] += 1.0
    assert largest_jump_m(course, replace(found, published=jumped)) > 0.5
    frame = int(found.frame_index[100])
    reported = replace(found, published=jumped, corrected_frames=(frame,))
    assert largest_jump_m(course, reported) < 0.5


def test_a_parked_robot_stays_where_it_is():
    ((_, numbers),) = courses.still(0)
    assert all(within_limits(numbers).values()), numbers


def test_with_images_the_refinement_is_compared_with_none_and_wrong_loops_are_counted(monkeypatch):
    monkeypatch.setattr(courses, '_MOVING', ('figure_eight',))
    found = dict(courses.images(0, num_frames=26))
    assert list(found) == ['figure_eight', 'repeated_corridor']
    suffixes = [suffix for suffix, _ in courses._refinements()]
    for suffix in suffixes:
        assert found['figure_eight'][f'sim3_ate_percent{suffix}'] > 0
        assert found['repeated_corridor'][f'wrong_loops{suffix}'] >= 0
    assert suffixes == ['', '_refined']
