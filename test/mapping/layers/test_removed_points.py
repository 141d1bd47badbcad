import numpy as np

from vggt_ros.mapping.layers.removed_points import RemovedPoints


def add(removed, keys, tick):
    keys = np.asarray(keys)
    removed.add(keys, np.repeat(keys[:, None], 3, axis=1).astype(np.float32), tick)


def test_what_was_removed_after_a_tick_is_told_in_order():
    removed = RemovedPoints(10)
    add(removed, [5, 3], 1)
    add(removed, [9], 4)
    keys, points = removed.since(0)
    assert keys.tolist() == [5, 3, 9]
    assert points[:, 0].tolist() == [5, 3, 9]
    assert removed.since(1)[0].tolist() == removed.since(3)[0].tolist() == [9]
    assert not len(removed.since(4)[0])


def test_the_newest_are_kept():
    removed = RemovedPoints(3)
    add(removed, [1, 2], 1)
    add(removed, [3, 4], 2)
    assert removed.since(0)[0].tolist() == [2, 3, 4]
    removed.clear()
    assert len(removed) == 0
