import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import angle_between
from vggt_ros.mapping.refinement.two_view import MIN_INLIERS, normalized, verify_pair


def pair_of(window, first=0, second=6, rng=None, wrong=0):
    """Pixels of two cameras and all their matches; the last ones are wrong."""
    both = window.tracks.is_seen[:, first] & window.tracks.is_seen[:, second]
    uv_a, uv_b = window.tracks.uv[both, first], window.tracks.uv[both, second].copy()
    if wrong:
        uv_b[-wrong:] = rng.random((wrong, 2)) * (640, 480)
    rows = np.arange(len(uv_a))
    return uv_a, uv_b, np.stack([rows, rows], axis=1), window.K[first], window.K[second]


def truth_of(window, first=0, second=6):
    return se3.inverse(window.window_from_cam[second]) @ window.window_from_cam[first]


def test_the_motion_is_found_up_to_its_length(tracked):
    window = tracked()
    found = verify_pair(*pair_of(window))
    truth = truth_of(window)
    assert np.degrees(angle_between(found.b_from_a[:3, :3], truth[:3, :3])) < 0.3
    cosine = found.b_from_a[:3, 3] @ truth[:3, 3] / np.linalg.norm(truth[:3, 3])
    assert np.degrees(np.arccos(cosine)) < 2.0
    assert np.linalg.norm(found.b_from_a[:3, 3]) == pytest.approx(1.0)


def test_wrong_matches_are_left_out(tracked, rng):
    window = tracked()
    arguments = pair_of(window, rng=rng, wrong=40)
    found = verify_pair(*arguments)
    kept, count = set(found.matches[:, 0].tolist()), len(arguments[0])
    assert len(kept & set(range(count - 40, count))) <= 8  # those near their epipolar lines
    assert len(kept & set(range(count - 40))) > 0.9 * (count - 40)


def test_the_parallax_is_what_rotation_leaves(tracked):
    moving, turning = (
        verify_pair(*pair_of(tracked(motion=m), 0, 3)) for m in ('sideways', 'turning')
    )
    assert np.degrees(turning.parallax_rad) < 0.2
    assert np.degrees(moving.parallax_rad) > 3.0


@pytest.mark.parametrize('seed', range(3))
def test_cameras_that_only_turn_are_not_turned_around(tracked, seed):
    window = tracked(motion='turning', seed=seed)
    for second in range(1, 7):
        found = verify_pair(*pair_of(window, 0, second))
        truth = truth_of(window, 0, second)
        assert np.degrees(angle_between(found.b_from_a[:3, :3], truth[:3, :3])) < 2.0
        assert np.degrees(found.parallax_rad) < 0.2


def test_few_matches_say_nothing(tracked):
    uv_a, uv_b, matches, *K = pair_of(tracked())
    assert verify_pair(uv_a, uv_b, matches[: MIN_INLIERS - 1], *K) is None


def test_matches_without_a_common_motion_say_nothing(rng):
    size = np.array([640, 480])
    matches = np.stack([np.arange(20)] * 2, axis=1)
    K = np.array([[520.0, 0, 320], [0, 520, 240], [0, 0, 1]])
    assert (
        verify_pair(rng.random((20, 2)) * size, rng.random((20, 2)) * size, matches, K, K) is None
    )


def test_skew_is_taken_out():
    K = np.array([[500.0, 10, 320], [0, 400, 240], [0, 0, 1]])
    np.testing.assert_allclose(normalized(np.array([[425.0, 440.0]]), K), [[0.2, 0.5]])
