from dataclasses import replace
import json
import sys

import numpy as np
import pytest

from benchmarks import disturbed_windows
from benchmarks.disturbed_windows import disturb, main, MARGIN_RAD, pair_error_rad, summarize
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector


def poses(count=4):
    rng = np.random.default_rng(0)
    return se3.rigid(
        matrix_from_rotation_vector(rng.normal(size=(count, 3))), rng.normal(size=(count, 3))
    )


def test_the_frame_and_the_unit_of_poses_are_no_error():
    truth = poses()
    moved = se3.rigid(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.ones(3)) @ truth
    moved[:, :3, 3] *= 2.5
    assert pair_error_rad(moved, truth, 2.0, unit=0.35) == pytest.approx(0.0, abs=1e-7)
    assert pair_error_rad(moved, truth, 2.0, unit=1.0) > 0.1


def test_poses_are_not_shrunk_until_they_fit():
    truth = poses()
    opposite = truth.copy()
    opposite[:, :3, 3] *= -1.0
    in_one_place = truth.copy()
    in_one_place[:, :3, 3] = 0.0
    assert pair_error_rad(opposite, truth, 2.0) > pair_error_rad(in_one_place, truth, 2.0)


def test_a_turn_counts_in_radians_and_a_shift_in_depths():
    truth = poses(2)
    turned = truth.copy()
    turned[1, :3, :3] = turned[1, :3, :3] @ matrix_from_rotation_vector(np.array([0.0, 0.02, 0.0]))
    assert pair_error_rad(turned, truth, 2.0) == pytest.approx(0.02)
    shifted = truth.copy()
    way = truth[1, :3, 3] - truth[0, :3, 3]
    across = np.cross(way, (0.0, 0.0, 1.0))  # along the way it would be a matter of the unit
    shifted[1, :3, 3] += 0.1 * across / np.linalg.norm(across)
    assert pair_error_rad(shifted, truth, 2.0) == pytest.approx(0.05, rel=0.01)


def test_a_window_is_worse_by_more_than_the_margin():
    window = replace(disturb(0), before_rad=0.01)
    assert not replace(window, after_rad=0.01 + 0.9 * MARGIN_RAD).is_worse
    assert replace(window, after_rad=0.01 + 1.1 * MARGIN_RAD).is_worse
    assert not replace(window, before_rad=np.nan, after_rad=np.nan).is_worse


def test_the_same_seed_gives_the_same_window():
    assert np.isfinite(disturb(0).after_rad)
    assert disturb(0) == disturb(0)


def test_the_windows_are_counted():
    window = replace(disturb(0), before_rad=0.01, after_rad=0.001, method='adjusted')
    worse = replace(window, after_rad=0.5)
    unrefined = replace(window, before_rad=np.nan, after_rad=np.nan, method='none', start='')
    found = summarize([window, worse, unrefined])
    assert found['windows'] == 3
    assert found['compared'] == found['adjusted'] == 2
    assert found['not_refined'] == 1
    assert found['worse'] == 1
    assert found['worse_share'] == pytest.approx(1 / 3)
    assert found['worse_seeds'] == [0]
    assert json.dumps(found)
    assert summarize([unrefined])['median_after_deg'] is None


@pytest.mark.parametrize(('after_rad', 'code'), [(0.001, 0), (0.5, 1)])
def test_the_program_fails_if_too_many_are_worse(monkeypatch, capsys, after_rad, code):
    window = replace(disturb(0), before_rad=0.01, after_rad=after_rad)
    monkeypatch.setattr(disturbed_windows, 'disturb', lambda _: window)
    monkeypatch.setattr(sys, 'argv', ['disturbed_windows', '--windows', '3'])
    assert main() == code
    assert json.loads(capsys.readouterr().out)['windows'] == 3
