import numpy as np

from vggt_ros.mapping.refinement.two_view import TwoView
from vggt_ros.mapping.refinement.window_tracks import window_tracks


def test_only_verified_matches_become_tracks():
    uv = [np.random.default_rng(i).random((5, 2)) for i in range(3)]
    pair = TwoView(matches=np.array([[0, 4], [2, 1]]), b_from_a=np.eye(4), parallax_rad=0.1)
    K = np.repeat(np.eye(3)[None], 3, axis=0)
    found = window_tracks(uv, {(0, 2): pair}, K, is_calibrated=False, image_size=(64, 48))
    np.testing.assert_array_equal(found.tracks.feature, [[0, -1, 4], [2, -1, 1]])
    np.testing.assert_array_equal(found.tracks.uv[1, 2], uv[2][1])
    assert set(found.pairs) == {(0, 2)}
    assert not found.is_calibrated
    assert found.image_size == (64, 48)
