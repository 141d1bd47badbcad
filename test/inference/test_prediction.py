import numpy as np
import pytest

from vggt_ros.inference.prediction import Request, Tracks


def test_a_request_asks_for_depth_and_cameras_only_unless_told():
    request = Request()
    assert request.query_points is None
    assert not request.point_head


def test_the_axes_of_tracks_are_checked_against_each_other():
    positions = np.zeros((2, 3, 2), dtype=np.float32)
    good = np.zeros((2, 3), dtype=np.float32)
    Tracks(positions=positions, visibility=good, confidence=good)
    with pytest.raises(TypeError):
        Tracks(positions=positions, visibility=good.T, confidence=good)


def test_query_points_are_pairs():
    with pytest.raises(TypeError):
        Request(query_points=np.zeros((4, 3), dtype=np.float32))
