import time

import numpy as np

from vggt_ros.geometry.twist import sim3_of
from vggt_ros.mapping.layers import moved_points as module
from vggt_ros.mapping.layers.moved_points import moved_points


def test_every_point_goes_with_its_submap(monkeypatch):
    monkeypatch.setattr(module, '_BLOCK', 7)
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 3)).astype(np.float32)
    ids = rng.integers(-1, 6, 50)
    correction = {k: sim3_of(rng.normal(size=7)) for k in (5, 0, 2, 9)}
    moved, is_moved = moved_points(points, ids, correction)
    for k in range(50):
        known = correction.get(int(ids[k]))
        assert is_moved[k] == (known is not None)
        expected = points[k] if known is None else known.apply(points[k].astype(float))
        np.testing.assert_allclose(moved[k], expected, rtol=1e-5, atol=1e-5)


def test_without_a_correction_all_stay():
    points = np.ones((3, 3), np.float32)
    moved, is_moved = moved_points(points, np.zeros(3, np.int64), {})
    np.testing.assert_array_equal(moved, points)
    assert not is_moved.any()


def test_many_submaps_cost_no_more_than_few():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300_000, 3)).astype(np.float32)
    ids = rng.integers(0, 3000, 300_000)
    move = sim3_of(0.01 * rng.normal(size=7))
    took_s = []
    for num in (10, 3000):
        start_s = time.process_time()
        moved_points(points, ids % num, dict.fromkeys(range(num), move))
        took_s.append(time.process_time() - start_s)
    assert took_s[1] < 5 * took_s[0] + 0.2
