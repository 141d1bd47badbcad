import numpy as np
import pytest

from vggt_ros.offline.map_history import MapHistory


def line(ids, step, start=0.0):
    poses = {}
    for i in ids:
        poses[i] = np.eye(4)
        poses[i][0, 3] = start + step * i
    return poses


def test_a_window_that_was_stretched_says_by_how_much():
    history = MapHistory()
    window = history.add([0, 1, 2], line([0, 1, 2], 1.0), 1.0)
    assert history.growth(window, line(range(9), 1.0)) == pytest.approx(1.0)
    assert history.growth(window, line(range(9), 2.5, start=40.0)) == pytest.approx(2.5)


def test_a_window_on_the_spot_grows_with_the_map():
    history = MapHistory()
    first = history.add([0, 1], line([0, 1], 0.0, start=3.0), 1.0)
    history.add([2, 3], line([2, 3], 1.0), 4.0)
    assert history.growth(first, line(range(4), 0.0)) == pytest.approx(4.0)


def test_frames_that_have_no_pose_any_more_do_not_count():
    history = MapHistory()
    window = history.add([0, 1, 2], line([0, 1, 2], 1.0), 1.0)
    assert history.growth(window, line([1, 2], 3.0)) == pytest.approx(3.0 * 2**-0.5 / 2**-0.5)
    assert history.growth(window, line([2], 3.0)) == 1.0


def test_a_frame_belongs_to_the_window_it_came_with():
    history = MapHistory()
    history.add([0, 1], line([0, 1], 1.0), 1.0)
    history.add([1, 2, 5], line([1, 2], 1.0), 1.0)
    assert [history.window_of(i) for i in (0, 1, 2, 5)] == [0, 0, 1, None]
    assert len(history) == 2
