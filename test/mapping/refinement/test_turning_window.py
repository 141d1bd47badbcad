import numpy as np
import pytest

from vggt_ros.mapping.refinement.bundle_adjustment import PosePrior
from vggt_ros.mapping.refinement.turning_window import refine_rotations_only
from vggt_ros.mapping.refinement.window_candidate import WindowPriors


def known(window, rows, shift=0.0):
    poses = window.window_from_cam.copy()
    poses[:, 0, 3] += shift * np.arange(7)
    return WindowPriors(
        poses=[
            PosePrior(
                row=row,
                window_from_cam=poses[row],
                rotation_sigma_rad=1e-4,
                translation_sigma=1e-4,
            )
            for row in rows
        ]
    )


def refined(window, priors=None, **errors):
    seen = window.seen()
    estimate = window.estimate(seen.tracks, **({'turn_deg': 2.0, 'shift': 0.1} | errors))
    return *refine_rotations_only(seen, estimate, priors or WindowPriors()), seen, estimate


def test_rotations_are_found_and_positions_are_one(tracked, pose_error):
    window = tracked(motion='turning')
    found, total, seen, _ = refined(window)
    assert found.is_verified.all()
    assert found.report.method == 'rotation'
    assert found.report.reason == 'no parallax: only rotations are refined'
    assert pose_error(window, found.geometry.window_from_cam, unit=1.0)[0] < 0.05
    np.testing.assert_allclose(
        found.geometry.window_from_cam[:, :3, 3], window.window_from_cam[:, :3, 3], atol=1e-9
    )
    assert total == pytest.approx(seen.tracks.is_seen.sum(), rel=0.15)


def test_no_point_has_a_place(tracked):
    found, *_ = refined(tracked(motion='turning'))
    assert np.isnan(found.geometry.points).all()
    assert not found.point_angle_rad.any()
    assert found.report.num_observations == found.is_inlier.sum() > 500


def test_cameras_of_the_map_stay_and_the_others_are_where_the_last_of_them_is(tracked):
    window = tracked(motion='turning')
    priors = known(window, (0, 1), shift=0.01)
    found, *_ = refined(window, priors)
    poses = found.geometry.window_from_cam
    for row in (0, 1):
        np.testing.assert_allclose(poses[row], priors.poses[row].window_from_cam, atol=1e-12)
    expected = np.tile(priors.poses[1].window_from_cam[:3, 3], (5, 1))
    np.testing.assert_allclose(poses[2:, :3, 3], expected, atol=1e-12)


def test_cameras_that_no_pair_reaches_keep_the_pose_of_the_network(tracked):
    window = tracked(motion='turning', strangers=(3,))
    found, _, _, estimate = refined(window)
    np.testing.assert_array_equal(found.is_verified, np.arange(7) != 3)
    np.testing.assert_array_equal(found.geometry.window_from_cam[3], estimate.window_from_cam[3])
    assert not found.is_inlier[:, 3].any()


def test_what_moved_does_not_pass_for_turning(tracked):
    found, total, seen, _ = refined(tracked(motion='sideways'))
    assert total < 0.5 * seen.tracks.is_seen.sum()
    assert not found.is_verified.all()


def test_if_nothing_fits_nothing_is_verified_and_the_reason_is_said(tracked):
    found, *_ = refined(tracked(motion='turning', outliers=1.0))
    assert not found.is_verified.any()
    assert found.report.method == 'none'
    assert found.report.start == ''
    assert found.report.reason == 'no parallax, and too few tracks fit one rotation'
