"""Odometry that ceases, or says what cannot be: the map goes on, and it is told by name."""

import re
import time

import pytest

pytestmark = pytest.mark.ros


def used_in(made, health, duration_s, **how):
    """Frames used in a time of images at a steady pace."""
    before = health.number('frames_used')
    start_s = time.monotonic()
    while time.monotonic() - start_s < duration_s:
        made.step(pace_s=0.12, **how)
    return health.number('frames_used') - before


def test_odometry_that_ceases_costs_no_frames(robot, health):
    made = robot()
    made.mount()
    made.start()
    made.steps_until(lambda: health.values.get('tf_mode') == 'map_to_odom', odometry=True)
    made.steps_until(lambda: health.number('windows') >= 3, odometry=True)
    with_odometry = used_in(made, health, 6.0, odometry=True)
    without = used_in(made, health, 6.0)
    assert without >= 0.7 * with_odometry, 'frames used in as many seconds'
    assert 'odometry silent since' in health.message
    assert re.search(
        r'odometry silent since \d+ s: odom -> base_link', health.values['tf_problem']
    )
    assert 'odometry silent since' in made.node.log
    made.steps_until(lambda: health.values['tf_problem'] == '', odometry=True)


def test_odometry_in_the_future_is_told_by_how_much_until_it_is_mended(robot, health):
    made = robot()
    made.mount()
    made.start()
    how = {'odometry': True, 'offset_ns': 1_500_000_000}
    made.steps_until(lambda: 'odometry in the future' in health.message, **how)
    told = r'odometry in the future: odom -> base_link is stamped 1\.[3-5] s after the clock'
    assert re.search(told, health.values['tf_problem'])
    made.steps_until(lambda: health.values['tf_problem'] == '', odometry=True)
