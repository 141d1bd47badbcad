import numpy as np
import pytest

from vggt_ros.mapping.frontend.motion_lag import lag_evidence, motion_lag

NUM = 121
MAX_LAG = 5
NAN = np.nan


def series(rng, lag=0, num_causes=3, memory=0.8, noise=0.05):
    """Shifts of two cameras that see the same motion, the second one `lag` steps later."""
    causes = rng.normal(size=(NUM + 40, num_causes))
    for step in range(1, len(causes)):
        causes[step] += memory * causes[step - 1]
    first, second = (causes @ rng.normal(size=(num_causes, 2)) for _ in range(2))
    first, second = first[20 : 20 + NUM], second[20 - lag : 20 - lag + NUM]
    return tuple(each + rng.normal(size=each.shape) * noise for each in (first, second))


@pytest.mark.parametrize('lag', [-5, -1, 0, 1, 3])
def test_the_lag_is_found_whichever_way_the_cameras_look(rng, lag):
    assert motion_lag(*series(rng, lag, num_causes=2), MAX_LAG) == lag


def test_steps_that_are_missing_only_make_it_less_sure(rng):
    first, second = series(rng, 1, num_causes=2)
    before = lag_evidence(first, second, MAX_LAG)[MAX_LAG + 1]
    first[rng.random(NUM) < 0.1] = NAN
    second[rng.random(NUM) < 0.1] = NAN
    assert motion_lag(first, second, MAX_LAG) == 1
    assert 40.0 < lag_evidence(first, second, MAX_LAG)[MAX_LAG + 1] < before


def test_where_nothing_moves_nothing_is_said(rng):
    # Even if the noise of both had one cause, as a light that flickers.
    first, second = series(rng)
    still = 0.1 / np.abs(first).max()
    assert motion_lag(still * first, still * second, MAX_LAG) is None
    assert motion_lag(first, still * second, MAX_LAG) is None


def test_cameras_that_move_each_for_itself_tell_nothing(rng):
    for _ in range(50):
        first, _ = series(rng)
        second, _ = series(rng)
        assert motion_lag(first, second, MAX_LAG) is None


def test_even_and_periodic_motion_tell_nothing():
    steps = np.arange(NUM, dtype=float)
    even = np.stack([3.0 + 0 * steps, 0 * steps], axis=1)
    assert motion_lag(even, even, MAX_LAG) is None
    circle = np.stack([np.sin(0.8 * steps), np.cos(0.8 * steps)], axis=1)
    assert motion_lag(3 * circle, 3 * circle, MAX_LAG) is None


def test_few_steps_tell_nothing(rng):
    first, second = series(rng, num_causes=2)
    first[50:] = NAN
    assert motion_lag(first, second, MAX_LAG) is None


def test_cameras_that_are_together_are_never_said_to_be_apart(rng):
    """Whatever moves them: by hand, on legs, on wheels; seen with more or less noise."""
    num_found = 0
    for trial in range(200):
        first, second = series(
            rng,
            num_causes=1 + trial % 6,
            memory=(0.3, 0.9, 0.99)[trial % 3],
            noise=(0.02, 0.3, 1.0)[trial // 3 % 3],
        )
        lag = motion_lag(first, second, MAX_LAG)
        assert lag in (None, 0)
        num_found += lag == 0
    assert num_found > 60
