import numpy as np

from vggt_ros.mapping.refinement.window_candidate import AdjustmentPriors
from vggt_ros.mapping.refinement.window_refinement import refine_window


def test_without_its_first_cameras_a_window_keeps_what_the_others_see(tracked):
    window = tracked()
    seen = window.seen()
    whole = refine_window(seen, window.estimate(seen.tracks), AdjustmentPriors())
    part = whole.without_first(3)
    np.testing.assert_array_equal(part.is_verified, whole.is_verified[3:])
    np.testing.assert_array_equal(
        part.geometry.window_from_cam, whole.geometry.window_from_cam[3:]
    )
    np.testing.assert_array_equal(part.geometry.K, whole.geometry.K[3:])
    np.testing.assert_array_equal(part.tracks.feature, whole.tracks.feature[:, 3:])
    np.testing.assert_array_equal(part.tracks.uv, whole.tracks.uv[:, 3:])
    has_point = np.isfinite(part.geometry.points[:, 0])
    np.testing.assert_array_equal(has_point, whole.is_inlier[:, 3:].any(axis=1))
    assert not has_point.all()
    assert has_point.any()
    np.testing.assert_array_equal(part.num_inliers, whole.num_inliers[3:])
    np.testing.assert_array_equal(whole.num_inliers, whole.is_inlier.sum(axis=0))


def test_without_none_of_them_it_is_the_same(tracked):
    window = tracked()
    seen = window.seen()
    whole = refine_window(seen, window.estimate(seen.tracks), AdjustmentPriors())
    same = whole.without_first(0)
    np.testing.assert_array_equal(same.geometry.points, whole.geometry.points)
    np.testing.assert_array_equal(same.is_inlier, whole.is_inlier)
