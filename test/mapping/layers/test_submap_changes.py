import numpy as np

from vggt_ros.mapping.layers.submap_changes import SubmapChanges


def test_the_newest_change_of_each_submap_counts():
    changes = SubmapChanges()
    changes.note(np.array([1, 2, 2]), 5)
    changes.note(np.array([2], np.int32), 7)
    assert changes.since(0) == [1, 2]
    assert changes.since(5) == [2]
    assert changes.since(7) == []
    changes.note_all(9)
    assert changes.since(8) == [1, 2]


def test_submaps_are_forgotten():
    changes = SubmapChanges()
    changes.note(np.array([1, 2]), 5)
    changes.forget([1, 9])
    assert changes.since(0) == [2]
    changes.clear()
    assert changes.since(0) == []
