"""Forty of the windows of benchmarks.disturbed_windows: none becomes worse."""

import numpy as np
import pytest

from benchmarks.disturbed_windows import disturb

SEEDS = range(40)


@pytest.fixture(scope='module')
def disturbed():
    return [disturb(seed) for seed in SEEDS]


@pytest.mark.slow
def test_no_window_is_worse_after_refinement(disturbed):
    assert not [window for window in disturbed if window.is_worse]


@pytest.mark.slow
def test_most_windows_are_refined_and_better_by_far(disturbed):
    refined = [window for window in disturbed if window.num_verified >= 2]
    assert len(refined) > 0.6 * len(disturbed)
    gain = [window.before_rad / window.after_rad for window in refined]
    assert np.median(gain) > 10.0


@pytest.mark.slow
def test_all_kinds_of_windows_are_among_them(disturbed):
    assert {window.plan.motion for window in disturbed} == {'sideways', 'forward', 'turning'}
    assert {window.method for window in disturbed} == {'adjusted', 'rotation', 'none'}
    assert {window.start for window in disturbed} == {'network', 'tracks', ''}
    for name in ('is_held', 'is_calibrated'):
        assert {getattr(window, name) for window in disturbed} == {True, False}
